// Package statuspage carries publish of the module notify by Atlassian Statuspage
// and its REST API.
//
// # An incident and its updates are known by marks
//
// Statuspage knows no keys of those who ask. The mark of an incident, its key, and
// of each effect that has written there stand in the incident's metadata, which is
// written by the same request as the text: either both are there or neither. So
// Observe finds out whether a text was published, and Invoke looks for the mark
// before it writes.
//
//   - settings.go   the configuration
//   - api.go        requests, answers and what they mean
//   - incident.go   incidents, components, marks
//   - publish.go    the op
package statuspage

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend publishes on status pages. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
	// turn lets one call at a time change incidents: each writes back what it has
	// read of their metadata.
	turn sync.Mutex
	// sleep waits, unless ctx ends before.
	sleep func(ctx context.Context, d time.Duration)
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{sleep: sleep} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "statuspage", Module: "notify", Version: "1.0.0",
		Doc:    "Tell customers on pages of Atlassian Statuspage",
		Ops:    stdlib.Carry("notify", "publish"),
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
	if req.Op != "publish" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the statuspage backend has no op called %q", req.Op).WithHint("it has publish")
	}
	p, err := b.page(req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: given up before anything was sent: %v", req.Op, context.Cause(ctx))
	}
	b.turn.Lock()
	defer b.turn.Unlock()
	value, e := b.publish(ctx, p, req)
	if e != nil {
		return nil, b.settings.scrub.Error(e)
	}
	return value, nil
}

// Observe implements plugins.Observer: it asks the page for the effect's mark.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	p, err := b.page(req)
	if err != nil {
		return plugins.Observation{}, err
	}
	value, e := b.published(ctx, p, req)
	switch {
	case e != nil:
		return plugins.Observation{State: effect.Uncertain}, b.settings.scrub.Error(e)
	case value == nil:
		return plugins.Observation{State: effect.NotApplied}, nil
	}
	return plugins.Observation{State: effect.Applied, Value: value}, nil
}

// Preview implements plugins.Previewer: it says what would be published where.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	p, err := b.page(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	return effect.Prediction{Target: "status page " + p.name, To: str(req.Args["text"])}, nil
}

// Health implements plugins.Backend: each page is there, and its token may read it.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, name := range slices.Sorted(maps.Keys(b.settings.pages)) {
		if _, err := b.components(ctx, b.settings.pages[name]); err != nil {
			return b.settings.scrub.Error(err)
		}
	}
	return nil
}

// page returns the configured page that a call means.
func (b *Backend) page(req plugins.Request) (*page, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	to := str(req.Args["to"])
	if p := b.settings.pages[to]; p != nil {
		return p, nil
	}
	names := slices.Sorted(maps.Keys(b.settings.pages))
	return nil, effect.Errorf(effect.CodeNotFound, "no page %q is configured at statuspage", to).WithHint("%s", effect.Among("known: ", to, names))
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the statuspage backend is not configured")
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func str(v any) string {
	s, _ := v.(string)
	return s
}
