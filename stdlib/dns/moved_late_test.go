package dns

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestMovedLate(t *testing.T) {
	gone := func(region string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "deploy", Name: "decommission", Class: effect.Irreversible, Args: obj{"region": region},
			Changes: []effect.Change{{Module: "deploy", Path: []string{"regions", region, "state"}, From: "active", To: "absent"}}}
	}
	for name, c := range map[string]struct {
		before effect.Occurrence
		name   string
		from   any
		finds  bool
	}{
		"its own":   {gone("ap"), "ap.example.org", "192.0.2.3", true},
		"one of it": {gone("ap"), "api-ap.example.org", "192.0.2.3", true},
		"another":   {gone("ap"), "eu.example.org", "192.0.2.3", false},
		"a new one": {gone("ap"), "ap.example.org", nil, false},
	} {
		past := []effect.Occurrence{c.before, madeSet("2", time.Unix(0, 0), c.name, c.from)}
		v := &effect.View{Done: func() []effect.Occurrence { return past }}
		if got := movedLate(v, past[1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
