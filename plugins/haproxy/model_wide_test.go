package haproxy

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/traffictest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
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
			for range 300 {
				w.step(random)
			}
			w.Showed(t, 3, "split", "split conflict", "switch", "drain", "ready", "maint", "down", "backup")
			w.Compared(t, "haproxy", testedOn(t))
			if c.slow != "" {
				w.Showed(t, 10, "slow")
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

// walk leads a backend and a model whose hosts can be made to fail.
type walk struct {
	plugintest.Walk
	t       *testing.T
	backend *Backend
	hosts   hosts
	names   []string
}

func newWalk(t *testing.T, b *Backend, h hosts, weights map[string]int, state map[string]any) *walk {
	t.Helper()
	model := traffic.NewModel()
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
	w := plugintest.Walk{Backend: b, Module: traffic.Module(), Model: model, Plain: quiet, Late: true, Seen: map[string]int{}}
	return &walk{w, t, b, h, sortedKeys(weights)}
}

// agree waits until every process has seen what the model knows.
func (w *walk) agree(what string) {
	w.t.Helper()
	now := w.Agree(w.t, what, "servers", "weights")
	if strings.Contains(fmt.Sprint(now), "slow start") {
		w.Seen["slow"]++
	}
	if now["weights"].(map[string]any)["spare1"] != 0.0 {
		w.Seen["backup"]++
	}
}

func (w *walk) step(random *rand.Rand) {
	w.t.Helper()
	one := func() string { return w.names[random.IntN(len(w.names))] }
	switch random.IntN(16) {
	case 0:
		name := one()
		w.hosts[name].Store(!w.hosts[name].Load())
		w.Seen["down"]++
		w.agree(fmt.Sprintf("%s down: %t", name, w.hosts[name].Load()))
	case 1: // somebody else, at every process
		name := one()
		for _, c := range w.backend.clients {
			if _, _, err := c.ask(w.t.Context(), "set server wide/"+name+" state maint"); err != nil {
				w.t.Fatal(err)
			}
		}
		if err := w.Model.Load(map[string]any{"servers": map[string]any{name: map[string]any{"status": "maint"}}}); err != nil {
			w.t.Fatal(err)
		}
		w.Seen["maint"]++
		w.agree("maintenance of " + name)
	case 2, 3, 4, 5, 6: // or nothing would ever take requests
		w.Step(w.t, "ready", map[string]any{"server": one()})
		w.agree("after a ready")
	default:
		op, args := traffictest.Draw(random, w.backend, w.names)
		w.Step(w.t, op, args)
		w.agree(fmt.Sprintf("after %s %v", op, args))
	}
}

// TestModelStartsAsSlowly: what HAProxy lets a server take while it starts
// slowly is what the model says of that time, a step more or less.
func TestModelStartsAsSlowly(t *testing.T) {
	weights := map[string]int{"a": 128, "b": 128}
	h, lines := startHosts(t, "slowstart 8s", weights)
	w := newWalk(t, configured(t, map[string]any{"sockets": []any{startProxy(t, lines).socket}, "pool": "wide", "scale": 256.0}), h, weights, map[string]any{"slow_start": "8s", "scale": 256.0})
	w.agree("at first")
	h["b"].Store(true)
	w.agree("b is down")
	recovers := time.Now()
	h["b"].Store(false)
	plugintest.Until(t, "b is up", func() bool { return fmt.Sprint(serverOf(t, w.backend, "wide", "b")["status"]) == "up" })
	taken := func(v map[string]any) float64 { // of its weight, in sixteenths
		b := v["weights"].(map[string]any)["b"].(float64)
		return 16 * b / (100 - b)
	}
	model := func() float64 {
		v, err := w.Model.Do(effect.Moment{Now: time.Now(), World: func(string) map[string]any { return nil }}, "weights", map[string]any{})
		if err != nil {
			t.Fatal(err)
		}
		return taken(v.(map[string]any))
	}
	least := model()
	late := 2 * time.Since(recovers).Seconds() // in sixteenths: the model learns of it after HAProxy
	steps := map[float64]bool{}
	for began := time.Now(); time.Since(began) < 9*time.Second; time.Sleep(100 * time.Millisecond) {
		v, err := invoke(t, w.backend, "weights", nil)
		if err != nil {
			t.Fatal(err)
		}
		real, most := taken(v), model()
		if real < least-3 || real > most+late+3 { // HAProxy counts whole seconds, two steps each
			t.Errorf("after %s HAProxy gives it %.1f of 16, the model %.1f to %.1f", time.Since(began), real, least, most)
		} else {
			steps[math.Round(real)] = true
		}
		least = most
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
		front := plugintest.FreeAddress(t)
		p := startProxy(t, strings.Replace(lines, "  option httpchk", "  "+option+"\n  option httpchk", 1)+"frontend wide_front\n  bind "+front+"\n  default_backend wide\n")
		b := p.backend(t, map[string]any{"pool": "wide"})
		h["a"].Store(true)
		plugintest.Until(t, "a is down", func() bool { return statusOf(t, b, "a") == "down" })
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
