package main

import (
	"math/rand/v2"
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

func TestModelDoesWhatTheDirectoryDoes(t *testing.T) {
	module := flags.Module()
	w := &plugintest.Walk{Module: module, Model: module.Model(), Backend: plugintest.Configured(t, &flagdir{}, map[string]any{"dir": t.TempDir()})}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		args := map[string]any{"flag": []string{"search", "cart"}[random.IntN(2)]}
		if op := []string{"get", "set"}[random.IntN(2)]; op == "get" {
			w.Step(t, op, args)
		} else {
			args["percent"] = []float64{0, 12.5, 100}[random.IntN(3)]
			w.Step(t, op, args)
		}
	}
	w.Showed(t, 50, "get", "set")
}
