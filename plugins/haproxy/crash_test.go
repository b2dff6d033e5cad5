package haproxy

import (
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

func TestMain(m *testing.M) {
	plugintest.Victim(New())
	os.Exit(m.Run())
}

// TestKilled kills the backend before, within and after each change of shares; HAProxy
// is asked past it.
func TestKilled(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	for _, c := range []struct {
		op          string
		args        map[string]any
		blue, green string
	}{
		{"split", map[string]any{"green": 40.0, "blue": 60.0}, "60", "40"},
		{"switch", map[string]any{"to": "green"}, "0", "100"},
	} {
		t.Run(c.op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: map[string]any{"socket": p.socket, "pool": "web"}, Module: traffic.Module(), Op: c.op, Moments: 3,
				Next: func(t *testing.T) plugintest.Round {
					must(t, b, "switch", map[string]any{"to": "blue"})
					return plugintest.Round{Args: c.args, There: func() bool { return p.weight(t, "blue") == c.blue && p.weight(t, "green") == c.green }}
				}}.Run(t)
		})
	}
}
