package recordsettest

import (
	"fmt"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// Crashes loses the answers to changes, and kills the program that makes them,
// before they arrive and after they were made; what Observe says then is held
// against what is there, and a repetition ends with the change made. The
// configuration has the service's address under "url". TestMain calls
// plugintest.Victim.
func (s Subject) Crashes(t *testing.T) {
	target, _ := s.Config["url"].(string)
	n := 0
	// next makes a set of its own, and returns a change of it, what it leaves
	// and what is there before.
	next := func(t *testing.T, op string) (args obj, before, after string) {
		n++
		name := fmt.Sprintf("crash-%d.example.org", n)
		before, after = "nothing", "nothing"
		if op != "set" {
			if _, e := Invoke(t, s.Backend(t, nil), "set", obj{"name": name, "values": []any{"192.0.2.1"}, "ttl": "60s"}); e != nil {
				t.Fatal(e)
			}
			before = "60 192.0.2.1"
		}
		args = obj{"name": name}
		switch op {
		case "set":
			args["values"], args["ttl"], after = []any{"192.0.2.7", "192.0.2.8"}, "90s", "90 192.0.2.7, 192.0.2.8"
		case "replace":
			args["from"], args["to"], after = []any{"192.0.2.1"}, []any{"192.0.2.9"}, "60 192.0.2.9"
		case "delete":
			args["values"] = []any{"192.0.2.1"}
		}
		return args, before, after
	}
	settled := func(t *testing.T, at At, op string, args obj, before, after string) {
		t.Helper()
		name := args["name"].(string)
		want, holds := effect.NotApplied, before
		if at == After {
			want, holds = effect.Applied, after
		}
		if is := s.See(t, name, "A"); is != holds {
			t.Fatalf("%s has %s, want %s", name, is, holds)
		}
		b := s.Backend(t, nil)
		seen, err := b.Observe(t.Context(), Request(t, op, args))
		if err != nil || seen.State != want {
			t.Errorf("observed %+v, %v; want %s", seen, err, want)
		}
		if seen.State == effect.Applied {
			return
		}
		if _, e := Invoke(t, b, op, args); e != nil {
			t.Errorf("again: %v", e)
		}
		if is := s.See(t, name, "A"); is != after {
			t.Errorf("in the end %s has %s, want %s", name, is, after)
		}
	}
	for _, at := range []At{Before, After} {
		for _, op := range []string{"set", "replace", "delete"} {
			t.Run(fmt.Sprintf("lost %s %s", at, op), func(t *testing.T) {
				r := newRelay(t, target, at, false)
				args, before, after := next(t, op)
				_, e := Invoke(t, s.Backend(t, obj{"url": r.URL}), op, args)
				Fails(t, e, effect.CodeUnknown, "it is not known whether it did")
				settled(t, at, op, args, before, after)
			})
			t.Run(fmt.Sprintf("killed %s %s", at, op), func(t *testing.T) {
				r := newRelay(t, target, at, true)
				defer close(r.done)
				args, before, after := next(t, op)
				config, err := effect.CheckFields(s.Fresh().Describe().Config, nil, s.config(obj{"url": r.URL}))
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range config { // as a host hands it over
					if hidden, ok := v.(effect.Secret); ok {
						config[k] = hidden.Reveal()
					}
				}
				plugintest.Kill(t, s.name(), config, Request(t, op, args), func() {
					select {
					case <-r.held:
					case <-time.After(plugintest.Patience):
						t.Error("the change was not sent")
					}
				})
				settled(t, at, op, args, before, after)
			})
		}
	}
}
