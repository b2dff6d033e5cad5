// Package pagerduty carries page, acknowledged and update of the module notify
// by PagerDuty: pages are events of its Events API v2, what became of them is
// read from its REST API.
//
// # A page is known by its key
//
// The key of a page is the event's dedup_key: as long as the incident is open,
// PagerDuty takes a second event with it for the same page and wakes nobody.
// That is why the recovery of page and update can be to send again, and why
// this package itself sends an event again that PagerDuty was too busy for. It
// looks before it sends a page again whose key is the effect's own: an
// incident that was resolved meanwhile is not opened anew.
//
// What an update says in words is a note at the incident. A further trigger,
// which would do as well while the incident is open, opens a new one and wakes
// someone once it is resolved.
//
//   - settings.go   the configuration
//   - event.go      the Events API
//   - incident.go   the REST API
//   - page.go       the ops
//   - failure.go    what answers mean
//
// The client is net/http: that of github.com/PagerDuty/go-pagerduty hands the
// causes of failures on as text only, from which it cannot be told whether a
// request was sent.
package pagerduty

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend pages people. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
	// sleep waits, unless ctx ends before.
	sleep func(ctx context.Context, d time.Duration)
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{sleep: sleep} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "pagerduty", Module: "notify", Version: "1.0.0",
		Doc:    "Page people by PagerDuty, and see who took a page on",
		Ops:    stdlib.Carry("notify", "page", "acknowledged", "update"),
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
	run := map[string]func(context.Context, *service, plugins.Request) (map[string]any, *effect.Error){
		"page": b.page, "acknowledged": b.acknowledged, "update": b.update}[req.Op]
	if run == nil {
		return nil, effect.Errorf(effect.CodeUnsupported, "the pagerduty backend has no op called %q", req.Op).
			WithHint("it has page, acknowledged and update")
	}
	s, err := b.service(req)
	if err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s: given up before anything was sent: %v", req.Op, context.Cause(ctx))
	}
	value, e := run(ctx, s, req)
	if e != nil {
		return nil, b.settings.scrub.Error(e)
	}
	return value, nil
}

// Preview implements plugins.Previewer: it says who would be paged.
func (b *Backend) Preview(_ context.Context, req plugins.Request) (effect.Prediction, error) {
	s, err := b.service(req)
	if err != nil {
		return effect.Prediction{}, err
	}
	return effect.Prediction{Target: "service " + s.name, To: str(req.Args["text"])}, nil
}

// Health implements plugins.Backend: the Events API answers, and the REST API
// takes the token. It pages nobody.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	if _, f := b.settings.client.Do(ctx, http.MethodGet, b.settings.events, nil, nil); f != nil {
		return f.Error()
	}
	if b.settings.token == "" {
		return nil
	}
	if _, err := b.list(ctx, nil, ""); err != nil {
		return b.settings.scrub.Error(err)
	}
	return nil
}

// service returns the configured service that a call means.
func (b *Backend) service(req plugins.Request) (*service, error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	to := str(req.Args["to"])
	if s := b.settings.services[to]; s != nil {
		return s, nil
	}
	var names []string
	for name := range b.settings.services {
		names = append(names, name)
	}
	slices.Sort(names)
	return nil, effect.Errorf(effect.CodeNotFound, "no service %q is configured at pagerduty", to).WithHint("%s", effect.Among("known: ", to, names))
}

func errNotConfigured() error {
	return effect.Errorf(effect.CodeInternal, "the pagerduty backend is not configured")
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
