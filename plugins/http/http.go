// Package http carries the module http: it sends a request over HTTP/1.1 and
// waits for the response.
//
// # What is sent, and how often
//
// Exactly one request for each call, and one more for each redirect that the
// call allows. Nothing is sent again by itself, on no kind of failure: whether
// a request may be repeated is what the op's recovery says, and the engine acts
// upon it, with the same key. Therefore each request has a connection of its
// own: net/http repeats requests on connections that it kept.
//
// # What is known afterwards
//
// Until the connection stands, TLS included, nothing has left: the service is
// unavailable, or refuses. From then on the request may have reached it. A call
// that may change something and that gets no whole answer has an unknown
// outcome, and so has one that a gateway answered for a server behind it. A
// status of the service's own that is no success is a failure.
//
// # Secrets
//
// Headers of the call's secrets, and of the configuration's, go to the origin
// that the call names and are left out where a redirect leads elsewhere. No
// error holds their values, whatever the service writes into its answer.
package http

import (
	"context"
	"errors"
	"fmt"
	"net"
	nethttp "net/http"
	"net/url"
	"os"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/http"
)

// Backend sends requests. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "http", Module: "http", Version: "1.0.0",
		Doc:    "Send HTTP requests from the machine of the runner, each exactly once",
		Ops:    contract.Module().Ops,
		Config: fields(),
	}
}

// Configure implements plugins.Backend. Certificates are read to see whether
// they are good, and anew for each connection, so that they can be renewed.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	c, err := b.call(req)
	if err != nil {
		return nil, err
	}
	value, e := c.do(ctx)
	if e != nil {
		return nil, c.scrub.Error(e)
	}
	if clean, changed := c.scrub.Value(value); changed {
		value, _ = clean.(map[string]any)
		value["redacted"] = true
	}
	return value, nil
}

// Preview implements plugins.Previewer: it says what would be sent, and refuses
// what would be refused. It connects to nobody.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	c, err := b.call(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	return effect.Prediction{Target: c.url.Host, To: fmt.Sprintf("%s, %d bytes", c, len(c.body))}, nil
}

// Health implements plugins.Backend: the certificates can be read, and each
// service that names a page for it answers there.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for i := range b.settings.services {
		s := &b.settings.services[i]
		if _, err := s.tls(b.settings.ca); err != nil {
			return err
		}
		if s.health == "" {
			continue
		}
		req := plugins.Request{Op: "request", Progress: func(string) {},
			Args: map[string]any{"url": s.health, "method": "GET", "timeout": healthTimeout.Seconds()}}
		if _, err := b.Invoke(ctx, req); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) call(req plugins.Request) (*call, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	if req.Op != "request" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the http backend has no op called %q", req.Op).WithHint("it has request")
	}
	return newCall(b.settings, req)
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the http backend is not configured")
}

// timedOut reports whether an error is a deadline's.
func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// origin returns scheme, host and port of a URL.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

// statusName returns "503 Service Unavailable".
func statusName(status int) string {
	if text := nethttp.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprint(status)
}
