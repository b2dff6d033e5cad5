package rehearse_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestBranchesThatFailInVirtualTime: a branch that fails ends sleeps and
// questions beside it in no time; what it leads to is the same each time, and goes on after
// a crash.
func TestBranchesThatFailInVirtualTime(t *testing.T) {
	catalog := scenarioCatalog(t)
	s, err := rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(`
return { world = { traffic = { weights = { blue = 100, green = 0 } } } }`)}, nil, catalog)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: "a.lua", Text: []byte(`
runbook { name = "a", locks = { "traffic/web" }, on_failure = "rollback" }
local traffic, shared = require "traffic", ""
on_rollback(function() traffic.split { blue = 100, green = 0 } end)
local ok, e = pcall(parallel, {
  a = function() traffic.split { blue = 50, green = 50 } sleep "3s" fail "a fails" end,
  b = function() for i = 1, 9 do traffic.weights {} shared = shared .. "b" sleep "1s" end end,
  c = function() pcall(parallel, { x = function() sleep "1h" end, y = function() traffic.weights {} sleep "2h" end }) shared = shared .. "c" end,
  d = function() approve "go?" sleep "1h" end,
})
log.info { text = "told", shared = shared, why = e.message }
parallel { limit = 1, function() sleep "1s" end, function() traffic.weights {} end, function() fail "the end" end }`)}, Catalog: catalog, Scenario: s})
	if err != nil {
		t.Fatal(err)
	}
	course := func(tr simulate.Trial) string {
		var text strings.Builder
		for _, ev := range tr.Ending.Events {
			if ev.Kind != effect.TimerSet && ev.Kind != effect.QuestionAsked && ev.Kind != effect.EffectIntended { // branches ask side by side
				fmt.Fprintln(&text, ev.At.Format("05.000"), ev.Kind, ev.Place, string(ev.Body.Value), ev.Body.Reason)
			}
		}
		return text.String()
	}
	x := r.Explorer(nil)
	x.Depth, x.Workers = 1, runtime.NumCPU()
	first := map[string]string{}
	for range 3 {
		found, err := x.Explore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if found.Outcomes["running"]+found.Outcomes["interrupted"] > 0 || found.Schedules < 20 {
			t.Errorf("outcomes of %d schedules: %v", found.Schedules, found.Outcomes)
		}
		if took := found.Baseline.Took.Seconds(); took > 6 {
			t.Errorf("it took %gs:\n%s", took, course(found.Baseline))
		}
		for _, kind := range []simulate.Kind{"", simulate.Refused, simulate.KilledBefore, simulate.KilledAfter} {
			for _, place := range []string{"1.a.1", "1.a.2", "1.b.1", "1.b.2", "1.c.1.y.1", "1.c.1.x.1", "1.d.1", "2.@2.1"} {
				id := place + ":" + string(kind)
				schedule, err := simulate.ParseSchedule(id, catalog)
				if kind == "" {
					schedule, err = nil, nil
				}
				if err != nil {
					t.Fatal(err)
				}
				trial, err := x.Try(t.Context(), schedule)
				if err != nil {
					t.Fatal(err)
				}
				got := course(trial)
				if trial.Ending.Status != effect.StatusRolledBack {
					t.Errorf("%s: %s", id, trial.Ending.Status)
				}
				if first[id] == "" {
					first[id] = got
				} else if kills := kind == simulate.KilledBefore || kind == simulate.KilledAfter; got != first[id] && !kills { // what else was under way then is up to chance
					t.Fatalf("%s: once it was\n%s\nand once\n%s", id, first[id], got)
				}
			}
		}
	}
}
