package main

import (
	"testing"

	"example.org/flagdir/flags"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	module := flags.Module()
	plugintest.Run(t, func(*testing.T) plugins.Backend { return &flagdir{} }, plugintest.Cases{
		Contract: &module,
		Config:   map[string]any{"dir": t.TempDir()},
		Reads:    []plugins.Request{{Op: "get", Args: map[string]any{"flag": "search"}}},
		Writes:   []plugins.Request{{Op: "set", Args: map[string]any{"flag": "search", "percent": "10%"}}},
	})
}
