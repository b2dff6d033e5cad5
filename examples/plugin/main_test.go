package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"example.org/flagdir/flags"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, &flagdir{})) }

func TestConformance(t *testing.T) {
	module := flags.Module()
	plugintest.Run(t, func(*testing.T) plugins.Backend { return &flagdir{} }, plugintest.Cases{
		Contract: &module,
		Config:   map[string]any{"dir": t.TempDir()},
		Reads:    []plugins.Request{{Op: "get", Args: map[string]any{"flag": "search"}}},
		Writes:   []plugins.Request{{Op: "set", Args: map[string]any{"flag": "search", "percent": "10%"}}},
	})
}

// TestKilled kills the backend before, within and after each change; the file is read
// past it.
func TestKilled(t *testing.T) {
	config := map[string]any{"dir": t.TempDir()}
	b, n := plugintest.Configured(t, &flagdir{}, config), 0
	plugintest.Kills{Backend: b, Config: config, Module: flags.Module(), Op: "set", Moments: 3, Next: func(*testing.T) plugintest.Round {
		n++
		flag := fmt.Sprint("flag", n)
		return plugintest.Round{Args: map[string]any{"flag": flag, "percent": "10%"}, There: func() bool {
			text, _ := os.ReadFile(filepath.Join(config["dir"].(string), flag))
			return string(text) == "10\n"
		}}
	}}.Run(t)
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
