package rehearse_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// inOneLine leaves a test in which one line of control does everything to the pass
// without the race detector.
func inOneLine(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("nothing happens at once")
	}
}

func scenarioCatalog(t *testing.T) *effect.Catalog {
	t.Helper()
	c, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func loadScenario(t *testing.T, text string) (*rehearse.Scenario, error) {
	t.Helper()
	return rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(text)}, nil, scenarioCatalog(t))
}

func TestScenarioSaysEverything(t *testing.T) {
	s, err := loadScenario(t, `
		return {
			start = "2026-11-23 14:00", seed = 7,
			params = { version = "v1.2.0" },
			secrets = { ["env:TOKEN"] = "abc" },
			env = { STAGE = "test" },
			world = { traffic = { weights = { blue = 100, green = 0 } } },
			answers = { ["go?"] = "deny", ["on?"] = { answer = "approve", after = "10m", by = { "alice" } }, ["so?"] = "never" },
			faults = { { at = "5", kind = "refused" }, { op = "traffic.split", nth = 2, kind = "timeout" }, { step = "x", kind = "killed-after" } },
		}`)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Start.Equal(time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)) || s.Seed != 7 || s.Name != "s.lua" {
		t.Errorf("start %s, seed %d, name %s", s.Start, s.Seed, s.Name)
	}
	if a := s.Answers["on?"]; a.Deny || a.Never || a.After != 10*time.Minute || len(a.By) != 1 || !s.Answers["go?"].Deny || !s.Answers["so?"].Never {
		t.Errorf("answers %+v", s.Answers)
	}
	if v, ok := s.Getenv("STAGE"); v != "test" || !ok || len(s.Faults) != 3 || s.Faults[0].Nth != 1 || s.Faults[1].Nth != 2 {
		t.Errorf("env %q, faults %+v", v, s.Faults)
	}
	params, err := s.Resolve([]effect.Field{{Name: "version", Type: effect.String}, {Name: "token", Type: effect.String, Secret: true},
		{Name: "other", Type: effect.String, Secret: true}}, map[string]any{"token": "env:TOKEN", "other": "file:x"})
	if err != nil || params["version"] != "v1.2.0" {
		t.Fatal(params, err)
	}
	if token := params["token"].(effect.Secret); token.Name() != "env:TOKEN" || token.Reveal() != "abc" || params["other"].(effect.Secret).Reveal() == "" {
		t.Errorf("token %s", token)
	}
}

func TestScenarioMistakesNameTheirLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want, hint string }{
		"unknown key":      {"return {\n\n  wrld = {} }", "s.lua:3: scenario: wrld: is not known here", ""},
		"unknown module":   {"return {\n  world = {\n    trafic = {} } }", "s.lua:3: scenario: world.trafic: there is no module", `"traffic"`},
		"bad state":        {"local w = { traffic = {\n  weights = { blue = 'much' } } }\nreturn { world = w }", "s.lua:2: scenario: world.traffic.weights.blue", ""},
		"bad start":        {"return {\n  start = 'soon' }", "s.lua:2: scenario: start: wants a moment", "UTC"},
		"bad answer":       {"return { answers = {\n  ['go?'] = 'aprove' } }", "s.lua:2: scenario: answers.go?.answer", `did you mean "approve"?`},
		"bad fault":        {"return { faults = {\n  { at = '5', kind = 'refused' },\n  { at = '6', kind = 'refusd' } } }", "s.lua:3: scenario: faults[2].kind", `did you mean "refused"?`},
		"fault twice":      {"return { faults = {\n  { at = '5', op = 'traffic.split', kind = 'refused' } } }", "s.lua:2: scenario: faults[1]: wants one of", ""},
		"fault of no op":   {"return { faults = {\n  { op = 'traffic.splt', kind = 'refused' } } }", "s.lua:2: scenario: faults[1].op", `did you mean "traffic.split"?`},
		"fault of a loop":  {"return { faults = {\n  { op = 'health.watch', kind = 'refused' } } }", "s.lua:2: scenario: faults[1].op: health.watch is made of other effects", ""},
		"mixed state":      {"return { world = { traffic = {\n  weights = { 1, blue = 2 } } } }", "s.lua:2: scenario: world.traffic.weights: mixes", ""},
		"no table":         {"return 1", "s.lua:1: a scenario file returns a table", ""},
		"effects":          {"local t = require 'traffic'\nreturn {}", "s.lua:1: require \"traffic\"", ""},
		"not Lua":          {"return {\n  a = }", "s.lua:2:", ""},
		"a function where": {"return { world = { traffic = {\n  scale = function() end } } }", "s.lua:2: scenario: world.traffic.scale: may not be a function", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadScenario(t, c.text)
			var e *script.Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), c.want) || !strings.Contains(e.Hint, c.hint) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

const scheduledBook = `
runbook { name = "x", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
traffic.weights {}
step("outer", function()
  health.check { env = "green" }
  step("inner", function() traffic.split { blue = 50, green = 50 } end)
end)
step("last", function()
  traffic.split { blue = 0, green = 100 }
end)
approve "go?"`

func TestScenarioFindsTheEffectsOfItsFaults(t *testing.T) {
	runner := &rehearse.Runner{Main: script.Source{Name: "x.lua", Text: []byte(scheduledBook)}, Catalog: scenarioCatalog(t)}
	for faults, want := range map[string]string{
		`{ op = "traffic.split", nth = 2, kind = "timeout" }`:                               "4:timeout",
		`{ step = "outer", kind = "refused" }`:                                              "3:refused",
		`{ step = "outer", kind = "unhealthy" }`:                                            "2:unhealthy",
		`{ op = "run.approve", kind = "denied" }, { step = "last", kind = "killed-after" }`: "5:denied,4:killed-after",
		`{ op = "traffic.split", nth = 3, kind = "timeout" }`:                               "faults[1].op: without faults the run has 2 effects traffic.split, not 3",
		`{ step = "iner", kind = "refused" }`:                                               `faults[1].step: without faults the run enters no step "iner"; did you mean "inner"?`,
		`{ op = "traffic.split", kind = "denied" }`:                                         `faults[1].kind: traffic.split cannot be "denied"; it can be [refused timeout lost killed-before killed-after unavailable down flapping applied-late killed-twice rolled-back canceled resumed-late clock-jumps]`,
		`{ step = "last", kind = "no-data" }`:                                               `faults[1].step: the step "last" has no effect that can be no-data`,
	} {
		s, err := loadScenario(t, `return { world = { traffic = { weights = { blue = 100, green = 0 } } }, faults = { `+faults+` } }`)
		if err != nil {
			t.Fatal(err)
		}
		setup, err := s.Setup(scenarioCatalog(t))
		if err != nil {
			t.Fatal(err)
		}
		schedule, err := s.Schedule(t.Context(), runner, setup)
		got := schedule.String()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", faults, got, want)
		}
	}
}

func TestValuesOfTheWorldMayDependOnEachOther(t *testing.T) {
	s, err := loadScenario(t, `
		return { world = {
			exec = { vars = { load = 1 }, commands = { ["more"] = { sets = { load = function(world, t) return world.exec.vars.load + 1 end } } } },
			health = { green = { p99_latency = function(world, t) return world.exec.vars.load / 10 + t / 1000 end } },
			traffic = { servers = { blue = { weight = 100 }, green = { weight = 0,
				status = function(world) return world.health.green.p99_latency > 0.15 and "down" or "up" end } } },
		} }`)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := s.Setup(scenarioCatalog(t))
	if err != nil {
		t.Fatal(err)
	}
	runner := &rehearse.Runner{Catalog: scenarioCatalog(t), Main: script.Source{Name: "x.lua", Text: []byte(`
		runbook { name = "x", locks = { "traffic/web" } }
		local traffic, exec = require "traffic", require "exec"
		traffic.split { blue = 50, green = 50 }
		traffic.switch { to = "blue" }
		exec.run { argv = { "more" }, class = "write", recovery = "retry" }
		traffic.split { blue = 50, green = 50 }`)}}
	w := simulate.NewWorld(setup)
	end, err := runner.Rehearse(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	if end.Status != effect.StatusFailed || !strings.Contains(end.Err.Error(), "x.lua:7: traffic.split: ") {
		t.Errorf("%s: %v", end.Status, end.Err)
	}
}
