package haproxy

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	p := startProxy(t, "")
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: map[string]any{"socket": p.socket, "pool": "web"},
		Reads:  []plugins.Request{{Op: "weights"}, {Op: "servers"}, {Op: "weights", Args: map[string]any{"pool": "more"}}},
		Writes: []plugins.Request{
			{Op: "split", Args: map[string]any{"green": "10%", "blue": 90}},
			{Op: "split", Args: map[string]any{"green": "5%", "others": "keep"}},
			{Op: "switch", Args: map[string]any{"to": "green"}},
			{Op: "drain", Args: map[string]any{"server": "blue"}},
			{Op: "ready", Args: map[string]any{"server": "blue"}},
		},
	})
}
