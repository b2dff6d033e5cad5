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
