package nginx

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func tried(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "nginx", "/usr/sbin/nginx", "-v")
}

func TestConformance(t *testing.T) {
	p := startProxy(t, "")
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: tried(t),
		Config: p.config(nil),
		Reads:  []plugins.Request{{Op: "weights"}, {Op: "weights", Args: map[string]any{"pool": "web"}}},
		Writes: []plugins.Request{
			{Op: "split", Args: map[string]any{"green": "10%", "blue": 90}},
			{Op: "split", Args: map[string]any{"green": "5%", "others": "keep"}},
			{Op: "switch", Args: map[string]any{"to": "green"}},
		},
	})
}
