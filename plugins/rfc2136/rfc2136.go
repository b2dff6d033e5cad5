// Package rfc2136 carries the module dns: it changes records by dynamic updates
// (RFC 2136), signed with a shared key (TSIG, RFC 8945), as BIND, Knot,
// PowerDNS and others take them.
//
// # How a set is changed
//
// One update takes the old set away and puts the new one there, under
// prerequisites that the server checks in the same step: the set holds exactly
// what was read or what the call expects, no CNAME stands beside it, and a
// CNAME stands alone. That is compare-and-swap; a server that found something
// else changed nothing. What the server says is verified by a read.
//
// Updates go over TCP to the primary, once each. Where no answer came, the
// outcome is unknown, and Observe asks the primary what it holds.
//
// # Whom is asked
//
// The primary, with the same key, so that it answers from the same view;
// resolvers by name or address; and, as "authoritative", all authoritative
// servers of the zone, which have to agree.
package rfc2136

import (
	"context"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// Backend reads and changes records. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "rfc2136", Module: "dns", Version: "1.0.0",
		Doc:    "Change DNS records by dynamic updates, signed with TSIG",
		Ops:    stdlib.Carry("dns", "records", "set", "replace", "delete"),
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
	c, err := b.change(ctx, req)
	if err != nil {
		return nil, err
	}
	var value map[string]any
	var e *effect.Error
	switch req.Op {
	case "records":
		value, e = c.records()
	case "set":
		value, e = c.set()
	case "replace":
		value, e = c.replace()
	case "delete":
		value, e = c.remove()
	}
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Preview implements plugins.Previewer: it reads what stands there now.
func (b *Backend) Preview(ctx context.Context, req plugins.Request) (effect.Prediction, error) {
	c, err := b.change(ctx, req)
	if err != nil {
		return effect.Prediction{}, err
	}
	now, e := c.look()
	if e != nil {
		return effect.Prediction{}, e
	}
	to := c.values("values")
	switch req.Op {
	case "replace":
		if from := c.values("from"); !same(now.values, from) {
			return effect.Prediction{}, contract.Unexpected(c.title(), now.values, from)
		}
		to = c.values("to")
	case "delete":
		to = nil
	}
	return effect.Prediction{Target: c.title(), From: orNothing(now.values), To: orNothing(to)}, nil
}

// Health implements plugins.Backend: the primary answers, for each configured
// zone with authority.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	names := b.settings.zones
	if len(names) == 0 {
		names = []string{"."}
	}
	for _, name := range names {
		c := &change{settings: b.settings, ctx: ctx, name: name, zone: name}
		if name == "." { // any answer will do that takes the key
			_, e := c.ask(b.settings.primary(), question(name, "SOA", false))
			if e != nil && (e.Code != effect.CodeRefused || strings.Contains(e.Message, "NOTAUTH")) {
				return e
			}
			continue
		}
		if e := c.findZone(); e != nil {
			return e
		}
	}
	return nil
}

// change returns what a request is about.
func (b *Backend) change(ctx context.Context, req plugins.Request) (*change, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	switch req.Op {
	case "records", "set", "replace", "delete":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the rfc2136 backend has no op called %q", req.Op).WithHint("it has records, set, replace and delete")
	}
	text := func(name string) string { s, _ := req.Args[name].(string); return s }
	c := &change{settings: b.settings, ctx: ctx, args: req.Args, name: lower(text("name")), kind: text("type"), zone: lower(text("zone")), sets: map[string][]string{}}
	for _, name := range []string{"values", "from", "to"} {
		list, given := req.Args[name].([]any)
		if !given {
			continue
		}
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i], _ = v.(string)
		}
		set, err := contract.CanonicalSet(c.kind, texts)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: %v", name, err)
		}
		c.sets[name] = set
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "%s of %s was canceled before it began; nothing was sent", req.Op, c.title())
	}
	return c, nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the rfc2136 backend is not configured")
}

// lower returns a name as this package has it: in lower case, without the dot
// at its end.
func lower(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func orNothing(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}
