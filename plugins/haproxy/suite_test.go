package haproxy

import (
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// system is a proxy to run the suite on: a pool of blue and green, both
// healthy, all traffic on blue.
type system struct {
	socket, pool string
	front        string // where requests go
	setDown      func(t *testing.T, server string, down bool)
}

// suite is what any proxy with HAProxy's runtime API has to pass.
func suite(t *testing.T, s system) {
	b := configured(t, map[string]any{"socket": s.socket, "pool": s.pool})
	reset := func(t *testing.T) {
		t.Helper()
		for _, name := range []string{"blue", "green"} {
			must(t, b, "ready", map[string]any{"server": name})
			plugintest.Until(t, name+" is up", func() bool { return statusOf(t, b, name) == "up" })
		}
		must(t, b, "switch", map[string]any{"to": "blue"})
	}

	t.Run("reads", func(t *testing.T) {
		reset(t)
		if w := must(t, b, "weights", nil); !maps.Equal(w, map[string]any{"blue": 100.0, "green": 0.0}) {
			t.Errorf("weights %v", w)
		}
		v, err := invoke(t, b, "servers", nil)
		if err != nil || fmt.Sprint(v["servers"]) != "[map[configured:100 name:blue sessions:0 status:up weight:100] map[configured:0 name:green sessions:0 status:up weight:0]]" {
			t.Errorf("servers %v, %v", v, err)
		}
		if err := b.Health(t.Context()); err != nil {
			t.Error(err)
		}
	})

	t.Run("results fit the contract", func(t *testing.T) {
		reset(t)
		for _, op := range b.Describe().Ops {
			args := map[string]map[string]any{"split": {"blue": 50.0, "green": 50.0}, "switch": {"to": "green"},
				"drain": {"server": "blue"}, "ready": {"server": "blue"}}[op.Name]
			v, err := invoke(t, b, op.Name, args)
			if err != nil {
				t.Fatalf("%s: %v", op.Name, err)
			}
			if _, err := effect.CheckFields(op.Returns, nil, v); err != nil {
				t.Errorf("%s returned %v: %v", op.Name, v, err)
			}
		}
	})

	t.Run("split divides requests", func(t *testing.T) {
		reset(t)
		for _, green := range []int{10, 50, 100, 0} {
			w := must(t, b, "split", map[string]any{"green": float64(green), "blue": float64(100 - green)})
			if !maps.Equal(w, map[string]any{"blue": float64(100 - green), "green": float64(green)}) {
				t.Errorf("split to %d%% returned %v", green, w)
			}
			got := distribution(t, s.front, 1000)
			if d := got["green"] - 10*green; d < -10 || d > 10 || got["green"]+got["blue"] != 1000 {
				t.Errorf("split to %d%% sent %v of 1000", green, got)
			}
		}
	})

	t.Run("no request fails while weights move", func(t *testing.T) {
		reset(t)
		var stop atomic.Bool
		failed := make(chan string, 1)
		go func() {
			defer close(failed)
			for !stop.Load() {
				resp, err := http.Get(s.front)
				if err == nil {
					_ = resp.Body.Close()
				}
				if err != nil || resp.StatusCode != http.StatusOK {
					failed <- fmt.Sprint(resp, err)
					return
				}
			}
		}()
		for i := range 100 {
			must(t, b, "switch", map[string]any{"to": []string{"green", "blue"}[i%2]})
		}
		stop.Store(true)
		if f, bad := <-failed; bad {
			t.Error(f)
		}
	})

	t.Run("drain and ready", func(t *testing.T) {
		reset(t)
		must(t, b, "split", map[string]any{"green": 50.0, "blue": 50.0})
		if w := must(t, b, "drain", map[string]any{"server": "green"}); !maps.Equal(w, map[string]any{"blue": 100.0, "green": 0.0}) {
			t.Errorf("drain returned %v", w)
		}
		if st := statusOf(t, b, "green"); st != "drain" {
			t.Errorf("green is %s", st)
		}
		if got := distribution(t, s.front, 60); got["blue"] != 60 {
			t.Errorf("a drained server took %v", got)
		}
		must(t, b, "drain", map[string]any{"server": "green"}) // twice is harmless
		_, err := invoke(t, b, "split", map[string]any{"green": 10.0, "blue": 90.0})
		plugintest.WantError(t, err, effect.CodeConflict, "sees it as drain", "traffic.ready", "nothing changed")
		if w := must(t, b, "ready", map[string]any{"server": "green"}); !maps.Equal(w, map[string]any{"blue": 50.0, "green": 50.0}) {
			t.Errorf("ready returned %v: the refused split changed something", w)
		}
	})

	t.Run("the last server is not drained", func(t *testing.T) {
		reset(t)
		_, err := invoke(t, b, "drain", map[string]any{"server": "blue"})
		plugintest.WantError(t, err, effect.CodeConflict, "last of pool "+s.pool, "traffic.switch")
		if got := distribution(t, s.front, 20); got["blue"] != 20 {
			t.Errorf("sent %v", got)
		}
	})

	t.Run("a server that is down gets no traffic", func(t *testing.T) {
		reset(t)
		s.setDown(t, "green", true)
		defer s.setDown(t, "green", false)
		plugintest.Until(t, "green is down", func() bool { return statusOf(t, b, "green") == "down" })
		_, err := invoke(t, b, "split", map[string]any{"green": 10.0, "blue": 90.0})
		plugintest.WantError(t, err, effect.CodeConflict, "server green of pool "+s.pool, "as down", "nothing changed")
		if !effect.AsError(err).Retryable {
			t.Error("a server that is down may come up: the error should be retryable")
		}
		must(t, b, "split", map[string]any{"green": 0.0, "blue": 100.0}) // away from it is fine
	})

	t.Run("what is not there", func(t *testing.T) {
		reset(t)
		_, err := invoke(t, b, "split", map[string]any{"gren": 10.0, "blue": 90.0})
		plugintest.WantError(t, err, effect.CodeNotFound, `no server "gren"`, `did you mean "green"?`, "blue, green")
		_, err = invoke(t, b, "switch", map[string]any{"to": "x; set weight web/blue 0"})
		plugintest.WantError(t, err, effect.CodeNotFound, "blue, green")
		_, err = invoke(t, b, "weights", map[string]any{"pool": s.pool + "x"})
		plugintest.WantError(t, err, effect.CodeNotFound, s.pool+"x", s.pool)
		_, err = invoke(t, b, "weights", map[string]any{"pool": s.pool + "\nset weight web/blue 0"})
		plugintest.WantError(t, err, effect.CodeInvalid, "no name of an HAProxy backend")
		if w := must(t, b, "weights", nil); w["blue"] != 100.0 {
			t.Errorf("weights %v", w)
		}
	})

	t.Run("observe", func(t *testing.T) {
		reset(t)
		for _, c := range []struct {
			op   string
			args map[string]any
		}{
			{"split", map[string]any{"green": 25.0, "blue": 75.0}},
			{"split", map[string]any{"green": 70.0, "others": "keep"}},
			{"switch", map[string]any{"to": "green"}},
			{"drain", map[string]any{"server": "blue"}},
			{"ready", map[string]any{"server": "blue"}},
		} {
			req := request(t, c.op, c.args)
			o, err := b.Observe(t.Context(), req)
			if err != nil || o.State != effect.NotApplied {
				t.Errorf("%s before: %v, %v", c.op, o, err)
			}
			v, err := b.Invoke(t.Context(), req)
			if err != nil {
				t.Fatalf("%s: %v", c.op, err)
			}
			if o, err = b.Observe(t.Context(), req); err != nil || o.State != effect.Applied || fmt.Sprint(o.Value) != fmt.Sprint(v) {
				t.Errorf("%s after: %v, %v; invoke returned %v", c.op, o, err, v)
			}
		}
	})

	t.Run("preview", func(t *testing.T) {
		reset(t)
		c, err := b.Preview(t.Context(), request(t, "split", map[string]any{"green": 10.0, "blue": 90.0}))
		if want := (effect.Prediction{Target: "pool " + s.pool, From: "blue 100%, green 0%", To: "blue 90%, green 10%"}); err != nil || c != want {
			t.Errorf("previewed %+v, %v", c, err)
		}
		c, err = b.Preview(t.Context(), request(t, "split", map[string]any{"green": 20.0, "others": "keep"}))
		if want := (effect.Prediction{Target: "pool " + s.pool, From: "blue 100%, green 0%", To: "blue 80%, green 20%"}); err != nil || c != want {
			t.Errorf("previewed %+v, %v", c, err)
		}
		c, err = b.Preview(t.Context(), request(t, "drain", map[string]any{"server": "green"}))
		if want := (effect.Prediction{Target: "server green of pool " + s.pool, From: "up", To: "drain"}); err != nil || c != want {
			t.Errorf("previewed %+v, %v", c, err)
		}
		_, err = b.Preview(t.Context(), request(t, "drain", map[string]any{"server": "blue"}))
		plugintest.WantError(t, err, effect.CodeConflict, "last of pool")
		if w := must(t, b, "weights", nil); w["blue"] != 100.0 {
			t.Errorf("a preview changed the weights to %v", w)
		}
	})

	t.Run("writes of one backend do not mix", func(t *testing.T) {
		reset(t)
		errs := make(chan error)
		const writers = 8
		for i := range writers {
			green := float64(10 * (i + 1))
			req := request(t, "split", map[string]any{"green": green, "blue": 100 - green})
			go func() {
				v, err := b.Invoke(t.Context(), req)
				if err == nil && v.(map[string]any)["weights"].(map[string]any)["green"] != green {
					err = fmt.Errorf("split to %v%% returned %v", green, v)
				}
				errs <- err
			}()
		}
		for range writers {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
