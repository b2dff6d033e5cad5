package rehearse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestRollbacksAreStruckToo: the run without a fault has no rollback, and the
// bug stands in it.
func TestRollbacksAreStruckToo(t *testing.T) {
	catalog := scenarioCatalog(t)
	s, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(`
return { world = { exec = { vars = { n = 4 }, commands = {
  ["scale --to 2"] = { sets = { n = 2 } }, ["scale --to 4"] = { sets = { n = 4 } },
  ["scale --add 2"] = { apply = function(world) return { n = world.exec.vars.n + 2 } end } } } } }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	for back, want := range map[string]string{"--to 4": "", "--add 2": "r1.1.1:timeout"} {
		text := `runbook { name = "scale", on_failure = "rollback" }
local exec, health = require "exec", require "health"
local function scale(how, n) exec.run { argv = { "scale", how, n }, class = "write", recovery = "retry" } end
on_rollback(function() scale(("` + back + `"):match("(%S+) (%S+)")) end)
scale("--to", "2")
health.check { env = "web" }`
		var first string
		for _, workers := range []int{1, 4} {
			r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "scale.lua", Text: []byte(text)}, Catalog: catalog, Scenario: s})
			if err != nil {
				t.Fatal(err)
			}
			x := r.Explorer(nil)
			x.Depth, x.Workers = 1, workers
			found, err := x.Explore(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, f := range found.Failures {
				ids = append(ids, f.Schedule.String()+" "+f.Broken[0].Invariant)
			}
			got := strings.Join(ids, "; ")
			if (got == "") != (want == "") || !strings.Contains(got, want) || want != "" && !strings.Contains(got, "nothing is done twice") {
				t.Errorf("%s: found %q, want %q", back, got, want)
			}
			if first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: %d workers found %q, one found %q", back, workers, got, first)
			}
			if base := found.Baseline.Ending.Status; base != "succeeded" {
				t.Errorf("without a fault it is %s", base)
			}
			if trial, err := x.Try(t.Context(), simulate.Schedule{{Place: "1", Kind: simulate.Refused}, {Place: "r1.1.1", Kind: simulate.KilledAfter}}); err != nil ||
				!slices.ContainsFunc(trial.Entries, func(e simulate.Entry) bool { return e.Fault == simulate.KilledAfter }) {
				t.Errorf("the rollback was not struck: %v", err)
			}
		}
	}
}

// TestEndlessRollbackIsTriedOnce: what took more than a script may would do so
// again, and a rehearsal has its time once, whatever else fails beside it.
func TestEndlessRollbackIsTriedOnce(t *testing.T) {
	for _, beside := range []string{"", `on_rollback(function() error("plainly") end)`} {
		endlessIsTriedOnce(t, beside)
	}
}

func endlessIsTriedOnce(t *testing.T, beside string) {
	t.Helper()
	r, err := rehearse.New(t.Context(), rehearse.Options{Catalog: scenarioCatalog(t), Main: script.Source{Name: "b.lua", Text: []byte(`runbook { name = "b", on_failure = "rollback" } ` + beside + `
on_rollback(function() while true do end end)
fail "no"`)}})
	if err != nil {
		t.Fatal(err)
	}
	trial, err := r.Explorer(nil).Try(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	tries := 0
	for _, ev := range trial.Ending.Events {
		if ev.Kind == effect.RollbackStarted {
			tries++
		}
	}
	if tries != 1 || !trial.Ending.Endless || trial.Ending.Status != effect.StatusRollbackFailed {
		t.Errorf("%d tries, and it is %s", tries, trial.Ending.Status)
	}
	if !slices.ContainsFunc(trial.Broken, func(v simulate.Violation) bool {
		return strings.HasPrefix(v.Message, "the rollback failed: the rollback registered at b.lua:2")
	}) {
		t.Errorf("broken: %v", trial.Broken)
	}
	if found, err := r.Explorer(nil).Explore(t.Context()); err != nil || found.Schedules != 1 || found.Blocked == nil || !strings.Contains(found.Blocked.Error(), "b.lua:2") {
		t.Errorf("explored %+v: %v", found, err)
	}
}

// TestEndlessInvariantEndsAnExploration: an invariant of the end that takes more than
// a script may would do so under every schedule.
func TestEndlessInvariantEndsAnExploration(t *testing.T) {
	r, err := rehearse.New(t.Context(), rehearse.Options{Catalog: scenarioCatalog(t), Main: script.Source{Name: "b.lua", Text: []byte(`runbook { name = "b" }
invariant.finally("never told", function() while true do end end)
require("traffic").split { green = 50, blue = 50 }`)}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := r.Explorer(nil).Explore(t.Context())
	if err != nil || found.Schedules != 1 || found.Blocked == nil || !strings.Contains(found.Blocked.Error(), "b.lua:2: the script computed for more than") {
		t.Errorf("explored %+v: %v", found, err)
	}
}
