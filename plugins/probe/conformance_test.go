package probe

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var services = plugintest.System{Name: "a service of the tests"}

func TestConformance(t *testing.T) {
	s := startService(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: services,
		Config: map[string]any{"targets": map[string]any{
			"green": map[string]any{"url": s.URL + "/healthz", "metrics": s.URL + "/metrics"},
			"blue":  map[string]any{"tcp": s.Listener.Addr().String()},
		}},
		Writes: []plugins.Request{
			{Op: "load", Args: map[string]any{"env": "green", "rate": 20, "during": "200ms"}},
		},
		Reads: []plugins.Request{
			{Op: "check", Args: map[string]any{"env": "green"}},
			{Op: "check", Args: map[string]any{"env": "blue", "timeout": "5s"}},
			{Op: "measure", Args: map[string]any{"env": "green", "window": "100ms"}},
			{Op: "measure", Args: map[string]any{"env": "blue", "window": "100ms"}},
		},
	})
}
