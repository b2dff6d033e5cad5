package caddy

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/traffic"
)

// TestKilled kills the backend while its request is on its way: before Caddy has
// it, after Caddy has taken it, and before it comes late.
func TestKilled(t *testing.T) {
	s := start(t)
	r := s.relay(t)
	b := s.backend(t, nil)
	req := request(t, "split", obj{"green": 10.0, "blue": 90.0})
	defer plugintest.Killed(t, b.Describe().Name, tried(t), 3)
	for _, c := range []struct {
		what  string
		early bool // Caddy takes the request before the backend is killed
		late  bool // or after the resume
		state effect.Observed
	}{
		{"it never comes", false, false, effect.NotApplied},
		{"it was taken", true, false, effect.Applied},
		{"it comes late", false, true, effect.NotApplied},
	} {
		t.Run(c.what, func(t *testing.T) {
			must(t, b, "switch", obj{"to": "blue"})
			there, killed, late, passed := make(chan bool), make(chan bool), make(chan bool), make(chan int, 2)
			release := sync.OnceFunc(func() { close(late) })
			defer release()
			r.write(func(pass func() int) bool {
				if c.early {
					passed <- pass()
				}
				there <- true
				<-killed
				if c.late {
					<-late
					passed <- pass()
				}
				return false
			})
			plugintest.Kill(t, b.Describe().Name, s.config(obj{"address": r.URL}), req, func() { <-there })
			close(killed)
			o, err := b.Observe(t.Context(), req)
			if err != nil || o.State != c.state {
				t.Fatalf("observed %v, %v", o, err)
			}
			if c.early {
				if status := <-passed; status != http.StatusOK {
					t.Errorf("Caddy answered %d", status)
				}
				return
			}
			again := req
			again.Attempt = 2
			if _, err := b.Invoke(t.Context(), again); err != nil {
				t.Fatal(err)
			}
			if c.late {
				must(t, b, "switch", obj{"to": "blue"})
				release()
				if status := <-passed; status != http.StatusPreconditionFailed {
					t.Errorf("Caddy answered the late one with %d", status)
				}
				if v := must(t, b, "weights", nil); v["weights"].(obj)["blue"] != 100.0 {
					t.Errorf("afterwards %v", v)
				}
			}
		})
	}
}

// TestSwitchIsKilled kills the backend before Caddy has a switch, and after.
func TestSwitchIsKilled(t *testing.T) {
	s := start(t)
	b := s.backend(t, nil)
	plugintest.Kills{Backend: b, Config: s.config(nil), Module: traffic.Module(), Op: "switch", System: tried(t),
		Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
			r, done := s.relay(t), make(chan struct{})
			var held atomic.Bool
			t.Cleanup(func() { close(done) })
			r.write(func(pass func() int) bool {
				if at == plugintest.After {
					pass()
				}
				held.Store(true)
				<-done
				return false
			})
			return s.config(obj{"address": r.URL}), held.Load
		},
		Next: func(t *testing.T) plugintest.Round {
			must(t, b, "switch", obj{"to": "blue"})
			before := s.held(t)
			return plugintest.Round{Args: obj{"to": "green"}, There: func() bool { return !slices.Equal(s.held(t), before) && s.distribution(t, 5)["green"] == 5 }}
		}}.Run(t)
}
