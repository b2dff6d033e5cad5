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

var shopProgram = plugintest.System{Name: "the programs of its page"}

func TestConformance(t *testing.T) {
	s, config := newCluster(t)
	config["environment"] = "blue"
	config["secrets"] = obj{"TOKEN": "s3cr3t-token"}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: shopProgram,
		Config: config,
		Reads: []plugins.Request{
			{Op: "status"},
			{Op: "status", Args: obj{"env": "green"}},
			{Op: "status", Args: obj{"env": "green", "region": "eu"}},
			{Op: "nodes"},
			{Op: "regions"},
			{Op: "regions", Args: obj{"env": "green"}},
		},
		Writes: []plugins.Request{
			{Op: "release", Args: obj{"version": "v1"}},
			{Op: "release", Args: obj{"env": "green", "region": "eu", "version": "v1"}},
			{Op: "activate", Args: obj{"env": "green", "region": "eu"}},
			{Op: "release", Args: obj{"env": "green", "region": "eu", "version": "v2"}},
			{Op: "scale", Args: obj{"env": "green", "region": "eu", "instances": 3}},
			{Op: "job", Args: obj{"name": "migrate", "class": "write"}},
			{Op: "cordon", Args: obj{"node": "n1"}},
			{Op: "drain", Args: obj{"node": "n1"}},
			{Op: "uncordon", Args: obj{"node": "n1"}},
			{Op: "decommission", Args: obj{"env": "blue"}},
			{Op: "activate", Args: obj{"env": "green", "region": "eu"}},
		},
	})
	if got := s.served(t, "eu", "green"); got != "v2" {
		t.Errorf("served is %q, want v2", got)
	}
}
