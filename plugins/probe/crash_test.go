package probe

import (
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, New())) }

// TestKilled kills the backend before, within and after it puts load on a service: a
// resume puts all of it there, whatever came before.
func TestKilled(t *testing.T) {
	s := startService(t)
	config := map[string]any{"targets": map[string]any{"green": map[string]any{"url": s.URL + "/healthz"}}}
	b := plugintest.Configured(t, New(), config)
	plugintest.Kills{Backend: b, Config: config, Module: health.Module(), Op: "load", Moments: 1, System: services, Next: func(*testing.T) plugintest.Round {
		before := s.asked.Load()
		return plugintest.Round{Args: map[string]any{"env": "green", "rate": 50, "during": "200ms"}, There: func() bool { return s.asked.Load()-before >= 10 }}
	}}.Run(t)
}
