// Package prometheus is the backend that asks a Prometheus server how services
// do. It carries the module health.
//
// Each metric of a target is a PromQL query: one of the configuration, or one
// made from the usual metric names when the target has a selector. What a
// query does not answer wholly is left out of the measurement, with the reason
// in no_data, so that missing data never looks like health: no answer, NaN or
// an infinity in any series, a warning (a store that did not answer), a sample
// that is old, an instance that cannot be scraped, a window that is too short.
package prometheus

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/health"
	"github.com/q-ecosystem/runbook/stdlib"
)

// slack bounds what the queries of one call take together beyond the window
// that the call takes anyway. The host allows five seconds.
const slack = 4 * time.Second

// lookback is how old a sample may be for a server to answer with it, unless
// it is told otherwise: Prometheus' default.
const lookback = 5 * time.Minute

// querier is what the backend needs of Prometheus' API.
type querier interface {
	Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
	QueryRange(ctx context.Context, query string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error)
	Rules(ctx context.Context, matches []string) (v1.RulesResult, error)
}

// Backend asks one Prometheus server. Use New.
type Backend struct {
	address string // as it may be shown
	client  api.Client
	api     querier
	targets map[string]*target

	clock func() time.Time // this machine's

	mu     sync.Mutex
	suited map[string]bool // by target, window and metrics: it is long enough
	ahead  time.Duration   // of the server's clock before this machine's, 0 if they agree
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{suited: map[string]bool{}, clock: time.Now} }

// Describe says what the backend is.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "prometheus", Module: "health", Version: "1.0.0",
		Doc:    "Ask a Prometheus server how services do",
		Ops:    stdlib.Carry("health", "check", "measure", "alerts"),
		Config: configFields(),
	}
}

// Configure reads the targets; it asks the server nothing.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	address, transport, err := connection(config)
	if err != nil {
		return err
	}
	list, _ := config["targets"].(map[string]any)
	if len(list) == 0 {
		return effect.Errorf(effect.CodeInvalid, "configure prometheus: there is no target").
			WithHint(`name at least one: targets: { green: { selector: 'job="web",env="green"' } }`)
	}
	targets := make(map[string]*target, len(list))
	for name, v := range list {
		t, err := newTarget(name, v)
		if err != nil {
			return err
		}
		targets[name] = t
	}
	client, cerr := api.NewClient(api.Config{Address: address.String(), Client: &http.Client{Transport: transport, CheckRedirect: stays}})
	if cerr != nil {
		return effect.Errorf(effect.CodeInvalid, "configure prometheus: address: %s cannot be used", address.Redacted())
	}
	b.address, b.client, b.api, b.targets = address.Redacted(), client, v1.NewAPI(client), targets
	return nil
}

// Invoke carries out check, measure and alerts.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	switch req.Op {
	case "alerts":
		return b.alerts(ctx, req.Args, req.Progress)
	case "check", "measure":
	default:
		return nil, effect.Errorf(effect.CodeUnsupported, "the prometheus backend has no op %q", req.Op).
			WithHint("it has check, measure and alerts")
	}
	t, err := health.Target("prometheus", b.targets, req.Args["env"])
	if err != nil {
		return nil, err
	}
	if req.Op == "check" {
		timeout, _ := req.Args["timeout"].(float64)
		return b.check(ctx, t, effect.Seconds(timeout), req.Progress)
	}
	window, _ := req.Args["window"].(float64)
	own, _ := req.Args["metrics"].(map[string]any)
	name, _ := req.Args["baseline"].(string)
	past, _ := req.Args["over"].(float64)
	names := texts(req.Args["compare"])
	baseline, err := b.beside(t, name, names)
	if err != nil {
		return nil, err
	}
	return b.measure(ctx, t, asks{window: effect.Seconds(window), own: slices.Sorted(maps.Keys(own)),
		baseline: baseline, compare: names, over: effect.Seconds(max(past, window))}, req.Progress)
}

func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Health says whether the server answers queries.
func (b *Backend) Health(ctx context.Context) error {
	if b.api == nil {
		return effect.Errorf(effect.CodeInvalid, "the prometheus backend is not configured")
	}
	ctx, cancel := context.WithTimeout(ctx, slack)
	defer cancel()
	if _, _, _, err := b.api.Query(ctx, "1", b.present(ctx, func(string) {})); err != nil {
		return b.failure(ctx, "1", err)
	}
	return nil
}
