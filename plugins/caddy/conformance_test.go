package caddy

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	s := start(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: tried(t),
		Config: s.config(nil),
		Reads:  []plugins.Request{{Op: "weights"}, {Op: "weights", Args: obj{"pool": "web"}}},
		Writes: []plugins.Request{
			{Op: "split", Args: obj{"green": "10%", "blue": 90}},
			{Op: "split", Args: obj{"green": "5%", "others": "keep"}},
			{Op: "switch", Args: obj{"to": "green"}},
		},
	})
}
