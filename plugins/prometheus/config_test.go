package prometheus

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestConfigErrors(t *testing.T) {
	address := "http://127.0.0.1:9090"
	green := func(target map[string]any) map[string]any { return map[string]any{"green": target} }
	good := green(map[string]any{"selector": `job="web"`})
	tests := []struct {
		name   string
		config map[string]any
		want   string
	}{
		{"no address", map[string]any{"targets": good}, "address: is required"},
		{"bad address", map[string]any{"address": "localhost:9090", "targets": good}, "it is not an http or https URL"},
		{"no targets", map[string]any{"address": address, "targets": map[string]any{}}, "there is no target"},
		{"nothing to ask", map[string]any{"address": address, "targets": green(map[string]any{})}, "says nothing to ask"},
		{"unknown metric", map[string]any{"address": address, "targets": green(map[string]any{"queries": map[string]any{"p99_latenci": "1"}})},
			`did you mean "p99_latency"?`},
		{"no selector", map[string]any{"address": address, "targets": green(map[string]any{"queries": map[string]any{"uptime": "up{$selector}"}})},
			"uses $selector"},
		{"instances of what", map[string]any{"address": address, "targets": green(map[string]any{"check": "up", "instances": 2.0})}, "needs a selector"},
		{"objective of what", map[string]any{"address": address, "targets": green(map[string]any{"check": "up", "objective": "99.9%"})}, "needs a selector"},
		{"no errors at all", map[string]any{"address": address, "targets": green(map[string]any{"selector": "a='b'", "objective": "100%"})}, "objective"},
		{"two ways in", map[string]any{"address": address, "targets": good, "token": "s3cret", "username": "ops"}, "exclude each other"},
		{"ca", map[string]any{"address": address, "targets": good, "ca": "/nonexistent/ca.pem"}, "ca: open /nonexistent/ca.pem"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := configure(New(), test.config)
			if err == nil || !strings.Contains(err.Error()+effect.AsError(err).Hint, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("shows the token: %v", err)
			}
		})
	}
	if err := effect.Verify(New().Describe().Config); err != nil {
		t.Error(err)
	}
}

func TestUnknownNames(t *testing.T) {
	b := configured(t, map[string]any{"address": "http://127.0.0.1:9090", "targets": map[string]any{
		"blue": map[string]any{"check": "up"}, "green": map[string]any{"check": "up"}}})
	_, _, err := invoke(context.Background(), b, "check", map[string]any{"env": "gren"})
	if e := wantCode(t, err, effect.CodeNotFound); e.Hint != `did you mean "green"? known: blue, green` {
		t.Errorf("hint %q", e.Hint)
	}
	_, _, err = invoke(context.Background(), b, "load", map[string]any{"env": "green"})
	wantCode(t, err, effect.CodeUnsupported)
	_, _, err = invoke(context.Background(), New(), "check", map[string]any{"env": "green"})
	wantCode(t, err, effect.CodeNotFound)
}

func TestWindowInQuery(t *testing.T) {
	for window, want := range map[time.Duration]string{30 * time.Second: "rate(x[30s])", 50 * time.Millisecond: "rate(x[50ms])",
		1500 * time.Millisecond: "rate(x[1500ms])", time.Hour: "rate(x[3600s])"} {
		if got := over("rate(x[$window])", window); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
