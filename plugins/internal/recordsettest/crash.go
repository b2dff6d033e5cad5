package recordsettest

import (
	"fmt"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Stop leads to the system by a way on which changes come to a stop: what is
// configured for it, and what tells whether one has.
type Stop func(t *testing.T, at plugintest.At) (more obj, held func() bool)

// change is one of a set of its own.
type change struct {
	args          obj
	name          string
	before, after string // what is there
}

// changes returns what makes a set, called by why, and a change of it.
func (s Subject) changes(why string) func(t *testing.T, op string) change {
	n := 0
	return func(t *testing.T, op string) change {
		n++
		c := change{name: fmt.Sprintf("%s-%d.example.org", why, n), before: "nothing", after: "nothing"}
		if op != "set" {
			if _, e := Invoke(t, s.Backend(t, nil), "set", obj{"name": c.name, "values": []any{"192.0.2.1"}, "ttl": "60s"}); e != nil {
				t.Fatal(e)
			}
			c.before = "60 192.0.2.1"
		}
		c.args = obj{"name": c.name}
		switch op {
		case "set":
			c.args["values"], c.args["ttl"], c.after = []any{"192.0.2.7", "192.0.2.8"}, "90s", "90 192.0.2.7, 192.0.2.8"
		case "replace":
			c.args["from"], c.args["to"], c.after = []any{"192.0.2.1"}, []any{"192.0.2.9"}, "60 192.0.2.9"
		case "delete":
			c.args["values"] = []any{"192.0.2.1"}
		}
		return c
	}
}

// Killed kills the program that makes changes, and holds what is observed then
// against what another client is told. TestMain returns with plugintest.Main.
func (s Subject) Killed(t *testing.T, stop Stop) {
	contract, _ := stdlib.Contract("dns")
	next := s.changes("killed")
	for _, op := range []string{"set", "replace", "delete"} {
		t.Run(op, func(t *testing.T) {
			plugintest.Kills{Backend: s.Backend(t, nil), Config: s.Config, System: s.System, Module: contract, Op: op,
				Stops: func(t *testing.T, at plugintest.At) (map[string]any, func() bool) {
					more, held := stop(t, at)
					return s.config(more), held
				},
				Next: func(t *testing.T) plugintest.Round {
					c := next(t, op)
					return plugintest.Round{Args: c.args, There: func() bool {
						is := s.See(t, c.name, "A")
						if is != c.before && is != c.after {
							t.Fatalf("%s has %s, neither %s nor %s", c.name, is, c.before, c.after)
						}
						return is == c.after
					}}
				}}.Run(t)
		})
	}
}

// Crashes loses the answers to changes, and kills the program that makes them,
// before they arrive and after they were made; what Observe says then is held
// against what is there, and a repetition ends with the change made. The
// configuration has the address of the service's HTTP API under "url".
func (s Subject) Crashes(t *testing.T) {
	target, _ := s.Config["url"].(string)
	next := s.changes("lost")
	for _, at := range []plugintest.At{plugintest.Before, plugintest.After} {
		for _, op := range []string{"set", "replace", "delete"} {
			t.Run(fmt.Sprintf("lost %s %s", at, op), func(t *testing.T) {
				r := plugintest.NewRelay(t, target, at, false)
				c := next(t, op)
				_, e := Invoke(t, s.Backend(t, obj{"url": r.URL}), op, c.args)
				Fails(t, e, effect.CodeUnknown, "it is not known whether it did")
				s.settled(t, at, op, c)
			})
		}
	}
	s.Killed(t, func(t *testing.T, at plugintest.At) (obj, func() bool) {
		r := plugintest.NewRelay(t, target, at, true)
		return obj{"url": r.URL}, r.Held
	})
}

// settled looks at what became of a change whose answer was lost, and makes it
// again.
func (s Subject) settled(t *testing.T, at plugintest.At, op string, c change) {
	t.Helper()
	want, holds := effect.NotApplied, c.before
	if at == plugintest.After {
		want, holds = effect.Applied, c.after
	}
	if is := s.See(t, c.name, "A"); is != holds {
		t.Fatalf("%s has %s, want %s", c.name, is, holds)
	}
	b := s.Backend(t, nil)
	seen, err := b.Observe(t.Context(), Request(t, op, c.args))
	if err != nil || seen.State != want {
		t.Errorf("observed %+v, %v; want %s", seen, err, want)
	}
	if seen.State == effect.Applied {
		return
	}
	if _, e := Invoke(t, b, op, c.args); e != nil {
		t.Errorf("again: %v", e)
	}
	if is := s.See(t, c.name, "A"); is != c.after {
		t.Errorf("in the end %s has %s, want %s", c.name, is, c.after)
	}
}
