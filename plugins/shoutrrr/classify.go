package shoutrrr

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"

	"github.com/nicholas-fedor/shoutrrr/pkg/util/jsonclient"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// longMessage is the length in bytes above which a service may split a
// message; the shortest limit in the library is 1024 characters.
const longMessage = 1000

// splits reports whether a message to this URL may take several requests, so
// that a failure may concern a part of them. Lists are separated by commas or
// repeat a key, in all services.
func splits(u *url.URL, service string) bool {
	if service == "matrix" || strings.Contains(u.Host+u.Path, ",") {
		return true // matrix without rooms tells all that it has joined
	}
	for _, values := range u.Query() {
		if len(values) > 1 || strings.Contains(strings.Join(values, ""), ",") {
			return true
		}
	}
	return false
}

// failure says what an error of the library means: refused or unavailable
// when the message certainly reached nobody, unknown in any other case.
func (c *channel) failure(err error, opened bool, length int) *effect.Error {
	code, hint := c.classify(err, opened, length)
	detail := c.scrub.clean(err.Error())
	message := fmt.Sprintf("send to %s (%s): %s", c.name, c.service, detail)
	if code == effect.CodeUnknown {
		message += "; it is not known whether it was sent"
	}
	return effect.Errorf(code, "%s", message).WithHint("%s", hint)
}

func (c *channel) classify(err error, opened bool, length int) (effect.Code, string) {
	unreachable := "check that the service runs and can be reached from here"
	if !opened {
		if neverLeft(err) {
			return effect.CodeUnavailable, unreachable
		}
		return effect.CodeRefused, "check the channel's URL in the configuration"
	}
	if c.service == "smtp" {
		return c.classifyMail(err)
	}
	if c.several || length > longMessage {
		return effect.CodeUnknown, "look at the channel: a part of it may have arrived"
	}
	if neverLeft(err) {
		return effect.CodeUnavailable, unreachable
	}
	if status := httpStatus(err); status >= 400 && status < 500 && status != http.StatusRequestTimeout {
		return effect.CodeRefused, hintFor(status)
	}
	return effect.CodeUnknown, "look at the channel"
}

// classifyMail goes by SMTP's replies, which the library hands on. All
// recipients share one connection, each has a transaction of its own.
func (c *channel) classifyMail(err error) (effect.Code, string) {
	if neverLeft(err) {
		return effect.CodeUnavailable, "check that the mail server runs and can be reached from here"
	}
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code < 400 || reply.Code > 599 || c.several ||
		strings.Contains(err.Error(), "error closing session") { // after the message was taken
		return effect.CodeUnknown, "look at the mail server's log"
	}
	return effect.CodeRefused, "check the addresses and the login in the channel's URL"
}

// neverLeft reports whether no connection came about.
func neverLeft(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op == "dial"
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return true
	}
	return dialText.MatchString(err.Error())
}

// httpStatus returns the status with which the service refused, 0 if the
// error tells none.
func httpStatus(err error) int {
	var answered jsonclient.Error
	if errors.As(err, &answered) {
		return answered.StatusCode
	}
	for _, m := range statusText.FindAllStringSubmatch(err.Error(), -1) {
		status, _ := strconv.Atoi(m[1] + m[3])
		if name := http.StatusText(status); name != "" && (m[3] != "" || strings.HasPrefix(m[2], name)) {
			return status
		}
	}
	return 0
}

// Many services of the library hand their cause on as text only. The
// expressions take the text of Go's net package and of HTTP's status lines,
// and nothing looser: what they miss is unknown, which is the safe side.
var (
	dialText   = lazyregexp.New(`\bdial (?:tcp|udp)[46]?[ :].*(?:connect: |lookup |no such host|i/o timeout)`)
	statusText = lazyregexp.New(`\b([45]\d\d) ([A-Z][A-Za-z' -]+)|\b(?i:status(?: code)?|HTTP)[: ]+([45]\d\d)\b`)
)

func hintFor(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return "check the token or password in the channel's URL"
	case http.StatusNotFound, http.StatusGone:
		return "check the channel's URL: the service knows no such place"
	case http.StatusTooManyRequests:
		return "the service takes no more messages for now: send fewer, or later"
	}
	return "check the channel's URL and what the service allows"
}
