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
			said += inv.End(v, ending)
		}
	}
	if want := `(PUT https://flags.example.org/read-only {"enabled":true,"why":"a < b"})`; !strings.Contains(said, want) {
		t.Errorf("%q does not hold %s", said, want)
	}
}

func TestMadeTwice(t *testing.T) {
	post := func(status float64, body obj, changes ...effect.Change) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "http", Name: "request", Class: effect.Write, Again: true, Changes: changes,
			Args: obj{"method": "POST", "url": "https://shop/refunds", "json": body}, Value: obj{"status": status}}
	}
	said := post(201, nil, effect.Change{Module: "http", Path: []string{"vars", "done"}, To: true})
	for name, c := range map[string]struct {
		past []effect.Occurrence
		e    effect.Occurrence
		want bool
	}{
		"made each time":                 {nil, post(201, obj{"order": "7"}), true},
		"made by its key":                {nil, post(201, obj{"idempotency_key": "7"}), false},
		"the key is empty":               {nil, post(201, obj{"request_id": ""}), true},
		"only answered":                  {nil, post(200, obj{"order": "7"}), false},
		"the scenario says what is done": {[]effect.Occurrence{said}, post(201, nil), false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return append(c.past, c.e) }}
		if got := sameAgain(v, c.e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
