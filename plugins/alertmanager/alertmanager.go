// Package alertmanager is the backend that reads alerts from Prometheus'
// Alertmanager and silences them. It carries alerts, silence, unsilence and
// silences of the module health.
//
// A silence bears the key of its effect in its comment. By it Observe finds one
// whose answer was lost, before another is made.
package alertmanager

import (
	"context"
	"net/url"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend speaks to one Alertmanager, or to one of a cluster. Use New.
type Backend struct {
	client   *post.Client
	address  *url.URL
	token    string // "" if there is none
	by       string // who makes silences
	watchdog string // the alert that always fires; "" if none is configured
	targets  map[string]map[string]string
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe says what the backend is.
func (b *Backend) Describe() plugins.Description {
	labels := &effect.Field{Type: effect.Map, Elem: &effect.Field{Type: effect.String}}
	return plugins.Description{
		Name: "alertmanager", Module: "health", Version: "1.0.0",
		Doc: "Read alerts from Alertmanager, and silence them",
		Ops: stdlib.Carry("health", "alerts", "silence", "unsilence", "silences"),
		Config: append([]effect.Field{
			{Name: "address", Type: effect.String, Required: true, Doc: "the server: http://alertmanager:9093, path prefix included"},
			{Name: "token", Type: effect.String, Secret: true, Doc: "a bearer token to show the server"},
			{Name: "insecure", Type: effect.Bool, Doc: "whether the token may go over http:// to another machine: who listens on the way has it"},
			{Name: "watchdog", Type: effect.String, Min: effect.Bound(1),
				Doc: "the name of an alert that always fires; alerts needs it: without it a Prometheus that sends no more looks like peace"},
			{Name: "created_by", Type: effect.String, Default: "runbook", Min: effect.Bound(1), Doc: "who makes the silences, as Alertmanager shows it"},
			{Name: "targets", Type: effect.Map, Elem: labels, Doc: `what env means, in labels of alerts: green: { job: web, env: green }`},
		}, post.Fields()...),
	}
}

// Configure reads where the server is; it asks it nothing.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	bad := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure alertmanager: "+format, args...)
	}
	u, err := url.Parse(strings.TrimSuffix(str(config["address"]), "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return bad("address: it is not an http or https URL without a password").WithHint("write http://alertmanager:9093")
	}
	token := strings.TrimSpace(str(config["token"]))
	if insecure, _ := config["insecure"].(bool); token != "" && u.Scheme == "http" && !insecure && !post.Loopback(u) {
		return bad("address: plain http hands the token to whoever listens on the way").WithHint("write https://, or insecure: true if that does not matter")
	}
	client, err := post.New("alertmanager", config)
	if err != nil {
		return err
	}
	targets := map[string]map[string]string{}
	list, _ := config["targets"].(map[string]any)
	for name, v := range list {
		labels := texts(v)
		if len(labels) == 0 {
			return bad("targets.%s: it has no label", name).WithHint("name the labels that alerts about it have: { job: web }")
		}
		targets[name] = labels
	}
	b.client, b.address, b.token, b.targets = client, u, token, targets
	b.by, b.watchdog = str(config["created_by"]), str(config["watchdog"])
	return nil
}

// Invoke carries one op out.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	if b.client == nil {
		return nil, unconfigured()
	}
	switch req.Op {
	case "alerts":
		return orError(b.alerts(ctx, req.Args))
	case "silence":
		return orError(b.silence(ctx, req))
	case "unsilence":
		return orError(b.unsilence(ctx, str(req.Args["id"])))
	case "silences":
		return orError(b.silences(ctx))
	}
	return nil, effect.Errorf(effect.CodeUnsupported, "the alertmanager backend has no op %q", req.Op).
		WithHint("it has alerts, silence, unsilence and silences")
}

// Observe says whether a silence was made, or ended.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	if b.client == nil {
		return plugins.Observation{}, unconfigured()
	}
	switch req.Op {
	case "silence":
		found, err := b.arrived(ctx, req.Key)
		if err != nil {
			return plugins.Observation{}, err
		}
		if found == nil {
			return plugins.Observation{State: effect.NotApplied}, nil
		}
		return plugins.Observation{State: effect.Applied, Value: found.value()}, nil
	case "unsilence":
		id := str(req.Args["id"])
		found, err := b.one(ctx, id)
		if err != nil {
			return plugins.Observation{}, err
		}
		if found == nil || found.state() != expired {
			return plugins.Observation{State: effect.NotApplied}, nil
		}
		return plugins.Observation{State: effect.Applied, Value: map[string]any{"id": id}}, nil
	}
	return plugins.Observation{State: effect.Uncertain}, nil
}

// Health says whether the server answers.
func (b *Backend) Health(ctx context.Context) error {
	if b.client == nil {
		return unconfigured()
	}
	if _, err := b.get(ctx, statusPath, nil); err != nil {
		return err
	}
	return nil
}

// Examine says that the alert which always fires does not.
func (b *Backend) Examine(ctx context.Context) ([]string, error) {
	if b.watchdog == "" {
		return []string{"alerts: no watchdog is configured"}, nil
	}
	if _, err := b.alerts(ctx, nil); err != nil {
		return []string{"alerts: " + err.Message}, nil
	}
	return nil, nil
}

func unconfigured() *effect.Error {
	return effect.Errorf(effect.CodeInvalid, "the alertmanager backend is not configured")
}

// orError keeps a nil error from becoming one that is not.
func orError(v map[string]any, err *effect.Error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

func str(v any) string {
	if s, ok := v.(effect.Secret); ok {
		return s.Reveal()
	}
	s, _ := v.(string)
	return s
}

func texts(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := map[string]string{}
	for key, value := range m {
		out[key] = str(value)
	}
	return out
}
