package health

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestZeroedUnmeasured(t *testing.T) {
	put := func(name string, n float64) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "http", Name: "request", Class: effect.Write, Args: obj{"json": obj{name: n}}}
	}
	measured := effect.Occurrence{Place: "1", Module: "health", Name: "measure", Class: effect.Read}
	blind := measured
	blind.Fault = noData
	shares := put("max", 0)
	shares.Module = "traffic"
	for name, c := range map[string]struct {
		measured, did, usual effect.Occurrence
		want                 bool
	}{
		"a limit of nothing":      {blind, put("limit", 0), put("limit", 3000), true},
		"under a longer name":     {blind, put("max_requests", 0), put("max_requests", 3000), true},
		"it was measured":         {measured, put("limit", 0), put("limit", 3000), false},
		"it is nothing usually":   {blind, put("limit", 0), put("limit", 0), false},
		"a number that was kept":  {blind, put("limit", 10), put("limit", 3000), false},
		"what is only told":       {blind, put("p99", 0), put("p99", 0.2), false},
		"no traffic is no danger": {blind, shares, put("max", 100), false},
	} {
		v := &effect.View{Usual: []effect.Occurrence{measured, c.usual}, Done: func() []effect.Occurrence { return []effect.Occurrence{c.measured, c.did} }}
		if got := zeroedUnmeasured(v, c.did); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestEndedUnmeasured: a wait that ends for want of a figure is told, unless the run
// warns of it, asks people, or does something else.
func TestEndedUnmeasured(t *testing.T) {
	read := func(place effect.Place, fault string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "health", Name: "measure", Class: effect.Read, Args: obj{"env": "search"}, Where: effect.Position{Line: 4}, Fault: fault}
	}
	run := func(place effect.Place, what string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{what}}, Where: effect.Position{Line: 9}}
	}
	usual := []effect.Occurrence{read("1", ""), read("3", ""), read("5", ""), run("6", "./move.sh")}
	ask := effect.Occurrence{Place: "2", Module: effect.ControlModule, Name: "approve"}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		said string
		want bool
	}{
		"it ends":             {[]effect.Occurrence{read("1", noData), run("2", "./move.sh")}, "", true},
		"it goes on":          {[]effect.Occurrence{read("1", noData), read("3", ""), run("4", "./move.sh")}, "", false},
		"something else":      {[]effect.Occurrence{read("1", noData), run("2", "./stop.sh")}, "", false},
		"people are asked":    {[]effect.Occurrence{read("1", noData), ask, run("3", "./move.sh")}, "", false},
		"it warns":            {[]effect.Occurrence{read("1", noData), run("2", "./move.sh")}, "nobody says how much is left", false},
		"the last look of it": {[]effect.Occurrence{read("1", ""), read("3", ""), read("5", noData), run("6", "./move.sh")}, "", false},
	} {
		v := &effect.View{Usual: usual, Done: func() []effect.Occurrence { return c.past }}
		end := effect.Ending{Status: effect.StatusSucceeded}
		if c.said != "" {
			end.Events = []effect.Event{{Kind: effect.Logged, Body: effect.Body{Name: "warn", Text: c.said}}}
		}
		if got := endedUnmeasured(v, end); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
