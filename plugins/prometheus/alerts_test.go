package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/prometheus/prometheustest"
)

const alertRules = `groups:
- name: web
  rules:
  - {alert: Gone, expr: 'up{job="down"} == 0', labels: {severity: critical}, annotations: {summary: 'nobody answers at {{ $labels.job }}'}}
  - {alert: Always, expr: 'vector(1) > 0', labels: {severity: warning}}
  - {alert: Later, expr: 'vector(1) > 0', for: 1h, labels: {severity: warning}}
  - {alert: Never, expr: 'vector(0) > 1', labels: {severity: critical}}
  - {record: ups, expr: 'sum(up)'}
- name: broken
  rules:
  - {alert: Ambiguous, expr: 'up * on() group_left() up', labels: {severity: page}}
`

// TestAlerts on a real server: what fires, about which target, and what cannot
// be told.
func TestAlerts(t *testing.T) {
	t.Parallel() // it waits for scrapes
	good := startService(t)
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	address := prometheustest.StartWithRules(t, scrape, map[string]string{"good": good.addr, "down": down.Listener.Addr().String()}, alertRules)
	b := configured(t, map[string]any{"address": address, "targets": map[string]any{
		"blue": map[string]any{"selector": `job="good"`}, "green": map[string]any{"selector": `job="down"`},
	}})
	ask := func(args map[string]any) (string, error) {
		got, _, err := invoke(context.Background(), b, "alerts", args)
		if err != nil {
			return "", err
		}
		var names []string
		for _, v := range got["alerts"].([]any) {
			a := v.(map[string]any)
			names = append(names, fmt.Sprint(a["severity"], " ", a["name"], " ", a["env"], " ", a["summary"]))
			if since := a["since"].(float64); since < 1e9 || since > float64(time.Now().Add(time.Minute).Unix()) {
				t.Errorf("%s since %v", a["name"], since)
			}
		}
		if len(names) != int(got["count"].(float64)) {
			t.Errorf("%d alerts, count %v", len(names), got["count"])
		}
		return strings.Join(names, "; "), nil
	}
	const gone = "critical Gone green nobody answers at down"
	// Rules fire once they were evaluated, and targets scraped.
	got, err := ask(map[string]any{"severity": "critical"})
	for deadline := time.Now().Add(time.Minute); got != gone && time.Now().Before(deadline); got, err = ask(map[string]any{"severity": "critical"}) {
		time.Sleep(scrape)
	}
	if got != gone {
		t.Fatalf("got %q, %v", got, err)
	}
	// A rule is ambiguous once both targets were scraped before it is evaluated.
	_, err = ask(nil)
	for deadline := time.Now().Add(time.Minute); (err == nil || !strings.Contains(err.Error(), "cannot be evaluated")) && time.Now().Before(deadline); _, err = ask(nil) {
		time.Sleep(scrape)
	}
	for _, tt := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"severity": "warning"}, "warning Always <nil> <nil>"},
		{map[string]any{"severity": "critical", "env": "green"}, gone},
		{map[string]any{"severity": "critical", "env": "blue"}, ""},
	} {
		if got, err := ask(tt.args); err != nil || got != tt.want {
			t.Errorf("%v: got %q, %v, want %q", tt.args, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		args map[string]any
		code effect.Code
		want string
	}{
		{nil, effect.CodeNoData, "Ambiguous in group broken cannot be evaluated"},
		{map[string]any{"severity": "page"}, effect.CodeNoData, "Ambiguous in group broken cannot be evaluated"},
		{map[string]any{"severity": "citical"}, effect.CodeNoData, `it has no alerting rule of the severity "citical"`},
		{map[string]any{"env": "gren"}, effect.CodeNotFound, `no target "gren"`},
	} {
		_, err := ask(tt.args)
		if e := wantCode(t, err, tt.code); !strings.Contains(e.Message, tt.want) || e.Hint == "" {
			t.Errorf("%v: %s, hint %q", tt.args, e.Message, e.Hint)
		}
	}
}

// TestAlertsThatCannotBeTold: a server without rules, one that does not evaluate
// them, one that is gone.
func TestAlertsThatCannotBeTold(t *testing.T) {
	var groups []any
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		data := any(map[string]any{"groups": groups})
		if strings.HasSuffix(r.URL.Path, "/query") {
			data = map[string]any{"resultType": "scalar", "result": []any{float64(time.Now().Unix()), fmt.Sprint(time.Now().Unix())}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
	}))
	defer server.Close()
	b := configured(t, map[string]any{"address": server.URL, "targets": map[string]any{"blue": map[string]any{"selector": `job="web"`}}})
	rule := func(health string, age time.Duration) []any {
		return []any{map[string]any{"name": "web", "interval": 30, "rules": []any{map[string]any{"type": "alerting", "name": "Slow", "query": "x", "health": health,
			"state": "inactive", "labels": map[string]any{}, "alerts": []any{}, "lastEvaluation": time.Now().Add(-age).Format(time.RFC3339Nano)}}}}
	}
	for _, tt := range []struct {
		groups    []any
		want      string
		retryable bool
	}{
		{[]any{}, "it has no alerting rule", false},
		{rule("unknown", 0), "Slow in group web has not been evaluated yet", true},
		{rule("ok", time.Hour), "Slow in group web was evaluated 1h ago, and is to be every 30s", true},
		{rule("ok", 80*time.Second), "", false},
	} {
		groups = tt.groups
		_, _, err := invoke(context.Background(), b, "alerts", nil)
		var e *effect.Error
		if tt.want == "" {
			if err != nil {
				t.Error(err)
			}
		} else if !errors.As(err, &e) || e.Code != effect.CodeNoData || !strings.Contains(e.Message, tt.want) || e.Retryable != tt.retryable {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
	server.Close()
	_, _, err := invoke(context.Background(), b, "alerts", nil)
	if e := wantCode(t, err, effect.CodeUnavailable); !strings.Contains(e.Message, server.URL) {
		t.Error(e.Message)
	}
}
