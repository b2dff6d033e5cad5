package caddy

import (
	"math/rand/v2"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// TestModelDoesWhatCaddyDoes walks a real Caddy and the model of the module at
// random. A scenario gives it the scale that shares are kept in.
func TestModelDoesWhatCaddyDoes(t *testing.T) {
	s := start(t)
	w := &plugintest.Walk{Backend: s.backend(t, nil), Module: traffic.Module(), Model: traffic.NewModel()}
	if err := w.Model.Load(obj{"scale": 10000.0, "weights": obj{"blue": 100.0, "green": 0.0, "canary": 0.0}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 3))
	for range 300 {
		op, args := traffictest.Draw(random, w.Backend, []string{"blue", "green", "canary", "grey"})
		if w.Step(t, op, args) == nil && args["others"] != nil {
			w.Seen["kept"]++
		}
	}
	w.Showed(t, 5, "kept", "split", "split not_found", "split invalid", "switch", "switch not_found", "weights")
	w.Compared(t, "caddy", tried(t))
}
