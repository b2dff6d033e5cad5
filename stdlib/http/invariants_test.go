package http

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestAFlagThatIsLeft is told with its body as it was sent.
func TestAFlagThatIsLeft(t *testing.T) {
	put := func(place effect.Place, on bool) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "http", Name: "request", Class: effect.Write,
			Args: map[string]any{"method": "PUT", "url": "https://flags.example.org/read-only", "json": map[string]any{"enabled": on, "why": "a < b"}}}
	}
	on, off := put("1", true), put("3", false)
	v := &effect.View{Usual: []effect.Occurrence{on, off}, Done: func() []effect.Occurrence { return []effect.Occurrence{on} },
		Changes: func(string) []effect.Change { return nil }}
	ending := effect.Ending{Status: effect.StatusRolledBack, RollsBack: true}
	said := ""
	for _, inv := range invariants() {
		if inv.Name == "what a run sets for its own time is taken back however it ends" {
			said = inv.End(v, ending)
		}
	}
	if want := `(PUT https://flags.example.org/read-only {"enabled":true,"why":"a < b"})`; !strings.Contains(said, want) {
		t.Errorf("%q does not hold %s", said, want)
	}
}
