// Package nginx carries splits of the module traffic on nginx: each pool has a
// file with a split_clients block, which nginx.conf includes and runbook writes,
// and a location that tells what the workers serve.
//
// # How a write goes
//
// The file is replaced whole (written beside, synced, renamed), nginx tests its
// configuration, is reloaded, and is asked until it serves the new division and no
// worker of the configuration before takes connections.
//
//   - A test or a reload that fails, or a division that does not come into force
//     in time, puts the file back, and says so: the code is "refused" once nginx is
//     seen to serve what it served.
//   - What cannot be seen any more is "unknown", and Observe asks.
//   - Applied is what nginx serves and the file says. A runner that was killed
//     between the two leaves a file that is not in force: that is not applied once
//     a reload would have been over, and shows as drift until it is written again.
//
// # What is what
//
// weights are what a worker answers, configured is what stands in the file: they
// differ where somebody wrote the file and did not reload, or a reload was refused.
// split_clients hashes a text of each request into hundredths of a percent: shares
// hold over many requests, never exactly over a few.
//
// nginx tells neither whether a server is up nor how many connections it has, and
// has no way to take one out: servers, drain and ready are not carried.
//
//   - settings.go  pools by name
//   - file.go      the file of a pool
//   - status.go    what a worker answers
//   - workers.go   which processes take connections
//   - division.go  what a request asks for
//   - change.go    from one division to the next, or back
package nginx

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

// Backend writes the files of one nginx. New returns it; Configure makes it
// ready.
type Backend struct {
	settings settings
	writing  chan struct{} // holds one token, which a write takes
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{writing: make(chan struct{}, 1)} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{Name: "nginx", Module: "traffic", Version: "1.0.0",
		Doc: "Divide requests with nginx's split_clients.", Ops: stdlib.Carry("traffic", "weights", "split", "switch"), Config: fields()}
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
		return nil, effect.Errorf(effect.CodeUnsupported, "the nginx backend has no op called %q", req.Op).WithHint("it has weights, split and switch")
	}
	r, err := b.read(ctx, req)
	if err != nil {
		return nil, err
	}
	return r.weights(), nil
}

// Observe implements plugins.Observer: a write was applied if nginx serves what
// it asked for, and the file says the same. Where the file alone does, nginx may
// be about to: it is given as long as a reload may take.
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
	for deadline := time.Now().Add(b.settings.timeout); r.text == d.text() && !r.holds(d) && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return uncertain, effect.Errorf(effect.CodeTimeout, "pool %s: the file says what was asked, and the time was up before it was certain that nginx does not take it", r.pool.name)
		case <-time.After(pause):
		}
		if r, err = b.read(ctx, req); err != nil {
			return uncertain, err
		}
	}
	if !r.holds(d) {
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: r.weights()}, nil
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
	return effect.Prediction{Target: "pool " + r.pool.name, From: r.pool.show(r.served.shares), To: r.pool.show(d.shares)}, nil
}

// Health implements plugins.Backend: every pool's file can be read, nginx answers
// for it, and its configuration passes its own test.
func (b *Backend) Health(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(b.settings.pools)) {
		r, err := b.read(ctx, plugins.Request{Args: map[string]any{"pool": name}})
		if err != nil {
			return err
		}
		if err := b.settings.try(ctx, r.pool, r.filed); err != nil {
			return err
		}
	}
	return nil
}

// reading is a pool as it was at one time.
type reading struct {
	pool   *pool
	text   string   // of the file
	filed  division // what the file says
	served served   // what nginx says
}

// read reads the pool that a request is about.
func (b *Backend) read(ctx context.Context, req plugins.Request) (*reading, error) {
	p, err := b.settings.poolFor(req)
	if err != nil {
		return nil, err
	}
	r := &reading{pool: p}
	if r.text, r.filed, err = p.readFile(); err != nil {
		return nil, err
	}
	r.served, err = p.ask(ctx, b.settings.timeout)
	return r, err
}

// holds reports whether a division is in force and in the file.
func (r *reading) holds(d division) bool {
	return r.text == d.text() && r.served.digest == d.digest()
}

// agree reports whether nginx serves what the file says.
func (r *reading) agree() bool {
	return maps.Equal(r.filed.shares, r.served.shares) && (r.served.digest == "" || strings.Contains(r.text, "digest="+r.served.digest))
}

// weights returns the shares in the form of the contract.
func (r *reading) weights() map[string]any {
	out := map[string]any{"weights": r.pool.percents(r.served.shares), "configured": r.pool.percents(r.filed.shares)}
	if !r.agree() {
		out["drift"] = fmt.Sprintf("nginx serves %s, and %s says %s: it was written and nginx not reloaded, or nginx refused it",
			r.pool.show(r.served.shares), r.pool.file, r.pool.show(r.filed.shares))
	}
	return out
}
