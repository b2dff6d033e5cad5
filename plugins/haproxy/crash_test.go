package haproxy

import (
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after each change; HAProxy is
// asked past it.
func TestKilled(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	shares := func(blue, green string) func() bool {
		return func() bool { return p.weight(t, "blue") == blue && p.weight(t, "green") == green }
	}
	drained := func(is bool) func() bool {
		return func() bool { return p.drained(t, "green") == is }
	}
	all, half := map[string]any{"blue": 100.0, "green": 0.0}, map[string]any{"blue": 50.0, "green": 50.0}
	green := map[string]any{"server": "green"}
	for _, c := range []struct {
		op           string
		before, args map[string]any
		there        func() bool
	}{
		{"split", all, map[string]any{"green": 40.0, "blue": 60.0}, shares("60", "40")},
		{"switch", all, map[string]any{"to": "green"}, shares("0", "100")},
		{"drain", half, green, drained(true)},
		{"ready", half, green, drained(false)},
	} {
		t.Run(c.op, func(t *testing.T) {
			plugintest.Kills{Backend: b, Config: map[string]any{"socket": p.socket, "pool": "web"}, Module: traffic.Module(), Op: c.op, System: testedOn(t), Moments: 3,
				Next: func(t *testing.T) plugintest.Round {
					must(t, b, "ready", green)
					must(t, b, "split", c.before)
					if c.op == "ready" {
						must(t, b, "drain", green)
					}
					return plugintest.Round{Args: c.args, There: c.there}
				}}.Run(t)
		})
	}
}
