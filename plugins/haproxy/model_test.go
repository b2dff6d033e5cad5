package haproxy

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// TestModelDoesWhatHAProxyDoes walks a real HAProxy and the model of the module
// at random.
func TestModelDoesWhatHAProxyDoes(t *testing.T) {
	p := startProxy(t, "")
	w := &plugintest.Walk{Backend: p.backend(t, nil), Module: traffic.Module(), Model: traffic.NewModel(), Plain: quiet}
	if err := w.Model.Load(map[string]any{"weights": map[string]any{"blue": 100.0, "green": 0.0}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 7))
	for range 400 {
		op, args := traffictest.Draw(random, w.Backend, []string{"blue", "green", "blue", "green", "grey"})
		if w.Step(t, op, args) == nil && args["others"] != nil {
			w.Seen["kept"]++
		}
		w.Agree(t, op, "servers")
	}
	w.Showed(t, 5, "kept", "split", "split invalid", "split not_found", "split conflict", "switch", "switch conflict", "drain", "drain conflict", "ready", "weights", "servers")
	w.Compared(t, "haproxy", testedOn(t))
}

// quiet makes a result what it is where nobody sends requests, which the model
// takes to be coming; and sorts servers by their names.
func quiet(_ string, result map[string]any) {
	list, _ := result["servers"].([]any)
	servers := make([]any, len(list))
	for i, e := range list {
		s := maps.Clone(e.(map[string]any))
		s["sessions"] = 0.0
		if note, ok := s["note"].(string); ok { // of slow start the model tells the weights
			s["note"], _, _ = strings.Cut(note, " (")
		}
		servers[i] = s
	}
	slices.SortFunc(servers, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	if list != nil {
		result["servers"] = servers
	}
}

// TestModelOfAPoolThatSuffers walks on a pool with a backup and names of the
// configuration's own, whose servers fail, come back, and are put into
// maintenance by somebody else.
func TestModelOfAPoolThatSuffers(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, map[string]any{"pool": "mixed", "servers": map[string]any{"stable": "blue", "canary": "green"}})
	real := map[string]string{"stable": "blue", "canary": "green", "red": "red", "spare": "spare"}
	names := sortedKeys(real)
	health := func(name string) effect.Func {
		return func(effect.Moment) (any, error) {
			if p.down[real[name]].Load() {
				return "down", nil
			}
			return "up", nil
		}
	}
	model := traffic.NewModel()
	servers := map[string]any{}
	for _, name := range names {
		servers[name] = map[string]any{"weight": map[string]float64{"stable": 100, "spare": 7}[name], "status": health(name), "backup": name == "spare"}
	}
	if err := model.Load(map[string]any{"servers": servers}); err != nil {
		t.Fatal(err)
	}
	w := &plugintest.Walk{Backend: b, Module: traffic.Module(), Model: model, Plain: quiet, Late: true}
	w.Agree(t, "at first", "servers")
	random := rand.New(rand.NewPCG(5, 11))
	one := func() string { return names[random.IntN(len(names))] }
	for i := range 400 {
		switch random.IntN(9) {
		case 0, 1:
			name := real[one()]
			p.down[name].Store(!p.down[name].Load())
			w.Agree(t, fmt.Sprintf("round %d, %s down: %t", i, name, p.down[name].Load()), "servers")
		case 2:
			name := one()
			if _, _, err := b.clients[0].ask(t.Context(), "set server mixed/"+real[name]+" state maint"); err != nil {
				t.Fatal(err)
			}
			if err := model.Load(map[string]any{"servers": map[string]any{name: map[string]any{"status": "maint"}}}); err != nil {
				t.Fatal(err)
			}
			w.Agree(t, fmt.Sprintf("round %d, maintenance of %s", i, name), "servers")
		case 3, 4, 5: // or nothing would ever take requests
			w.Step(t, "ready", map[string]any{"server": one()})
			w.Agree(t, "after a ready", "servers")
		default:
			op, args := traffictest.Draw(random, b, names)
			w.Step(t, op, args)
			w.Agree(t, fmt.Sprintf("after %s %v", op, args), "servers")
		}
	}
	w.Showed(t, 3, "split", "split conflict", "switch", "switch conflict", "drain", "drain conflict", "ready")
	w.Compared(t, "haproxy", testedOn(t))
}
