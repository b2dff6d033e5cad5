package script

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var (
	_ plugins.Backend  = (*Backend)(nil)
	_ plugins.Observer = (*Backend)(nil)
)

var shopProgram = plugintest.System{Name: "the program of its page"}

func TestConformance(t *testing.T) {
	s := newShop(t)
	config := s.config()
	config["environment"] = "blue"
	config["secrets"] = obj{"TOKEN": "s3cr3t-token"}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: shopProgram,
		Config: config,
		Reads: []plugins.Request{
			{Op: "status"},
			{Op: "status", Args: obj{"env": "green"}},
			{Op: "status", Args: obj{"env": "green", "region": "eu"}},
			{Op: "regions"},
			{Op: "regions", Args: obj{"env": "green"}},
		},
		Writes: []plugins.Request{
			{Op: "release", Args: obj{"version": "v1"}},
			{Op: "release", Args: obj{"env": "green", "region": "eu", "version": "v1"}},
			{Op: "activate", Args: obj{"env": "green", "region": "eu"}},
			{Op: "release", Args: obj{"env": "green", "region": "eu", "version": "v2"}},
			{Op: "decommission", Args: obj{"env": "blue"}},
			{Op: "activate", Args: obj{"env": "green", "region": "eu"}},
		},
	})
	if got := s.served(t, "eu", "green"); got != "v2" {
		t.Errorf("served is %q, want v2", got)
	}
}
