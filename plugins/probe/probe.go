// Package probe is the backend that looks at services itself: it probes them
// over HTTP, TCP and TLS, and reads the metrics that they expose in
// Prometheus' text format. It carries the module health.
//
// Nothing stands between it and the service: no proxy of the environment, no
// connection kept from an earlier probe, no redirect followed. What it did not
// see it leaves out, and what it cannot tell apart it counts against the
// service, so that missing data never looks like health.
package probe

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend probes the configured targets. Use New.
type Backend struct {
	targets map[string]*target
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe says what the backend is.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "probe", Module: "health", Version: "1.0.0",
		Doc:    "Probe services over HTTP, TCP and TLS, and read their Prometheus metrics",
		Ops:    stdlib.Carry("health", "check", "measure", "load"),
		Config: configFields(),
	}
}

// Configure reads the targets; it probes nothing.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	list, _ := config["targets"].(map[string]any)
	if len(list) == 0 {
		return effect.Errorf(effect.CodeInvalid, "configure probe: there is no target").
			WithHint("name at least one: targets: { green: { url: http://127.0.0.1:8080/healthz } }")
	}
	targets := make(map[string]*target, len(list))
	for name, v := range list {
		t, err := newTarget(name, v)
		if err != nil {
			return err
		}
		targets[name] = t
	}
	b.targets = targets
	return nil
}

// Invoke carries out check, measure and load.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	switch req.Op {
	case "check", "measure", "load":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the probe backend has no op %q", req.Op).
			WithHint("it has check, measure and load")
	}
	t, err := health.Target("probe", b.targets, req.Args["env"])
	if err != nil {
		return nil, err
	}
	if req.Op == "load" {
		return load(ctx, t, req)
	}
	if req.Op == "check" {
		timeout, _ := req.Args["timeout"].(float64)
		return check(ctx, t, effect.Seconds(timeout), req.Progress)
	}
	if own, _ := req.Args["metrics"].(map[string]any); len(own) > 0 {
		return nil, effect.Errorf(effect.CodeUnsupported, "probe cannot measure %s of %s: it measures what its own requests meet", strings.Join(slices.Sorted(maps.Keys(own)), ", "), t.name).
			WithHint("let prometheus measure (health: { backend: prometheus, … }), with a query of that name")
	}
	if baseline, _ := req.Args["baseline"].(string); baseline != "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "probe cannot compare %s with %s: it keeps no samples of the time before a call", t.name, baseline).
			WithHint("let prometheus measure (health: { backend: prometheus, … })")
	}
	window, _ := req.Args["window"].(float64)
	return measure(ctx, t, effect.Seconds(window), req.Progress)
}

// Health probes every target once. It fails when not one of them answers; an
// answer that is no success still shows that the target can be reached.
func (b *Backend) Health(ctx context.Context) error {
	if len(b.targets) == 0 {
		return effect.Errorf(effect.CodeInvalid, "the probe backend is not configured")
	}
	names := b.names()
	seen := make([]sight, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			t := b.targets[name]
			ctx, cancel := context.WithTimeout(ctx, t.timeout)
			defer cancel()
			seen[i] = t.look(ctx)
		})
	}
	wg.Wait()
	var silent []string
	for i, s := range seen {
		if s.answered {
			return nil
		}
		silent = append(silent, names[i]+": "+s.detail)
	}
	return effect.Errorf(effect.CodeUnavailable, "no target answers: %s", strings.Join(silent, "; ")).
		WithHint("check the addresses under targets, and that they can be reached from here")
}

func (b *Backend) names() []string {
	names := make([]string, 0, len(b.targets))
	for n := range b.targets {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
