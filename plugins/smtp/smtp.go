// Package smtp carries send of the module notify by mail, through one
// submission server. It speaks to it with TLS (STARTTLS or from the first
// byte); without only on this machine, where nobody listens on the way.
//
// # What is known afterwards
//
// Nothing is sent before every recipient was taken: of a message to several
// nobody or everybody gets one. From the first byte of the message on, until
// the server said what it did with it, the outcome is unknown. Message-ID is
// made of the effect's key.
//
//   - settings.go   the configuration
//   - message.go    the message
//   - session.go    one conversation with the server
package smtp

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend sends mail to the configured channels. New returns it; Configure
// makes it ready.
type Backend struct {
	settings *settings
	now      func() time.Time
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{now: time.Now} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "smtp", Module: "notify", Version: "1.0.0",
		Doc:    "Send messages by mail, through a submission server",
		Ops:    stdlib.Carry("notify", "send"),
		Config: fields(),
	}
}

// Configure implements plugins.Backend. It connects to nobody.
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
	if req.Op != "send" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the smtp backend has no op called %q", req.Op).WithHint("it has send")
	}
	c, err := b.channel(req)
	if err != nil {
		return nil, err
	}
	title, _ := req.Args["title"].(string)
	text, _ := req.Args["text"].(string)
	m := &message{from: b.settings.from, to: c.to, title: firstOf(title, c.title, "runbook"), text: text, key: req.Key, run: req.Run, at: b.now()}
	s := newSession(b.settings)
	defer s.close()
	if e := s.deliver(ctx, m); e != nil {
		e = b.settings.scrub.Error(e)
		e.Message = "mail to " + c.name + " by " + b.settings.server + ": " + e.Message
		return nil, e
	}
	return map[string]any{"sent": true}, nil
}

// Preview implements plugins.Previewer: it says who would get a message.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	c, err := b.channel(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	text, _ := req.Args["text"].(string)
	return effect.Prediction{Target: fmt.Sprintf("channel %s (mail to %s)", c.name, strings.Join(c.to, ", ")), To: text}, nil
}

// Health implements plugins.Backend: the server can be reached with TLS and
// takes the login. It sends nothing.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	s := newSession(b.settings)
	defer s.close()
	if e := s.open(ctx); e != nil {
		e = b.settings.scrub.Error(e)
		e.Message = b.settings.server + ": " + e.Message
		return e
	}
	s.quit()
	return nil
}

// channel returns the configured channel that a call means.
func (b *Backend) channel(req plugins.Request) (*channel, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	to, _ := req.Args["to"].(string)
	if c := b.settings.channels[to]; c != nil {
		return c, nil
	}
	names := slices.Sorted(maps.Keys(b.settings.channels))
	return nil, effect.Errorf(effect.CodeNotFound, "no channel %q is configured at smtp", to).WithHint("%s", effect.Among("known: ", to, names))
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the smtp backend is not configured")
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}
