package haproxy

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// hosts are servers that several proxies share, which can be made to fail.
type hosts map[string]*atomic.Bool

// startHosts starts them, and returns the lines of a pool wide that they make
// up, the last two of them as backups.
func startHosts(t *testing.T, options string, weights map[string]int) (hosts, string) {
	t.Helper()
	h := hosts{}
	lines := "backend wide\n  balance roundrobin\n  option httpchk GET /\n  default-server check inter 20ms fall 1 rise 1 " + options + "\n"
	for _, name := range sortedKeys(weights) {
		down := &atomic.Bool{}
		h[name] = down
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Env", name)
			if down.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}))
		t.Cleanup(s.Close)
		lines += fmt.Sprintf("  server %s %s weight %d", name, s.Listener.Addr(), weights[name])
		if strings.HasPrefix(name, "spare") {
			lines += " backup"
		}
		lines += "\n"
	}
	return h, lines
}

// TestModelOverAWideDomain walks at random on pools of two proxies, with slow
// start, backups and all that can happen to a server, and holds every result
// and every refusal against the model.
func TestModelOverAWideDomain(t *testing.T) {
	weights := map[string]int{"a": 60, "b": 40, "c": 0, "d": 0, "spare1": 100, "spare2": 50}
	for name, c := range map[string]struct {
		slow    string // slow start; "" for none
		proxies int
		all     bool // backups share the requests
		seed    uint64
	}{
		"one process":                     {"", 1, true, 1},
		"two processes":                   {"", 2, false, 2},
		"two processes with a slow start": {"1h", 2, true, 3},
		"a slow start":                    {"1h", 1, false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			options := ""
			if c.slow != "" {
				options = "slowstart " + c.slow
			}
			h, lines := startHosts(t, options, weights)
			if c.all {
				lines = strings.Replace(lines, "  option httpchk", "  option allbackups\n  option httpchk", 1)
			}
			var sockets []any
			for range c.proxies {
				sockets = append(sockets, startProxy(t, lines).socket)
			}
			w := newWalk(t, configured(t, map[string]any{"sockets": sockets, "pool": "wide"}), h, weights, map[string]any{"slow_start": slowStart(c.slow), "all_backups": c.all})
			w.agree("at first")
			random := rand.New(rand.NewPCG(c.seed, 17))
			for i := range 300 {
				w.step(i, random)
			}
			for _, what := range []string{"split", "switch", "drain", "ready", "maint", "down", "backup", "refused"} {
				if w.seen[what] < 3 {
					t.Errorf("%s came %d times: the walk shows too little: %v", what, w.seen[what], w.seen)
				}
			}
			if c.slow != "" && w.seen["slow"] < 10 {
				t.Errorf("slow start was seen %d times", w.seen["slow"])
			}
		})
	}
}

// slowStart returns a scenario's way to say it.
func slowStart(text string) any {
	if text == "" {
		return 0.0
	}
	return text
}

// walk is a backend and a model that are led the same way.
type walk struct {
	t       *testing.T
	backend *Backend
	hosts   hosts
	names   []string
	model   effect.Model
	seen    map[string]int
}

func newWalk(t *testing.T, b *Backend, h hosts, weights map[string]int, state map[string]any) *walk {
	t.Helper()
	model := stdlib.Models()["traffic"]
	scale, given := state["scale"].(float64)
	if !given {
		scale = 100
	}
	servers := map[string]any{}
	for _, name := range sortedKeys(weights) {
		down := h[name]
		servers[name] = map[string]any{"weight": 100 * float64(weights[name]) / scale, "backup": strings.HasPrefix(name, "spare"),
			"status": effect.Func(func(effect.Moment) (any, error) {
				if down.Load() {
					return "down", nil
				}
				return "up", nil
			})}
	}
	state["servers"] = servers
	if err := model.Load(state); err != nil {
		t.Fatal(err)
	}
	return &walk{t, b, h, sortedKeys(weights), model, map[string]int{}}
}

func (w *walk) moment() effect.Moment {
	return effect.Moment{Now: time.Now(), World: func(string) map[string]any { return nil }}
}

// read returns the servers, their shares and what is configured. Of a note
// only that it is about slow start, and the weights, are the model's.
func (w *walk) read() (ofHAProxy, ofModel map[string]any) {
	w.t.Helper()
	result := func(op string, do func(op string) (any, error)) map[string]any {
		v, err := do(op)
		if err != nil {
			w.t.Fatal(err)
		}
		r := maps.Clone(v.(map[string]any))
		if list, ok := r["servers"]; ok {
			servers := byName(list)
			for i, e := range servers {
				s := maps.Clone(e.(map[string]any))
				if note, ok := s["note"].(string); ok {
					s["note"], _, _ = strings.Cut(note, " (")
				}
				servers[i] = s
			}
			r["servers"] = servers
		}
		return r
	}
	both := func(do func(op string) (any, error)) map[string]any {
		r := result("weights", do)
		maps.Copy(r, result("servers", do))
		return r
	}
	return both(func(op string) (any, error) { return w.backend.Invoke(w.t.Context(), request(w.t, op, nil)) }),
		both(func(op string) (any, error) { return w.model.Do(w.moment(), op, map[string]any{}) })
}

// agree waits until every process has seen what the model knows.
func (w *walk) agree(what string) {
	w.t.Helper()
	var h, m map[string]any
	for deadline := time.Now().Add(testPatience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if h, m = w.read(); alike(h, m) {
			if strings.Contains(fmt.Sprint(m), "slow start") {
				w.seen["slow"]++
			}
			if m["weights"].(map[string]any)["spare1"] != 0.0 {
				w.seen["backup"]++
			}
			return
		}
	}
	w.t.Fatalf("%s: HAProxy says %v, the model %v", what, h, m)
}

func (w *walk) step(i int, random *rand.Rand) {
	w.t.Helper()
	one := func() string { return w.names[random.IntN(len(w.names))] }
	op, args := "", map[string]any{}
	switch random.IntN(16) {
	case 0:
		name := one()
		w.hosts[name].Store(!w.hosts[name].Load())
		w.seen["down"]++
		w.agree(fmt.Sprintf("step %d, %s down: %t", i, name, w.hosts[name].Load()))
		return
	case 1: // somebody else, at every process
		name := one()
		for _, c := range w.backend.clients {
			if _, _, err := c.ask(w.t.Context(), "set server wide/"+name+" state maint"); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := w.model.Load(map[string]any{"servers": map[string]any{name: map[string]any{"status": "maint"}}}); err != nil {
			w.t.Fatal(err)
		}
		w.seen["maint"]++
		w.agree(fmt.Sprintf("step %d, maintenance of %s", i, name))
		return
	case 2, 3, 4, 5:
		op = "split"
		left := 100.0
		for n := 1 + random.IntN(3); n > 0; n-- {
			if name := one(); args[name] == nil && !strings.HasPrefix(name, "spare") {
				share := math.Min(left, []float64{0, 0.4, 1, 12.5, 33.3, 50}[random.IntN(6)])
				args[name], left = share, left-share
			}
		}
		name := one()
		if share, ok := args[name].(float64); ok {
			left += share
		}
		args[name] = left
	case 6, 7:
		op, args["to"] = "switch", one()
	case 8, 9:
		op, args["server"] = "drain", one()
	default:
		op, args["server"] = "ready", one()
	}
	req := request(w.t, op, args)
	_, realErr := w.backend.Invoke(w.t.Context(), req)
	_, modelErr := w.model.Do(w.moment(), op, req.Args)
	r, m := effect.AsError(realErr), effect.AsError(modelErr)
	if (r == nil) != (m == nil) || r != nil && (r.Code != m.Code || r.Retryable != m.Retryable) {
		w.t.Fatalf("step %d, %s %v: HAProxy says %v, the model %v", i, op, args, realErr, modelErr)
	}
	if r == nil {
		w.seen[op]++
	} else {
		w.seen["refused"]++
	}
	w.agree(fmt.Sprintf("step %d, after %s %v", i, op, args))
}

// TestModelStartsAsSlowly: what HAProxy lets a server take while it starts
// slowly is what the model says of that time, a step more or less.
func TestModelStartsAsSlowly(t *testing.T) {
	if testing.Short() {
		t.Skip("takes nine seconds")
	}
	weights := map[string]int{"a": 128, "b": 128}
	h, lines := startHosts(t, "slowstart 8s", weights)
	w := newWalk(t, configured(t, map[string]any{"sockets": []any{startProxy(t, lines).socket}, "pool": "wide", "scale": 256.0}), h, weights, map[string]any{"slow_start": "8s", "scale": 256.0})
	w.agree("at first")
	h["b"].Store(true)
	w.agree("b is down")
	h["b"].Store(false)
	until(t, "b is up", func() bool { return fmt.Sprint(serverOf(t, w.backend, "wide", "b")["status"]) == "up" })
	taken := func(v map[string]any) float64 { // of its weight, in sixteenths
		b := v["weights"].(map[string]any)["b"].(float64)
		return 16 * b / (100 - b)
	}
	steps := map[float64]bool{}
	for began := time.Now(); time.Since(began) < 9*time.Second; time.Sleep(100 * time.Millisecond) {
		real, model := w.read()
		if r, m := taken(real), taken(model); math.Abs(r-m) > 3 { // HAProxy counts whole seconds, two steps each
			t.Errorf("after %s HAProxy gives it %.1f of 16, the model %.1f", time.Since(began), r, m)
		} else {
			steps[math.Round(r)] = true
		}
	}
	if len(steps) < 4 {
		t.Errorf("steps seen: %v", steps)
	}
	w.agree("b is through")
}

// TestBackupsAreAsTheirRequests: what backups are said to take is what they
// are sent, with and without `option allbackups`.
func TestBackupsAreAsTheirRequests(t *testing.T) {
	for _, option := range []string{"", "option allbackups"} {
		h, lines := startHosts(t, "", map[string]int{"a": 10, "spare1": 30, "spare2": 10})
		front := freeAddr(t)
		p := startProxy(t, strings.Replace(lines, "  option httpchk", "  "+option+"\n  option httpchk", 1)+"frontend wide_front\n  bind "+front+"\n  default_backend wide\n")
		b := p.backend(t, map[string]any{"pool": "wide"})
		h["a"].Store(true)
		until(t, "a is down", func() bool { return statusOf(t, b, "a") == "down" })
		w := must(t, b, "weights", nil)
		got := distribution(t, "http://"+front, 400)
		for _, name := range []string{"a", "spare1", "spare2"} {
			if said := w[name].(float64); math.Abs(said*4-float64(got[name])) > 8 {
				t.Errorf("%q: %s is said to take %v%%, and took %d of 400", option, name, said, got[name])
			}
		}
		if all := w["spare2"] != 0.0; all != (option != "") {
			t.Errorf("%q: weights %v", option, w)
		}
	}
}
