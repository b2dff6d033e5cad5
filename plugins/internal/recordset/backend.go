// Package recordset carries the module dns for every kind of who keeps the
// records: what the ops mean, what is compared, verified and observed, and how
// authoritative servers and resolvers are asked, is the same for all of them.
//
//   - keeper.go    Keeper, which a backend implements: find a zone, look at a set, change it
//   - backend.go   Service makes a backend of it
//   - change.go    the ops; observe.go what has become of them
//   - examine.go   what can be told of changes beforehand
//   - client.go    the questions to servers and resolvers, by DNS
//   - text.go      values as the DNS library has them
//   - settings.go  the configuration that all of them have
package recordset

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
	contract "github.com/q-ecosystem/runbook/stdlib/dns"
)

// Service describes a backend.
type Service struct {
	Name, Doc, Version string
	// Config are the keys of its own, "timeout" among them: how long one
	// answer may take.
	Config []effect.Field
	// Open returns who keeps the records; it asks nobody.
	Open func(config map[string]any) (Keeper, error)
	// Settle is how long a change that was under way when its sender died may
	// take to arrive.
	Settle time.Duration
	// OneByOne says that the keeper does not compare what it has with what the
	// change was made for: changes by this program go one after the other.
	OneByOne bool
}

// Backend reads and changes records. New returns it; Configure makes it ready.
type Backend struct {
	service  Service
	settings *settings // nil until it is configured
	turn     sync.Mutex
}

// New returns a backend that is not configured yet.
func New(s Service) *Backend { return &Backend{service: s} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: b.service.Name, Module: "dns", Version: b.service.Version, Doc: b.service.Doc,
		Ops:    stdlib.Carry("dns", "records", "set", "replace", "delete"),
		Config: append(append([]effect.Field{}, b.service.Config...), fields()...),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(b.service, config)
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
	if b.service.OneByOne && req.Op != "records" {
		b.turn.Lock()
		defer b.turn.Unlock()
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
	now, e := c.look(false)
	if e != nil {
		return effect.Prediction{}, e
	}
	to := c.values("values")
	switch req.Op {
	case "replace":
		if from := c.values("from"); !same(now.Values, from) {
			return effect.Prediction{}, contract.Unexpected(c.title(), now.Values, from)
		}
		to = c.values("to")
	case "delete":
		to = nil
	}
	return effect.Prediction{Target: c.title(), From: orNothing(now.Values), To: orNothing(to)}, nil
}

// Health implements plugins.Backend: the keeper answers, and for each configured
// zone it has records.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return b.errNotConfigured()
	}
	if len(b.settings.zones) == 0 {
		if e := b.settings.keeper.Reach(ctx); e != nil {
			return e
		}
		return nil
	}
	for _, name := range b.settings.zones {
		z, e := b.settings.keeper.Find(ctx, name, true)
		if e == nil {
			_, e = b.settings.keeper.Look(ctx, z, name, "A", false)
		}
		if e != nil {
			return e
		}
	}
	return nil
}

// change returns what a request is about.
func (b *Backend) change(ctx context.Context, req plugins.Request) (*change, error) {
	if b.settings == nil {
		return nil, b.errNotConfigured()
	}
	switch req.Op {
	case "records", "set", "replace", "delete":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the %s backend has no op called %q", b.service.Name, req.Op).WithHint("it has records, set, replace and delete")
	}
	text := func(name string) string { s, _ := req.Args[name].(string); return s }
	c := &change{settings: b.settings, ctx: ctx, args: req.Args, name: Lower(text("name")), kind: text("type"), in: Lower(text("zone")), sets: map[string][]string{}}
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

func (b *Backend) errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the %s backend is not configured", b.service.Name)
}

func orNothing(values []string) string {
	if len(values) == 0 {
		return "nothing"
	}
	return strings.Join(values, ", ")
}
