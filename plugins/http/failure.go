package http

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	contract "github.com/q-ecosystem/runbook/stdlib/http"
)

// lost explains a call that got no response.
func (c *call) lost(ctx context.Context, err error, began time.Time) *effect.Error {
	var e *effect.Error
	if !errors.As(err, &e) {
		e = c.classify(ctx, err, began)
	} else if !c.reached {
		return e // refused by the configuration
	}
	if !c.reached {
		e.Message += "; nothing was sent"
		return e
	}
	if !c.writes || e.Code == effect.CodeRefused && c.sentNothing(err) {
		return e
	}
	return c.unknown(e.Message)
}

// unknown is the outcome of a request that may have changed something.
func (c *call) unknown(why string) *effect.Error {
	hint := `look at the service, then say what happened; a request that may be sent twice has recovery = "retry", at best with a key_header`
	if c.repeats {
		hint = "it may be sent again, as its recovery says; look at the service if that goes on"
	}
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether the service acted upon it", why).WithHint("%s", hint)
}

// sentNothing reports whether the server refused the connection itself after
// it stood for us: TLS 1.3 shows that late.
func (c *call) sentNothing(err error) bool {
	_, ok := refusedCertificate(err)
	return ok && c.asked == c.String() // and no redirect came before
}

func (c *call) classify(ctx context.Context, err error, began time.Time) *effect.Error {
	where := c.asked
	if c.address != "" {
		where += " (" + c.address + ")"
	}
	took := effect.FormatDuration(time.Since(began).Round(time.Millisecond))
	var unverified *tls.CertificateVerificationError
	var noName *net.DNSError
	var header tls.RecordHeaderError
	alert, alerted := refusedCertificate(err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return effect.Errorf(effect.CodeTimeout, "%s was canceled after %s", where, took)
	case ctx.Err() != nil:
		return effect.Errorf(effect.CodeTimeout, "%s: no answer within %s", where, effect.FormatDuration(c.timeout)).
			WithHint("see whether the service hangs, or give it longer: timeout")
	case alerted:
		return effect.Errorf(effect.CodeRefused, "%s: the service refuses our certificate, or that there is none: %s", where, alert).
			WithHint("check cert and key of this service in the configuration of http")
	case errors.As(err, &unverified):
		hint := "check that this is the right service; name the authority that signed its certificate as ca in the configuration of http"
		var wrong x509.HostnameError
		if errors.As(err, &wrong) {
			hint = "check the URL; a service that bears another name needs server_name in the configuration of http"
		}
		var invalid x509.CertificateInvalidError
		if errors.As(err, &invalid) && invalid.Reason == x509.Expired {
			hint = "renew the certificate, and let the service load it; or mend the clock of this machine"
		}
		return effect.Errorf(effect.CodeRefused, "%s: the certificate that it shows is not trusted: %v", where, unverified.Err).WithHint("%s", hint)
	case errors.As(err, &header):
		return effect.Errorf(effect.CodeRefused, "%s: whoever answers there speaks no TLS", where).WithHint("check the port, or whether it is http://")
	case errors.As(err, &noName):
		e := effect.Errorf(effect.CodeUnavailable, "%s: %v", where, noName)
		return e.WithHint("check the name, and whether names can be resolved from here")
	case timedOut(err):
		return effect.Errorf(effect.CodeUnavailable, "%s: no connection after %s: %v", where, took, err).
			WithHint("check that the service runs and can be reached from here; connect_timeout bounds the wait")
	case !c.reached:
		return effect.Errorf(effect.CodeUnavailable, "%s: %v", where, err).WithHint("check that the service runs and can be reached from here")
	case strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "server response headers exceeded"):
		return effect.Errorf(effect.CodeFailed, "%s: the answer is no HTTP: %v", where, err).WithHint("check the port: something else seems to listen there")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s: the connection broke before an answer came: %v", where, err).
		WithHint("see the service's log")
}

// refusedCertificate returns the alert by which a server says that it does not
// take our certificate, or the lack of one.
func refusedCertificate(err error) (alert string, ok bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return "", false
	}
	// RFC 8446, section 6.2: handshake_failure, by which TLS 1.2 says it,
	// bad_certificate to unknown_ca, access_denied, certificate_required;
	// crypto/tls does not export its type of alert.
	for _, code := range []tls.AlertError{40, 42, 43, 44, 45, 46, 48, 49, 116} {
		if op.Err.Error() == "tls: "+strings.TrimPrefix(code.Error(), "tls: ") {
			return strings.TrimPrefix(code.Error(), "tls: "), true
		}
	}
	return "", false
}

// refused explains a status that is no success. excerpt is the beginning of
// what came with it.
func (c *call) refused(status int, why, excerpt, retryAfter string) *effect.Error {
	message := fmt.Sprintf("%s (%s) was answered %s", c.asked, c.address, statusName(status))
	if why != "" {
		message += ": " + why
	}
	if retryAfter != "" && (status == 429 || status == 503) {
		message += "; it asks to wait (Retry-After: " + retryAfter + ")"
	}
	if excerpt != "" {
		message += ": " + excerpt
	}
	if c.writes && slices.Contains(contract.Gateway(), status) {
		return c.unknown(message)
	}
	e := effect.Errorf(effect.CodeFailed, "%s", message)
	e.Retryable = status >= 500 || status == 429
	switch status {
	case 401, 403:
		return e.WithHint("check the token: secrets = { Authorization = … }, or secrets of this service in the configuration of http")
	case 404, 410:
		return e.WithHint("check the URL; if this status is no failure, add it to ok = { … }")
	}
	return e.WithHint("if this status is no failure, add it to ok = { … }")
}
