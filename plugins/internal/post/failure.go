package post

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Failure is why a request has no answer.
type Failure struct {
	// Sent says that the request may have reached someone. Otherwise nothing
	// has left.
	Sent bool

	asked, address string
	code           effect.Code // if nothing was to change
	why, hint      string
}

func (f *Failure) because(code effect.Code, why, hint string) *Failure {
	f.code, f.why, f.hint = code, why, hint
	return f
}

// Error returns what to say of a request that was to change nothing.
func (f *Failure) Error() *effect.Error {
	where := f.asked
	if f.address != "" {
		where += " (" + f.address + ")"
	}
	e := effect.Errorf(f.code, "%s: %s", where, f.why)
	if !f.Sent {
		e.Message += "; nothing was sent"
	}
	return e.WithHint("%s", f.hint)
}

// Write returns what to say of a request that was to change something: its
// outcome is unknown once it may have been read. hint says what to do then.
func (f *Failure) Write(hint string) *effect.Error {
	e := f.Error()
	if !f.Sent {
		return e
	}
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether it was taken", e.Message).WithHint("%s", hint)
}

func (f *Failure) classify(ctx context.Context, err error, timeout, took time.Duration) *Failure {
	var unverified *tls.CertificateVerificationError
	var noName *net.DNSError
	var header tls.RecordHeaderError
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return f.because(effect.CodeTimeout, "canceled after "+effect.FormatDuration(took.Round(time.Millisecond)), "")
	case ctx.Err() != nil && !f.Sent:
		return f.because(effect.CodeUnavailable, "no connection within "+effect.FormatDuration(min(timeout, took.Round(time.Millisecond))),
			"check the address, and whether it can be reached from here; through a proxy if there is one")
	case ctx.Err() != nil:
		return f.because(effect.CodeTimeout, "no answer within "+effect.FormatDuration(min(timeout, took.Round(time.Millisecond))),
			"see whether the service hangs, or give it longer: timeout")
	case errors.As(err, &unverified):
		return f.because(effect.CodeRefused, "the certificate that it shows is not trusted: "+unverified.Err.Error(),
			"check that this is the right service; name the authority that signed its certificate as ca")
	case errors.As(err, &header):
		return f.because(effect.CodeRefused, "whoever answers there speaks no TLS", "check the port, or whether it is http://")
	case errors.As(err, &noName):
		return f.because(effect.CodeUnavailable, noName.Error(), "check the name, and whether names can be resolved from here")
	case !f.Sent:
		return f.because(effect.CodeUnavailable, err.Error(), "check that it runs and can be reached from here; through a proxy if there is one")
	case strings.Contains(err.Error(), "malformed") || strings.Contains(err.Error(), "server response headers exceeded"):
		return f.because(effect.CodeFailed, "the answer is no HTTP", "check the address and the port: something else seems to listen there")
	}
	return f.because(effect.CodeUnavailable, "the connection broke before a whole answer came: "+err.Error(), "see the service's log")
}
