package alertmanager

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// alert is one that Alertmanager holds.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Status      struct {
		SilencedBy []string `json:"silencedBy"`
	} `json:"status"`
}

// alerts is health.alerts. That none fires says something only as long as the one
// that always does, does.
func (b *Backend) alerts(ctx context.Context, args map[string]any) (map[string]any, *effect.Error) {
	env, severity := str(args["env"]), str(args["severity"])
	if b.watchdog == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "alertmanager has no watchdog configured: that no alert is there would say nothing").
			WithHint("let a rule `Watchdog` with expr vector(1) fire always, and add watchdog: Watchdog; or read alerts from prometheus")
	}
	if _, known := b.targets[env]; env != "" && !known {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no target %q in the configuration of alertmanager", env).
			WithHint("%s", effect.DidYouMean(env, slices.Sorted(maps.Keys(b.targets))))
	}
	var list []alert
	if _, err := b.read(ctx, alertsPath, nil, &list); err != nil {
		return nil, err
	}
	alive := false
	firing := []any{}
	for _, a := range list {
		if a.Labels["alertname"] == b.watchdog {
			alive = true
			continue
		}
		about := b.about(a.Labels)
		if severity != "" && a.Labels["severity"] != severity || env != "" && about != env {
			continue
		}
		out := map[string]any{"name": a.Labels["alertname"], "since": float64(a.StartsAt.UnixMilli()) / 1000}
		for key, value := range map[string]string{"severity": a.Labels["severity"], "env": about, "summary": a.Annotations["summary"]} {
			if value != "" {
				out[key] = value
			}
		}
		if len(a.Status.SilencedBy) > 0 {
			out["silenced"] = true
		}
		firing = append(firing, out)
	}
	if !alive {
		e := effect.Errorf(effect.CodeNoData, "ask %s for its alerts: %s is not there, which always fires: Prometheus does not reach Alertmanager, or its rules are not evaluated", b.address, b.watchdog).
			WithHint("see the page Status of Prometheus, and its log")
		e.Retryable = true
		return nil, e
	}
	slices.SortStableFunc(firing, func(m, n any) int {
		a, z := m.(map[string]any), n.(map[string]any)
		if c := strings.Compare(str(a["severity"]), str(z["severity"])); c != 0 {
			return c
		}
		return strings.Compare(str(a["name"]), str(z["name"]))
	})
	return map[string]any{"alerts": firing, "count": float64(len(firing))}, nil
}

// about returns the first target all of whose labels an alert has; "" for none.
func (b *Backend) about(labels map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(b.targets)) {
		all := true
		for label, value := range b.targets[name] {
			all = all && labels[label] == value
		}
		if all {
			return name
		}
	}
	return ""
}
