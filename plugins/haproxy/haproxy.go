// Package haproxy carries the module traffic on HAProxy's runtime API: the
// text protocol of its stats socket. It changes weights and administrative
// states of a running proxy; it touches no configuration file, so HAProxy
// forgets the changes at a restart unless it keeps a server-state-file.
//
// # How a write goes
//
// Every write reads the pool, computes what each server should have, sends
// only what differs, and reads the pool again. Weights grow before others
// shrink, so that no request finds a pool without capacity between two
// commands. Writes of one Backend wait for each other.
//
//   - Nothing was sent: the error's code says why, and nothing changed.
//   - Something was sent and HAProxy fell silent: the code is "unknown", and
//     Observe tells later by reading the pool.
//   - HAProxy holds something else than was asked: "conflict", with both.
//
// Servers that HAProxy marks as backups take requests only when all others
// are down; they are shown, and splits neither name nor change them.
package haproxy

import (
	"context"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// maxWeight is the largest weight that HAProxy takes.
const maxWeight = 256

// Backend divides the traffic of one HAProxy. New returns it; Configure makes
// it ready.
type Backend struct {
	client  *client
	pool    string            // the pool of calls that name none
	aliases map[string]string // by the name that scripts use: HAProxy's name
	scale   float64           // the weight that stands for 100%
	writing chan struct{}     // holds one token, which a write takes
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{writing: make(chan struct{}, 1)} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "haproxy", Module: "traffic", Version: "1.0.0",
		Doc: "Divide requests with HAProxy's runtime API.",
		Ops: stdlib.Traffic().Ops,
		Config: []effect.Field{
			{Name: "socket", Type: effect.String, Required: true, Min: effect.Bound(1),
				Doc: `HAProxy's stats socket, level admin: a path, or "host:port"`},
			{Name: "pool", Type: effect.String, Required: true, Min: effect.Bound(1),
				Doc: "the HAProxy backend whose servers share the traffic"},
			{Name: "servers", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
				Doc: "names for scripts: { green = \"web-2\" }; a server without one keeps HAProxy's name"},
			{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01),
				Doc: "how long one command may take"},
			{Name: "scale", Type: effect.Int, Default: 100.0, Min: effect.Bound(1), Max: effect.Bound(maxWeight),
				Doc: "the weight that 100% stands for; 256 gives the finest shares"},
		},
	}
}

// Configure implements plugins.Backend. It contacts nobody: a proxy that is
// down now may be up when it is needed.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	socket, _ := config["socket"].(string)
	pool, _ := config["pool"].(string)
	timeout, _ := config["timeout"].(float64)
	scale, _ := config["scale"].(float64)
	if !validName(pool) {
		return effect.Errorf(effect.CodeInvalid, "pool: %q is no name of an HAProxy backend", pool)
	}
	aliases := map[string]string{}
	owner := map[string]string{}
	servers, _ := config["servers"].(map[string]any)
	for _, alias := range sortedKeys(servers) {
		name, _ := servers[alias].(string)
		switch other, taken := owner[name]; {
		case !validName(name):
			return effect.Errorf(effect.CodeInvalid, "servers.%s: %q is no name of an HAProxy server", alias, name)
		case taken:
			return effect.Errorf(effect.CodeInvalid, "servers: %s and %s both mean the server %s", other, alias, name)
		case alias == "pool":
			return effect.Errorf(effect.CodeInvalid, "servers: a server cannot be called pool, which is an argument of traffic.split")
		}
		aliases[alias], owner[name] = name, alias
	}
	c, err := newClient(socket, effect.Seconds(timeout))
	if err != nil {
		return err
	}
	b.client, b.pool, b.aliases, b.scale = c, pool, aliases, scale
	return nil
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	switch req.Op {
	case "split", "switch", "drain", "ready":
		return b.write(ctx, req)
	case "weights", "servers":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the haproxy backend has no op called %q", req.Op).
			WithHint("it has weights, servers, split, switch, drain and ready")
	}
	p, err := b.readFor(ctx, req)
	if err != nil {
		return nil, err
	}
	if req.Op == "servers" {
		return map[string]any{"servers": p.list()}, nil
	}
	return map[string]any{"weights": p.shares()}, nil
}

// Observe implements plugins.Observer: a write was applied if the pool is as
// the write would have made it.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	uncertain := plugins.Observation{State: effect.Uncertain}
	p, err := b.readFor(ctx, req)
	if err != nil {
		return uncertain, err
	}
	w, err := b.wishFor(p, req)
	if err != nil {
		return uncertain, err
	}
	if w.missing(p) != "" {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: map[string]any{"weights": p.shares()}}, nil
}

// Preview implements plugins.Previewer. What would be refused is refused.
func (b *Backend) Preview(ctx context.Context, req plugins.Request) (effect.Change, error) {
	p, err := b.readFor(ctx, req)
	if err != nil {
		return effect.Change{}, err
	}
	w, err := b.wishFor(p, req)
	if err == nil {
		err = w.allowed(p)
	}
	if err != nil {
		return effect.Change{}, err
	}
	return w.change(p), nil
}

// Health implements plugins.Backend: the configured pool can be read.
func (b *Backend) Health(ctx context.Context) error {
	_, err := b.readFor(ctx, plugins.Request{Op: "servers"})
	return err
}

// write carries out one of the ops that change the proxy.
func (b *Backend) write(ctx context.Context, req plugins.Request) (any, error) {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return nil, effect.Errorf(effect.CodeTimeout, "%s: stopped while another write to %s was under way; nothing was sent",
			req.Op, b.client)
	}
	p, err := b.readFor(ctx, req)
	if err != nil {
		return nil, err
	}
	w, err := b.wishFor(p, req)
	if err == nil {
		err = w.allowed(p)
	}
	if err != nil {
		return nil, err
	}
	if err := b.send(ctx, req, w.commands(p)); err != nil {
		return nil, err
	}
	after, err := b.readFor(ctx, req)
	if err != nil {
		return nil, unknown("%s: HAProxy took every command, and the pool could not be read back: %s",
			req.Op, effect.AsError(err).Message)
	}
	if missing := w.missing(after); missing != "" {
		return nil, effect.Errorf(effect.CodeConflict, "%s: HAProxy took every command and holds something else: %s", req.Op, missing).
			WithHint("something else changes pool %s at the same time: find it (a reload, an agent check, another operator), then run this again", p.name)
	}
	return map[string]any{"weights": after.shares()}, nil
}

// send sends the commands in order, each on a connection of its own, so that
// a reply cannot be taken for that of another command.
func (b *Backend) send(ctx context.Context, req plugins.Request, commands []string) error {
	for i, command := range commands {
		reply, sent, err := b.client.ask(ctx, command)
		switch {
		case err != nil && (sent || i > 0):
			return unknown("%s: %d of %d commands to HAProxy were confirmed; then %q: %s",
				req.Op, i, len(commands), command, effect.AsError(err).Message)
		case err != nil:
			return err
		case reply != "":
			return refusal(req.Op, command, reply, i, len(commands))
		}
		req.Progress(command)
	}
	return nil
}

// readFor reads the pool that the request is about.
func (b *Backend) readFor(ctx context.Context, req plugins.Request) (*pool, error) {
	if b.client == nil {
		return nil, effect.Errorf(effect.CodeInternal, "the haproxy backend is not configured")
	}
	name := b.pool
	if given, ok := req.Args["pool"].(string); ok {
		name = given
	}
	if !validName(name) {
		return nil, effect.Errorf(effect.CodeInvalid, "pool: %q is no name of an HAProxy backend", name).
			WithHint("a name has letters, digits and - _ . :")
	}
	return readPool(ctx, b.client, name, b.aliases, name == b.pool)
}

func unknown(format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnknown, format, args...).
		WithHint("read the proxy with traffic.servers {} before deciding: the change may be there in part")
}

// patience bounds what a caller without a deadline waits for one command.
func patience(ctx context.Context, limit time.Duration) time.Time {
	deadline := time.Now().Add(limit)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		return d
	}
	return deadline
}
