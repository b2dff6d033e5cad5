package haproxy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestModelDoesWhatHAProxyDoes walks a real HAProxy and the model of the
// module at random, and holds what they say against each other.
func TestModelDoesWhatHAProxyDoes(t *testing.T) {
	p := startProxy(t, "")
	b := p.backend(t, nil)
	model := stdlib.Models()["traffic"]
	if err := model.Load(map[string]any{"weights": map[string]any{"blue": 100.0, "green": 0.0}}); err != nil {
		t.Fatal(err)
	}
	status := map[string]string{"blue": "up", "green": "up"}
	args := []func(r *rand.Rand) (string, map[string]any){
		func(r *rand.Rand) (string, map[string]any) {
			share := []float64{0, 10, 12.5, 50, 99.8, 100}[r.IntN(6)]
			return "split", map[string]any{"green": share, "blue": 100 - share}
		},
		func(r *rand.Rand) (string, map[string]any) { return "switch", map[string]any{"to": pickName(r)} },
		func(r *rand.Rand) (string, map[string]any) {
			return "drain", map[string]any{"server": pickName(r)}
		},
		func(r *rand.Rand) (string, map[string]any) {
			return "ready", map[string]any{"server": pickName(r)}
		},
		func(*rand.Rand) (string, map[string]any) { return "weights", nil },
		func(*rand.Rand) (string, map[string]any) { return "servers", nil },
	}
	random := rand.New(rand.NewPCG(3, 7))
	const steps = 400
	failed := 0
	for i := range steps {
		op, a := args[random.IntN(len(args))](random)
		req := request(t, op, a)
		real, realErr := b.Invoke(t.Context(), req)
		m := effect.Moment{Now: time.Unix(int64(i), 0), World: func(string) map[string]any { return nil }}
		modeled, modelErr := model.Do(m, op, req.Args)
		if realErr != nil || modelErr != nil {
			failed++
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || s == nil || r.Code != s.Code || r.Retryable != s.Retryable {
				t.Fatalf("step %d, %s %v: HAProxy says %v, the model %v", i, op, a, realErr, modelErr)
			}
			continue
		}
		if !alike(real, modeled) {
			t.Fatalf("step %d, %s %v: HAProxy says %v, the model %v", i, op, a, real, modeled)
		}
		for name := range status {
			status[name] = statusOf(t, b, name)
		}
		servers := model.State(m)["servers"].(map[string]any)
		for name, is := range status {
			if got := servers[name].(map[string]any)["status"]; got != is {
				t.Fatalf("step %d, after %s %v: HAProxy calls %s %s, the model %v", i, op, a, name, is, got)
			}
		}
	}
	if failed < steps/20 || failed > steps*3/4 {
		t.Errorf("%d of %d steps were refused: the walk shows too little", failed, steps)
	}
}

func pickName(r *rand.Rand) string {
	return []string{"blue", "green", "blue", "green", "grey"}[r.IntN(5)]
}

// alike compares results; shares may differ by what division leaves.
func alike(a, b any) bool {
	switch a := a.(type) {
	case float64:
		x, ok := b.(float64)
		return ok && math.Abs(a-x) < 1e-9
	case []any:
		l, ok := b.([]any)
		if !ok || len(a) != len(l) {
			return false
		}
		for i := range a {
			if !alike(a[i], l[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		m, ok := b.(map[string]any)
		if !ok || len(a) != len(m) {
			return false
		}
		for k := range a {
			if !alike(a[k], m[k]) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
