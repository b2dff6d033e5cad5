// Package pinning carries pins, pin and unpin of the module ipfs on services
// that keep content for others, by the IPFS Pinning Service API 1.0.0.
//
// # One content, one pin
//
// A service takes a request and fetches by itself; the same content may be
// requested many times and is then kept, and paid for, as often. So a pin looks
// first for a request of that content that is there, in whatever state, and
// waits for that one: a pin that is sent again after a crash finds its own.
//
// # What is known when something goes wrong
//
// A service goes on after we have stopped waiting. What timed out is a failure
// of the call, and the error says that the request stands; unpin ends it. Where
// an answer to a change is lost the outcome is unknown, and the engine sends the
// call again, which is harmless.
package pinning

import (
	"context"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend asks pinning services. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "pinning", Module: "ipfs", Version: "1.0.0",
		Doc:    "Keep content at pinning services, by the IPFS Pinning Service API",
		Ops:    stdlib.Carry("ipfs", "pins", "pin", "unpin"),
		Config: fields(),
	}
}

// Configure implements plugins.Backend. It asks nobody.
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
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	ops := b.Describe().Ops
	i := slices.IndexFunc(ops, func(op effect.Op) bool { return op.Name == req.Op })
	if i < 0 {
		return nil, effect.Errorf(effect.CodeUnsupported, "the pinning backend has no op called %q", req.Op).WithHint("it has pins, pin and unpin")
	}
	s, e := b.settings.service(str(req.Args["node"]))
	if e != nil {
		return nil, e
	}
	c, cancel := newCall(ctx, b.settings, s, req, &ops[i])
	defer cancel()
	if c.ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "ipfs.%s was canceled before it began; nothing was sent", req.Op)
	}
	var value map[string]any
	switch req.Op {
	case "pins":
		value, e = c.pins()
	case "pin":
		value, e = c.pin()
	case "unpin":
		value, e = c.unpin()
	}
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Health implements plugins.Backend: every service answers, and takes the
// token.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	op := &effect.Op{Class: effect.Read, Timeout: b.settings.health}
	for _, name := range slices.Sorted(maps.Keys(b.settings.services)) {
		c, cancel := newCall(ctx, b.settings, b.settings.services[name], plugins.Request{Progress: func(string) {}}, op)
		_, _, e := c.page(query("limit", "1"))
		cancel()
		if e != nil {
			return e
		}
	}
	return nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the pinning backend is not configured")
}
