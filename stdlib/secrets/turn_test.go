package secrets

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestConsumersInTurn(t *testing.T) {
	type obj = map[string]any
	restart := func(place effect.Place, host string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "hosts", Name: "service", Class: effect.Write, Args: obj{"name": "api", "action": "restart", "on": []any{host}}}
	}
	run := func(place effect.Place, argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": argv}}
	}
	rotate := func(place effect.Place) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "secrets", Name: "rotate", Class: effect.Write, Args: obj{"name": "key"}}
	}
	revoke := effect.Occurrence{Place: "3", Module: "secrets", Name: "revoke", Class: effect.Irreversible, Args: obj{"name": "key", "version": "1"}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"one comes after":           {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, restart("4", "b")}, true},
		"a command of one":          {[]effect.Occurrence{rotate("1"), run("2", "./restart", "a"), revoke, run("4", "./restart", "b")}, true},
		"all come before":           {[]effect.Occurrence{rotate("1"), restart("2", "a"), restart("2", "b"), revoke}, false},
		"the same once more":        {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, restart("4", "a")}, false},
		"something else comes then": {[]effect.Occurrence{rotate("1"), run("2", "./restart", "a"), revoke, run("4", "./report", "to", "b")}, false},
		"another secret by then":    {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, rotate("4"), restart("5", "b")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := consumersInTurn(v, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
