package kubo

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// refused reads an answer whose status is no success.
func (c *call) refused(command string, status int, body []byte) error {
	var told struct {
		Message string
		Type    string
	}
	if json.Unmarshal(body, &told) == nil && told.Type == "error" && told.Message != "" {
		return &said{command, told.Message}
	}
	message := fmt.Sprintf("%s was asked to %s and answered %d %s", c.node, command, status, http.StatusText(status))
	if text := c.oneLine(string(body)); text != "" {
		message += ": " + text
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return effect.Errorf(effect.CodeRefused, "%s", message).
			WithHint("check token in the configuration of kubo; the node's API.Authorizations has to allow /api/v0/%s for it", command)
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return effect.Errorf(effect.CodeFailed, "%s", message).
			WithHint("check api in the configuration of kubo: it is the port of commands (5001), not of the gateway (8080), and an old node may lack the command")
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if c.writes { // a proxy said so, and does not know either
			return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether the node acted upon it", message).
				WithHint("see whether the node runs behind its proxy; the call is sent again, which does no harm")
		}
		return effect.Errorf(effect.CodeUnavailable, "%s", message).WithHint("see whether the node runs behind its proxy")
	}
	e := effect.Errorf(effect.CodeFailed, "%s", message).WithHint("see the node's log")
	e.Retryable = status >= 500 || status == http.StatusTooManyRequests
	return e
}

// explain turns what went wrong into what the script is told.
func (c *call) explain(err error) *effect.Error {
	var own *effect.Error
	var told *said
	var lost *broken
	var strange *rubbish
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	case errors.As(err, &told):
		return c.told(told)
	case errors.As(err, &strange):
		e := effect.Errorf(effect.CodeFailed, "%s was asked to %s, and its answer is none of Kubo's: %v", c.node, strange.command, strange.err)
		if c.writes {
			e = c.unknown(e.Message)
		}
		return e.WithHint("check api in the configuration of kubo: something else seems to answer there")
	case errors.As(err, &lost):
		return c.lost(lost)
	}
	return effect.Errorf(effect.CodeFailed, "%v", err)
}

// told is for errors in the node's own words. They have no codes; so only the
// kind of the advice goes by them.
func (c *call) told(e *said) *effect.Error {
	message := fmt.Sprintf("%s could not %s: %s", c.node, e.command, c.oneLine(e.message))
	if timedOut(e) {
		return effect.Errorf(effect.CodeTimeout, "%s", message).WithHint("see whether other nodes that have the content can be reached from it, or give it longer: timeout")
	}
	return effect.Errorf(effect.CodeFailed, "%s", message).WithHint("see the node's log, and `ipfs %s` there", strings.ReplaceAll(e.command, "/", " "))
}

// timedOut reports whether the node gave up in the time that we gave it.
func timedOut(err error) bool {
	var told *said
	return errors.As(err, &told) && strings.Contains(told.message, context.DeadlineExceeded.Error())
}

// lost explains a command without a whole answer.
func (c *call) lost(e *broken) *effect.Error {
	what := fmt.Sprintf("%s was asked to %s", c.node, e.command)
	took := effect.FormatDuration(c.limit)
	if !e.reached {
		code, hint := effect.CodeUnavailable, "check that the node runs (`ipfs daemon`) and that its API listens there"
		var unverified *tls.CertificateVerificationError
		var plain tls.RecordHeaderError
		switch {
		case errors.As(e.err, &unverified):
			code, hint = effect.CodeRefused, "check that this is the right host; name the authority that signed its certificate as ca in the configuration of kubo"
		case errors.As(e.err, &plain):
			code, hint = effect.CodeRefused, "check api in the configuration of kubo: no TLS is spoken there"
		case c.ctx.Err() != nil:
			code = effect.CodeTimeout
		}
		return effect.Errorf(code, "%s could not be asked to %s: %v; nothing was sent", c.node, e.command, e.err).WithHint("%s", hint)
	}
	why, code := fmt.Sprintf("%s, and its answer broke off: %v", what, e.err), effect.CodeUnavailable
	switch {
	case errors.Is(c.ctx.Err(), context.Canceled):
		why, code = what+", and the call was canceled before it had answered", effect.CodeTimeout
	case c.ctx.Err() != nil:
		why, code = what+", and had not answered within "+took, effect.CodeTimeout
	case strings.Contains(e.err.Error(), "malformed HTTP") || strings.Contains(e.err.Error(), "response headers exceeded"):
		why, code = what+", and what answers there speaks no HTTP: "+c.oneLine(e.err.Error()), effect.CodeFailed
	}
	if c.writes {
		return c.unknown(why)
	}
	return effect.Errorf(code, "%s", why).WithHint("see whether the node hangs or was restarted; give it longer by timeout")
}

// unknown is the outcome of a command that may have changed something. Since
// content is named by its hash, all of them may be repeated.
func (c *call) unknown(why string) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether the node acted upon it", why).
		WithHint("the call is sent again, which does no harm; see the node's log if that goes on")
}
