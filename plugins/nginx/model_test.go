package nginx

import (
	"math/rand/v2"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// TestModelDoesWhatNginxDoes walks a real nginx and the model of the module at
// random. A scenario gives it the scale that split_clients counts in.
func TestModelDoesWhatNginxDoes(t *testing.T) {
	p := startProxy(t, "")
	w := &plugintest.Walk{Backend: p.backend(t, nil), Module: traffic.Module(), Model: traffic.NewModel()}
	must(t, p.backend(t, nil), "switch", map[string]any{"to": "blue"})
	if err := w.Model.Load(map[string]any{"scale": 10000.0, "weights": map[string]any{"blue": 100.0, "green": 0.0, "canary": 0.0, "ghost": 0.0}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 3))
	for range 80 {
		op, args := traffictest.Draw(random, w.Backend, []string{"blue", "green", "canary", "grey"})
		if w.Step(t, op, args) == nil && args["others"] != nil {
			w.Seen["kept"]++
		}
	}
	w.Showed(t, 1, "kept", "split", "split not_found", "split invalid", "switch", "switch not_found", "weights")
	w.Compared(t, "nginx", tried(t))
}
