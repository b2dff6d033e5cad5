package haproxy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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
	model := stdlib.Models()["traffic"]
	servers := map[string]any{}
	for _, name := range names {
		servers[name] = map[string]any{"weight": map[string]float64{"stable": 100, "spare": 7}[name], "status": health(name), "backup": name == "spare"}
	}
	if err := model.Load(map[string]any{"servers": servers}); err != nil {
		t.Fatal(err)
	}
	moment := effect.Moment{Now: time.Unix(0, 0), World: func(string) map[string]any { return nil }}
	read := func() (ofHAProxy, ofModel []any) {
		t.Helper()
		r, err := invoke(t, b, "servers", nil)
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Do(moment, "servers", nil)
		if err != nil {
			t.Fatal(err)
		}
		return byName(r["servers"]), byName(m.(map[string]any)["servers"])
	}
	// agree waits until HAProxy's checks have seen what the model knows.
	agree := func(what string) {
		t.Helper()
		var h, m []any
		for deadline := time.Now().Add(testPatience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
			if h, m = read(); alike(h, m) {
				return
			}
		}
		t.Fatalf("%s: HAProxy says %v, the model %v", what, h, m)
	}
	agree("at first")
	random := rand.New(rand.NewPCG(5, 11))
	one := func() string { return names[random.IntN(len(names))] }
	seen := map[string]int{}
	const steps = 300
	for i := range steps {
		var (
			op   string
			args map[string]any
		)
		switch random.IntN(9) {
		case 0, 1:
			name := real[one()]
			p.down[name].Store(!p.down[name].Load())
			agree(fmt.Sprintf("step %d, %s down: %t", i, name, p.down[name].Load()))
			continue
		case 2:
			name := one()
			if _, _, err := b.clients[0].ask(t.Context(), "set server mixed/"+real[name]+" state maint"); err != nil {
				t.Fatal(err)
			}
			if err := model.Load(map[string]any{"servers": map[string]any{name: map[string]any{"status": "maint"}}}); err != nil {
				t.Fatal(err)
			}
			agree(fmt.Sprintf("step %d, maintenance of %s", i, name))
			continue
		case 3, 4:
			share := []float64{0, 10, 33, 100}[random.IntN(4)]
			op, args = "split", map[string]any{one(): share, one(): 100 - share}
			if len(args) == 1 {
				continue // the same server twice
			}
		case 5:
			op, args = "switch", map[string]any{"to": one()}
		case 6:
			op, args = "drain", map[string]any{"server": one()}
		default:
			op, args = "ready", map[string]any{"server": one()}
		}
		req := request(t, op, args)
		_, realErr := b.Invoke(t.Context(), req)
		_, modelErr := model.Do(moment, op, req.Args)
		r, m := effect.AsError(realErr), effect.AsError(modelErr)
		if (r == nil) != (m == nil) || r != nil && (r.Code != m.Code || r.Retryable != m.Retryable) {
			t.Fatalf("step %d, %s %v: HAProxy says %v, the model %v", i, op, args, realErr, modelErr)
		}
		if r == nil {
			seen[op]++
		} else {
			seen["refused"]++
		}
		agree(fmt.Sprintf("step %d, after %s %v", i, op, args))
	}
	for _, what := range []string{"split", "switch", "drain", "ready", "refused"} {
		if seen[what] < steps/60 {
			t.Errorf("%s came %d times in %d steps: the walk shows too little", what, seen[what], steps)
		}
	}
}

// byName sorts the servers of traffic.servers.
func byName(list any) []any {
	servers := slices.Clone(list.([]any))
	slices.SortFunc(servers, func(a, b any) int {
		return strings.Compare(a.(map[string]any)["name"].(string), b.(map[string]any)["name"].(string))
	})
	return servers
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
			want := m[k]
			if k == "sessions" {
				want = 0.0 // the model takes requests to be coming; here nobody sends any
			}
			if !alike(a[k], want) {
				return false
			}
		}
		return true
	}
	return fmt.Sprint(a) == fmt.Sprint(b)
}
