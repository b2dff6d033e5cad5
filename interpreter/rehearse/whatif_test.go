package rehearse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// past carries a script out in a world and takes the record for another one.
func past(t *testing.T, text string, world map[string]map[string]any, params map[string]any) *rehearse.Past {
	t.Helper()
	return happened(t, text, &rehearse.Scenario{World: world, Params: params})
}

func whatIf(t *testing.T, p *rehearse.Past, text string) *rehearse.WhatIf {
	t.Helper()
	w, err := p.WhatIf(t.Context(), script.Source{Name: "would.lua", Text: []byte(text)}, nil, scenarioCatalog(t))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

const whatIfHead = `runbook { name = "w", locks = { "traffic/web" }, on_failure = "rollback" }
local health, traffic, exec = require "health", require "traffic", require "exec"
local function S(n) health.measure { env = "green", window = n .. "s" } end
`

// TestARunInItsOwnWorldIsTheSameRun, whatever its branches are called: it does
// the same at the same times.
func TestARunInItsOwnWorldIsTheSameRun(t *testing.T) {
	for name, body := range map[string]string{
		"one after another":   `S(3) S(2)`,
		"branches in a list":  `step("both", function() parallel { function() S(3) end, function() S(2) end } end)`,
		"branches with names": `step("both", function() parallel { a = function() S(3) S(1) end, b = function() S(2) end } end)`,
		"odd names":           `parallel { p1 = function() S(3) end, r2 = function() S(2) end, q = function() S(9) end }`,
		"branches inside":     `parallel { a = function() S(1) parallel { function() S(3) end, function() S(2) end } end, b = function() S(7) end }`,
		"a rollback":          `on_rollback(function() S(5) traffic.split { blue = 100, green = 0 } end) traffic.split { blue = 50, green = 50 } S(4) fail("x")`,
		"branches in a rollback": `on_rollback(function() parallel { function() S(3) end, function() S(2) end } end)
			traffic.weights {} S(1) fail("x")`,
		"commands": `parallel { a = function() exec.run { argv = { "sleep", "20" } } end, b = function() exec.run { argv = { "sleep", "21" }, class = "read" } end }`,
	} {
		t.Run(name, func(t *testing.T) {
			text := whatIfHead + body
			w := whatIf(t, past(t, text, nil, nil), text)
			if w.Did.Took != w.Would.Took || w.Did.Status != w.Would.Status || len(w.Differences) > 0 {
				t.Errorf("it %s after %gs; again it would have %s after %gs, with the differences %+v", w.Did.Status, w.Did.Took, w.Would.Status, w.Would.Took, w.Differences)
			}
			for i := range w.Did.Effects {
				if did, would := w.Did.Effects[i], w.Would.Effects[i]; did.Place != would.Place || did.At != would.At || did.Took != would.Took {
					t.Errorf("effect %s from %gs for %gs would be effect %s from %gs for %gs", did.Place, did.At, did.Took, would.Place, would.At, would.Took)
				}
			}
		})
	}
}

// TestAnotherScriptMeetsWhatTheRunMet, and it is said what of that may have
// come of the run itself.
func TestAnotherScriptMeetsWhatTheRunMet(t *testing.T) {
	world := map[string]map[string]any{"health": {"green": map[string]any{
		"error_rate": effect.Func(func(m effect.Moment) (any, error) {
			if m.Now.Sub(m.Start).Seconds() > 60 {
				return 50.0, nil
			}
			return 0.0, nil
		})}},
		"traffic": {"weights": map[string]any{"blue": 100.0, "green": 0.0}}}
	shift := func(limit string) string {
		return whatIfHead + `traffic.weights {}
on_rollback(function() traffic.split { blue = 100, green = 0 } end)
traffic.split { blue = 0, green = 100 }
health.watch { env = "green", during = "3m", every = "30s", slo = { error_rate = "< ` + limit + `" } }`
	}
	p := past(t, shift("1%"), world, nil)
	if p.Run.Status != effect.StatusRolledBack {
		t.Fatalf("the run is %s", p.Run.Status)
	}
	w := whatIf(t, p, shift("80%"))
	if w.Would.Status != effect.StatusSucceeded || w.Would.RollbackAt != nil || w.Did.RollbackAt == nil {
		t.Errorf("it would have %s, with a rollback at %v", w.Would.Status, w.Would.RollbackAt)
	}
	if !slices.ContainsFunc(w.Assumed, func(text string) bool { return strings.HasPrefix(text, "health of green after") }) {
		t.Errorf("assumed: %q", w.Assumed)
	}
	if want := []string{"health of green"}; !slices.Equal(w.Independent, want) {
		t.Errorf("taken not to depend on the script: %q, want %q", w.Independent, want)
	}
}

// TestOnlyAnEndedRunIsAWorld: what it will still read, nobody knows.
// TestWhatOthersSetComesAgain: a gate that broke by drift breaks in the same
// way, unless the other script sets traffic after it.
func TestWhatOthersSetComesAgain(t *testing.T) {
	pool := map[string]any{"weights": map[string]any{"blue": 100.0, "green": 0.0},
		"changes": []any{map[string]any{"at": "70s", "weights": map[string]any{"blue": 100.0, "green": 0.0}}}}
	for name, c := range map[string]struct {
		world map[string]any
		args  string
	}{
		"the configured pool": {pool, ""},
		"another pool":        {map[string]any{"pools": map[string]any{"api": pool}}, `pool = "api", `},
	} {
		gate := func(before, after string) string {
			return whatIfHead + `traffic.weights { ` + c.args + `} ` + before + ` traffic.split { ` + c.args + `blue = 50, green = 50 } ` + after +
				` health.watch { env = "green", during = "2m", slo = { error_rate = "< 1%" } }`
		}
		p := past(t, gate("", ""), map[string]map[string]any{"traffic": c.world}, nil)
		w := whatIf(t, p, gate("", ""))
		if len(w.Differences) > 0 || w.Would.Status != w.Did.Status || w.Did.Status == "succeeded" {
			t.Errorf("%s: it %s, and again it would have %s: %+v", name, w.Did.Status, w.Would.Status, w.Differences)
		}
		if w = whatIf(t, p, gate(`health.measure { env = "green", window = "100s" } `, "")); w.Would.Status != "succeeded" {
			t.Errorf("%s: set after it, it would have %s", name, w.Would.Status)
		}
	}
}

func TestOnlyAnEndedRunIsAWorld(t *testing.T) {
	_, err := rehearse.NewPast(interpreter.Walk{Run: journal.Run{ID: "x", Status: effect.StatusWaiting}})
	if err == nil || !strings.Contains(err.Error(), "only a run that has ended") {
		t.Error(err)
	}
}

// TestParametersThatDoNotFit are told; those that the script no longer declares
// are left out.
func TestParametersThatDoNotFit(t *testing.T) {
	text := func(params string) string { return `runbook { name = "w", params = { ` + params + ` } }` }
	p := past(t, text(`n = { type = "number" }, gone = { type = "string" }`), nil, map[string]any{"n": 3.0, "gone": "x"})
	if w := whatIf(t, p, text(`n = { type = "number", max = 5 }`)); w.Would.Status != effect.StatusSucceeded {
		t.Errorf("it would have %s", w.Would.Status)
	}
	_, err := p.WhatIf(t.Context(), script.Source{Name: "would.lua", Text: []byte(text(`n = { type = "number", max = 2 }`))}, nil, scenarioCatalog(t))
	if err == nil || !strings.Contains(err.Error(), "the run's parameters do not fit the script") {
		t.Error(err)
	}
}
