package rehearse_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// shifting moves traffic in two steps, each of which registers its way back
// after it has changed something.
const shifting = `runbook { name = "shift", locks = { "traffic/web" }, on_failure = "rollback" }
local traffic, health = require "traffic", require "health"
health.check { env = "green" }
traffic.split { blue = "50%", green = "50%" }
on_rollback(function() traffic.split { blue = "100%", green = "0%" } end)
health.check { env = "green" }
traffic.split { blue = "0%", green = "100%" }
health.check { env = "green" }`

// TestWhatOperatorsAndTimeDoToARun: the ending, the world, and how long it took.
func TestWhatOperatorsAndTimeDoToARun(t *testing.T) {
	catalog := scenarioCatalog(t)
	s, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(
		`return { world = { traffic = { weights = { blue = 100, green = 0 } }, health = { green = {} } } }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "shift.lua", Text: []byte(shifting)}, Catalog: catalog, Scenario: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		place  effect.Place
		kind   simulate.Kind
		status effect.Status
		green  float64
		ops    int           // that the world saw
		least  time.Duration // that it took
	}{
		{"1", "", effect.StatusSucceeded, 100, 5, 0},
		// What is registered for the effect that had just been done is carried out.
		{"2", simulate.RolledBack, effect.StatusRolledBack, 0, 3, 10 * time.Second},
		{"4", simulate.RolledBack, effect.StatusRolledBack, 0, 5, 10 * time.Second},
		{"2", simulate.Canceled, effect.StatusCanceled, 50, 2, 0},
		{"4", simulate.Canceled, effect.StatusCanceled, 100, 4, 0},
		{"3", simulate.ResumedLate, effect.StatusSucceeded, 100, 6, 24 * time.Hour},
		{"2", simulate.KilledTwice, effect.StatusSucceeded, 100, 6, 20 * time.Second},
		{"2", simulate.Lost, effect.StatusSucceeded, 100, 6, 0},
		{"2", simulate.ClockJumps, effect.StatusSucceeded, 100, 5, time.Hour},
		{"1", simulate.Unavailable, effect.StatusFailed, 0, 1, 0},
		// The rollback meets the outage, too, and is tried again once it is over.
		{"4", simulate.Down, effect.StatusRolledBack, 0, 6, 10 * time.Minute},
		{"3", simulate.Stale, effect.StatusSucceeded, 100, 5, 0},
		// It comes when the second step has been done.
		{"2", simulate.AppliedLate, effect.StatusSucceeded, 50, 6, 0},
	} {
		var schedule simulate.Schedule
		if tt.kind != "" {
			schedule = simulate.Schedule{{Place: tt.place, Kind: tt.kind}}
		}
		t.Run(schedule.String(), func(t *testing.T) {
			w := simulate.NewWorld(r.Setup)
			end, err := r.Runner.Rehearse(t.Context(), w, schedule)
			if err != nil {
				t.Fatal(err)
			}
			broken := w.End(end)
			traffic := w.State()["traffic"].(map[string]any)
			green := traffic["weights"].(map[string]any)["green"]
			took := w.Timeline().Now().Sub(r.Setup.Start)
			var ops []string
			for _, e := range w.Entries() {
				ops = append(ops, e.Op+" "+string(e.Place)+" "+string(e.Fault))
			}
			if end.Status != tt.status || green != tt.green || len(ops) != tt.ops || took < tt.least {
				t.Errorf("%s (%v), green has %v, after %v: %q; want %s, %v, %d ops, %v; broken: %v", end.Status, end.Err, green, took, ops,
					tt.status, tt.green, tt.ops, tt.least, broken)
			}
			asked := slices.ContainsFunc(end.Events, func(ev effect.Event) bool { return ev.Kind == effect.RollbackRequested })
			if want := tt.kind == simulate.RolledBack || tt.kind == simulate.Down; asked != want {
				t.Errorf("a rollback was asked for: %t", asked)
			}
		})
	}
}

// TestACanceledRunIsLookedAtInTheEnd: what a script says of its end counts
// there, too.
func TestACanceledRunIsLookedAtInTheEnd(t *testing.T) {
	catalog := scenarioCatalog(t)
	text := strings.Replace(shifting, "health.check", `invariant.finally("all or nothing", function(world, ending)
  return world.traffic.weights.green ~= 50, ending.status
end)
health.check`, 1)
	s, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(
		`return { world = { traffic = { weights = { blue = 100, green = 0 } }, health = { green = {} } } }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "shift.lua", Text: []byte(text)}, Catalog: catalog, Scenario: s})
	if err != nil {
		t.Fatal(err)
	}
	x := r.Explorer(nil)
	x.Faults = simulate.Choice{Only: []simulate.Kind{simulate.Canceled}}
	found, err := x.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found.Failures {
		got = append(got, f.Schedule.String()+" "+f.Broken[0].Invariant+": "+f.Broken[0].Message)
	}
	if !slices.Equal(got, []string{"2:canceled all or nothing: canceled"}) {
		t.Errorf("found %q", got)
	}
}
