// Package kubo carries the module ipfs: it commands Kubo nodes through their
// RPC API (/api/v0), in which everything is a POST.
//
// # What is believed
//
// An answer counts when it came to its end and says what the op promises. Kubo
// says 200 before it knows: an error that it meets later stands behind the
// answer, in the trailer X-Stream-Error. A pin is looked for after it was made.
// Of blocks the hashes are computed here, so that a node with a damaged store
// is found out; names of hashes, links and CAR files are read by this package.
//
// # Pins are never put at risk
//
// Kubo takes an old pin away before it makes it anew, and a node that then does
// not find all blocks is left without. So what is pinned already is completed
// by reading it, and is not pinned again.
//
// # What is known when something goes wrong
//
// The node is told how long it has, and says itself when it gives up: that is
// a failure. Where its answer breaks off the outcome of a write is unknown, and
// the engine says it again: content is named by its hash.
package kubo

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// healthTimeout bounds the question whether a node answers.
const healthTimeout = 5 * time.Second

// Backend commands nodes. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "kubo", Module: "ipfs", Version: "1.0.0",
		Doc:    "Keep content on Kubo nodes, by their RPC API",
		Ops:    stdlib.Carry("ipfs", "pins", "providers", "validate", "add", "pin", "unpin", "export", "import"),
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
		return nil, effect.Errorf(effect.CodeUnsupported, "the kubo backend has no op called %q", req.Op).
			WithHint("it has pins, providers, validate, add, pin, unpin, export and import")
	}
	n, e := b.settings.node(str(req.Args["node"]))
	if e != nil {
		return nil, e
	}
	c, cancel := newCall(ctx, b.settings, n, req, &ops[i])
	defer cancel()
	if c.ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeTimeout, "ipfs.%s was canceled before it began; nothing was sent", req.Op)
	}
	value, err := map[string]func() (map[string]any, error){"pins": c.pins, "providers": c.providers, "validate": c.validate,
		"add": c.add, "pin": c.pin, "unpin": c.unpin, "export": c.export, "import": c.bring}[req.Op]()
	if err != nil {
		return nil, c.explain(err)
	}
	return value, nil
}

// Health implements plugins.Backend: every node answers which version it is.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, name := range slices.Sorted(maps.Keys(b.settings.nodes)) {
		op := &effect.Op{Class: effect.Read, Timeout: healthTimeout}
		c, cancel := newCall(ctx, b.settings, b.settings.nodes[name], plugins.Request{Progress: func(string) {}}, op)
		v, err := once[struct{ Version string }](c.ctx, c, "version", nil)
		cancel()
		if err == nil && v.Version == "" {
			err = effect.Errorf(effect.CodeFailed, "%s does not say which version it is", c.node).WithHint("check api in the configuration of kubo: something else seems to answer there")
		}
		if err != nil {
			return c.explain(err)
		}
	}
	return nil
}

// cid reads the argument of that name.
func (c *call) cid(name string) (cid, error) {
	text := str(c.args[name])
	got, err := parseCID(text)
	if err != nil {
		return cid{}, effect.Errorf(effect.CodeInvalid, "%s: %q: %v; nothing was sent", name, text, err).
			WithHint("write the CID alone (Qm… or baf…): no path, no /ipfs/ before it, no name of IPNS")
	}
	return got, nil
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the kubo backend is not configured")
}
