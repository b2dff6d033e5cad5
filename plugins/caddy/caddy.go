// Package caddy carries splits of the module traffic on Caddy: the weights of a
// reverse_proxy handler (weighted_round_robin) in the configuration that Caddy
// runs, which its admin API reads and changes. No file is touched.
//
// # How a write goes
//
// The handler is read, with the tag that Caddy gives its content. Its selection
// policy, and nothing else of it, is replaced by one request that holds only while
// the handler still has that tag, so that a change by somebody else in between is a
// conflict and not lost. Caddy answers once the new configuration is in force; then
// the handler is read once more.
//
//   - What Caddy refuses leaves the configuration as it was: "refused".
//   - An answer that was lost is looked for at once: if the new weights are in
//     force, the write succeeded. Otherwise the request may still be on its way, and
//     the outcome is "unknown": Observe asks.
//   - A request that is late cannot undo what came after it. Each write marks the
//     policy with an "@id" of its own, so that no tag ever comes back, and what
//     follows an unknown outcome is written even where the shares are there already.
//
// # What is what
//
// Weights belong to upstreams by their order; the configuration names upstreams by
// their address (dial), so that another order is no other division. Caddy serves
// turns, nine to one and then one to the other: weights are kept as small as the
// shares allow, so that turns are short.
//
// weights are the shares while all upstreams are healthy. Caddy's admin API does
// not tell whether they are: servers, drain and ready are not carried.
//
//   - settings.go  pools by name
//   - admin.go     requests to the admin API
//   - handler.go   the handler of a pool, as Caddy has it
//   - division.go  what a request asks for
//   - change.go    from one division to the next
package caddy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend sets weights at one Caddy. New returns it; Configure makes it ready.
type Backend struct {
	settings settings
	writing  chan struct{}   // holds one token, which a write takes
	doubtful map[string]bool // the pools, by name, for which a request may still be on its way; of whom holds the token
}

// New returns a backend that is not configured yet.
func New() *Backend {
	return &Backend{writing: make(chan struct{}, 1), doubtful: map[string]bool{}}
}

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{Name: "caddy", Module: "traffic", Version: "1.0.0",
		Doc: "Divide requests with Caddy's weights.", Ops: stdlib.Carry("traffic", "weights", "split", "switch"), Config: fields()}
}

// Configure implements plugins.Backend. It contacts nobody.
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
	switch req.Op {
	case "split", "switch":
		return b.write(ctx, req)
	case "weights":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the caddy backend has no op called %q", req.Op).WithHint("it has weights, split and switch")
	}
	r, err := b.read(ctx, req)
	if err != nil {
		return nil, err
	}
	return r.weights()
}

// Observe implements plugins.Observer: a write was applied if its weights are in
// force.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	uncertain := plugins.Observation{State: effect.Uncertain}
	r, err := b.read(ctx, req)
	if err != nil {
		return uncertain, err
	}
	d, err := r.divisionFor(req)
	if err != nil {
		return uncertain, err
	}
	if !r.holds(d) {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	value, err := r.weights()
	if err != nil {
		return uncertain, err
	}
	return plugins.Observation{State: effect.Applied, Value: value}, nil
}

// Preview implements plugins.Previewer. What would be refused is refused.
func (b *Backend) Preview(ctx context.Context, req plugins.Request) (effect.Prediction, error) {
	r, err := b.read(ctx, req)
	if err != nil {
		return effect.Prediction{}, err
	}
	d, err := r.divisionFor(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	if err := r.takes(d); err != nil {
		return effect.Prediction{}, err
	}
	return effect.Prediction{Target: "pool " + r.pool.name, From: r.show(), To: r.pool.show(d)}, nil
}

// Health implements plugins.Backend: every pool's handler can be read, and would
// take a split over all its servers.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings.pools == nil {
		return unconfigured()
	}
	for _, name := range slices.Sorted(maps.Keys(b.settings.pools)) {
		r, err := b.read(ctx, plugins.Request{Args: map[string]any{"pool": name}})
		if err != nil {
			return err
		}
		all := division{}
		for _, dial := range r.pool.servers {
			all[dial] = 1
		}
		if err := r.takes(all); err != nil {
			return err
		}
	}
	return nil
}

// reading is a pool as it was at one time.
type reading struct {
	pool    *pool
	handler *handler
}

// read reads the pool that a request is about.
func (b *Backend) read(ctx context.Context, req plugins.Request) (*reading, error) {
	p, err := b.settings.poolFor(req)
	if err != nil {
		return nil, err
	}
	h, err := b.settings.admin.handler(ctx, p)
	if err != nil {
		return nil, err
	}
	return &reading{p, h}, nil
}

// holds reports whether a division is in force by weights, and not by chance.
func (r *reading) holds(d division) bool {
	now, known := r.handler.division()
	return known && r.handler.policy.Policy == weighted && maps.Equal(now, d)
}

// takes returns why a division is not written into the handler.
func (r *reading) takes(d division) error {
	p, h := r.pool, r.handler
	if !h.replaceable() {
		return r.fixed()
	}
	for _, alias := range slices.Sorted(maps.Keys(p.servers)) {
		if dial := p.servers[alias]; d[dial] > 0 && !h.has(dial) {
			return effect.Errorf(effect.CodeRefused, "pool %s: the handler %s has no upstream %s, which is %s; nothing changed", p.name, p.handler, dial, alias).
				WithHint("it has %s: add it, or mend `servers` in the configuration of the backend", h.list())
		}
	}
	return nil
}

// fixed explains a policy that no split replaces.
func (r *reading) fixed() error {
	return effect.Errorf(effect.CodeConflict, "pool %s: Caddy divides by the policy %s, which a split would replace; nothing changed", r.pool.name, r.handler.policyName()).
		WithHint("if clients need not stay at their server, set the policy to %s in Caddy's configuration", weighted)
}

// show prints what is in force, for people.
func (r *reading) show() string {
	d, known := r.handler.division()
	switch {
	case !known:
		return "by the policy " + r.handler.policyName()
	case r.handler.policy.Policy != weighted:
		return r.pool.show(d) + " (by the policy " + r.handler.policyName() + ")"
	}
	return r.pool.show(d)
}

// weights returns the shares in the form of the contract.
func (r *reading) weights() (map[string]any, error) {
	d, known := r.handler.division()
	if !known {
		return nil, effect.Errorf(effect.CodeFailed, "pool %s: Caddy divides by the policy %s, of which nobody knows the shares", r.pool.name, r.handler.policyName()).
			WithHint("set the policy to %s in Caddy's configuration; if it was that, somebody has loaded another configuration", weighted)
	}
	out := map[string]any{"weights": r.pool.percents(d), "configured": r.pool.percents(d)}
	if r.handler.policy.Policy != weighted {
		out["drift"] = fmt.Sprintf("Caddy divides by the policy %s and not by weights (%s): no split was made yet, or Caddy has loaded its configuration anew since",
			r.handler.policyName(), weighted)
	}
	return out, nil
}

func unconfigured() error {
	return effect.Errorf(effect.CodeInternal, "the caddy backend is not configured")
}
