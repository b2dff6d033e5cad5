// Package haproxy carries the module traffic on HAProxy's runtime API: the
// text protocol of its stats socket. It changes weights and administrative
// states of a running proxy; it touches no configuration file, so HAProxy
// forgets the changes at a reload unless it keeps a server-state-file. Who
// watches a gate notices that: see the module's desired state.
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
//
// # What counts
//
// A write sets and verifies configured weights. What a server takes follows
// its effective weight, which is less while it is in slow start; the shares
// that reads and writes return follow that, and stand beside the configured
// ones. An agent check that sends a percentage overwrites the configured
// weight: that shows as another configured share than the one that was set.
//
// # Several processes
//
// With several sockets, each is one HAProxy process that serves a part of the
// requests. A write is allowed by all before it is sent to any, sent to one
// after the other, and verified at all; what only some of them hold is said
// by name.
package haproxy

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// maxWeight is the largest weight that HAProxy takes.
const maxWeight = traffic.MaxWeight

// Backend divides the traffic of one HAProxy, or of several that share the
// work. New returns it; Configure makes it ready.
type Backend struct {
	clients []*client           // one a process
	pool    string              // the pool of calls that name none
	aliases map[string][]string // by the name that scripts use: HAProxy's names
	scale   float64             // the weight that stands for 100%
	writing chan struct{}       // holds one token, which a write takes
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{writing: make(chan struct{}, 1)} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "haproxy", Module: "traffic", Version: "1.0.0",
		Doc: "Divide requests with HAProxy's runtime API.",
		Ops: traffic.Module().Ops,
		Config: []effect.Field{
			{Name: "socket", Type: effect.String, Path: effect.MayBePath, Min: effect.Bound(1),
				Doc: `HAProxy's stats socket, level admin: a path, or "host:port"`},
			{Name: "sockets", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String, Path: effect.MayBePath, Min: effect.Bound(1)},
				Doc: "instead of socket: those of several HAProxy processes that share the requests; all are set, and all verified"},
			{Name: "pool", Type: effect.String, Required: true, Min: effect.Bound(1),
				Doc: "the HAProxy backend whose servers share the traffic"},
			{Name: "servers", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
				Doc: "names for scripts: { green = \"web-2\" }; a server without one keeps HAProxy's name"},
			groupsField(),
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
	pool, _ := config["pool"].(string)
	timeout, _ := config["timeout"].(float64)
	scale, _ := config["scale"].(float64)
	if !validName(pool) {
		return effect.Errorf(effect.CodeInvalid, "pool: %q is no name of an HAProxy backend", pool)
	}
	aliases, err := newAliases(config)
	if err != nil {
		return err
	}
	clients, err := newClients(config, effect.Seconds(timeout))
	if err != nil {
		return err
	}
	b.clients, b.pool, b.aliases, b.scale = clients, pool, aliases, scale
	return nil
}

// newClients reads where the processes listen.
func newClients(config map[string]any, timeout time.Duration) ([]*client, error) {
	list, _ := config["sockets"].([]any)
	if socket, ok := config["socket"].(string); ok {
		if len(list) > 0 {
			return nil, effect.Errorf(effect.CodeInvalid, "socket and sockets exclude each other").WithHint("move %s into sockets", socket)
		}
		list = []any{socket}
	}
	if len(list) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "socket: is required").
			WithHint("write the path of the line `stats socket` in haproxy.cfg, or a list of them in sockets")
	}
	var clients []*client
	for _, v := range list {
		socket, _ := v.(string)
		c, err := newClient(socket, timeout)
		if err != nil {
			return nil, err
		}
		for _, other := range clients {
			if *other == *c {
				return nil, effect.Errorf(effect.CodeInvalid, "sockets: %s stands there twice", socket).WithHint("each process has a socket of its own")
			}
		}
		clients = append(clients, c)
	}
	return clients, nil
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
	r, err := b.readFor(ctx, req)
	if err != nil {
		return nil, err
	}
	if req.Op == "servers" {
		return r.servers(), nil
	}
	return r.weights(), nil
}

// Observe implements plugins.Observer: a write was applied if the pool is as
// the write would have made it, at every process. What some of them hold is
// not applied: writes are absolute, and may be sent again to all.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	uncertain := plugins.Observation{State: effect.Uncertain}
	r, err := b.readFor(ctx, req)
	if err != nil {
		return uncertain, err
	}
	missing, err := b.missing(r, req)
	if err != nil {
		return uncertain, err
	}
	if missing != "" {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: r.weights()}, nil
}

// Preview implements plugins.Previewer. What would be refused is refused.
func (b *Backend) Preview(ctx context.Context, req plugins.Request) (effect.Prediction, error) {
	r, err := b.readFor(ctx, req)
	if err != nil {
		return effect.Prediction{}, err
	}
	all, err := b.allowed(r, req)
	if err != nil {
		return effect.Prediction{}, err
	}
	return all[0].change(r.pools[0]), nil
}

// Health implements plugins.Backend: the configured pool can be read, and
// written as far as the sockets' level tells.
func (b *Backend) Health(ctx context.Context) error {
	if _, err := b.readFor(ctx, plugins.Request{Op: "servers"}); err != nil {
		return err
	}
	for _, c := range b.clients {
		level, _, err := c.ask(ctx, "show cli level")
		if err != nil {
			return err
		}
		if level == "operator" || level == "user" { // anything else is a HAProxy that does not tell
			return effect.Errorf(effect.CodeRefused, "%s has the level %s: the pool can be read, and split, switch, drain and ready would be refused", c, level).
				WithHint(readOnly)
		}
	}
	return nil
}

// write carries out one of the ops that change the proxy.
func (b *Backend) write(ctx context.Context, req plugins.Request) (any, error) {
	select {
	case b.writing <- struct{}{}:
		defer func() { <-b.writing }()
	case <-ctx.Done():
		return nil, effect.Errorf(effect.CodeTimeout, "%s: stopped while another write to HAProxy was under way; nothing was sent", req.Op)
	}
	r, err := b.readFor(ctx, req)
	if err != nil {
		return nil, err
	}
	all, err := b.allowed(r, req)
	if err != nil {
		return nil, err
	}
	var changed []string // the processes before this one that were changed
	for i, c := range r.clients {
		commands := all[i].commands(r.pools[i])
		if err := b.send(ctx, c, req, commands); err != nil {
			return nil, partly(req.Op, err, changed)
		}
		if len(commands) > 0 {
			changed = append(changed, c.address)
		}
	}
	after, err := b.readFor(ctx, req)
	if err != nil {
		return nil, unknown("%s: HAProxy took every command, and the pool could not be read back: %s",
			req.Op, effect.AsError(err).Message)
	}
	missing, err := b.missing(after, req)
	for i, d := range all { // what was sent, and not only a division that would do
		if missing == "" && err == nil {
			missing = d.missing(after.pools[i])
		}
	}
	if err != nil {
		return nil, unknown("%s: HAProxy took every command, and then the pool was another one: %s", req.Op, effect.AsError(err).Message)
	}
	if missing != "" {
		return nil, effect.Errorf(effect.CodeConflict, "%s: HAProxy took every command and holds something else: %s", req.Op, missing).
			WithHint("something else changes pool %s at the same time: find it (a reload, an agent check, another operator), then run this again", after.pools[0].name)
	}
	for _, line := range after.slow() {
		req.Progress(line)
	}
	return after.weights(), nil
}

// allowed returns the desired state of each process, all of which have to
// allow it.
func (b *Backend) allowed(r *reading, req plugins.Request) ([]desired, error) {
	var all []desired
	for i, p := range r.pools {
		d, err := b.desiredFor(p, req)
		if err == nil {
			err = d.allowed(p)
		}
		if err != nil && len(r.pools) > 1 {
			e := *effect.AsError(err)
			e.Message = r.clients[i].address + ": " + e.Message
			return nil, &e
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// missing says in what the processes are not as desired.
func (b *Backend) missing(r *reading, req plugins.Request) (string, error) {
	var parts []string
	for i, p := range r.pools {
		d, err := b.desiredFor(p, req)
		if err != nil {
			return "", err
		}
		if m := d.missing(p); m != "" {
			if len(r.pools) > 1 {
				m = r.clients[i].address + ": " + m
			}
			parts = append(parts, m)
		}
	}
	return strings.Join(parts, "; "), nil
}

// partly adds to the error of one process that others were changed before.
// That nothing reached this one is no comfort then: the outcome is unknown,
// and the whole is observed. A refusal stays one.
func partly(op string, err error, changed []string) error {
	if len(changed) == 0 {
		return err
	}
	e := effect.AsError(err)
	held := fmt.Sprintf("it was applied at %s before", strings.Join(changed, ", "))
	if e.Code == effect.CodeRefused || e.Code == effect.CodeFailed {
		return effect.Errorf(effect.CodeFailed, "%s; %s", strings.TrimSuffix(e.Message, " (nothing changed)"), held).
			WithHint("the processes differ now: read them with traffic.servers {}; a split sets all weights anew")
	}
	return unknown("%s: %s; %s", op, strings.TrimPrefix(e.Message, op+": "), held)
}

// send sends the commands in order, each on a connection of its own, so that
// a reply cannot be taken for that of another command.
func (b *Backend) send(ctx context.Context, c *client, req plugins.Request, commands []string) error {
	for i, command := range commands {
		reply, sent, err := c.ask(ctx, command)
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
func (b *Backend) readFor(ctx context.Context, req plugins.Request) (*reading, error) {
	if len(b.clients) == 0 {
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
	return b.read(ctx, name)
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
