package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// everyModule is the catalog of the modules that are shipped.
func everyModule(t *testing.T) *effect.Catalog {
	t.Helper()
	c, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// struckBooks hold, between them, every kind of place that a schedule can name.
var struckBooks = map[string]string{
	"values": `
local at, n, id, home = now(), random(), uuid(), env "HOME"
step("wait", function() checkpoint "half" log.info("x") sleep "2s" end)
require("health").check { env = "green" }
log.info(now())`,
	"people": `
approve { title = "go on?", by = { "ana" }, timeout = "1h" }
checklist { title = "list", items = { "one", "two" }, timeout = "1h" }
require("notify").send { to = "ops", text = "done" }`,
	"composites and a rollback": `
local t, h = require "traffic", require "health"
step("shift", function()
  on_rollback(function() local at = now() t.split { blue = 100, green = 0 } sleep "1s" h.check { env = "blue" } end)
  t.split { blue = 50, green = 50 }
  h.watch { env = "green", during = "1m", every = "30s", slo = { error_rate = "< 1%" } }
end)
retry { attempts = 2, wait = "1s", function() t.weights {} end }
fail "for the rollback"`,
	"asked": `
step("try", function() fail "so that people are asked" end)`,
	"branches": `
local t, h = require "traffic", require "health"
on_rollback(function() parallel { a = function() now() h.check { env = "blue" } end, b = function() sleep "1s" end } end)
parallel {
  shift = function() random() t.split { blue = 50, green = 50 } sleep "5s" end,
  look = function() for _ = 1, 2 do local at = now() h.check { env = "blue" } end end,
  ask = function() approve { title = "well?", timeout = "1h" } log.info("well") end,
}
parallel { function() t.servers {} end, function() uuid() t.weights {} end }
fail "for the rollback"`,
}

// placesOf returns every place that the record of a run has, those of marks and of
// values included, what stands around them, and some that it does not come to.
func placesOf(events []effect.Event) []effect.Place {
	var list []effect.Place
	for _, ev := range events {
		for p := ev.Place; p != ""; p = p.Parent() {
			if !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return append(list, "99", "r9.1.1", "1.nobody.1", "~99", "q7")
}

// TestWhateverIsScheduledIsSaidOrDone: each kind of fault, at each place of runs of
// every make, ends: it strikes, or the schedule is told not to and why.
func TestWhateverIsScheduledIsSaidOrDone(t *testing.T) {
	catalog := everyModule(t)
	kinds := simulate.Kinds(catalog)
	for name, text := range struckBooks {
		t.Run(name, func(t *testing.T) {
			onFailure := "rollback"
			if name == "asked" {
				onFailure = "ask"
			}
			r, err := rehearse.New(t.Context(), rehearse.Options{Catalog: catalog,
				Main:     script.Source{Name: "a.lua", Text: []byte(`runbook { name = "a", on_failure = "` + onFailure + `" }` + text)},
				Scenario: &rehearse.Scenario{World: map[string]map[string]any{"traffic": {"weights": map[string]any{"blue": 100.0, "green": 0.0}}}}})
			if err != nil {
				t.Fatal(err)
			}
			base, err := r.Run(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if e := effect.AsError(base.Ending.Err); base.Ending.Err != nil && e.Code != effect.CodeRaised {
				t.Fatal(base.Ending.Err)
			}
			struck, missed := 0, 0
			for _, place := range placesOf(base.Ending.Events) {
				for _, kind := range kinds {
					s := simulate.Schedule{{Place: place, Kind: kind}}
					miss := strike(t, r, s)
					at := slices.IndexFunc(base.World.Effects(), func(c effect.Call) bool { return c.Place == place })
					if fits := at >= 0 && slices.Contains(simulate.Faults(base.World.Effects()[at], catalog), kind); fits != (miss == "") {
						t.Errorf("%s: fits %t, %q", s, fits, miss)
					}
					if struck++; miss != "" {
						struck, missed = struck-1, missed+1
						if !strings.Contains(miss, string(kind)+" can strike ") || !strings.Contains(miss, string(place)) {
							t.Errorf("%s: %s", s, miss)
						}
					}
				}
			}
			if struck < 3 || missed < 10 {
				t.Errorf("%d faults struck, and %d did not", struck, missed)
			}
		})
	}
}

// strike runs one schedule, which has to end, and returns why it struck nothing.
func strike(t *testing.T, r *rehearse.Rehearsal, s simulate.Schedule) string {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, fmt.Errorf("%s does not end", s))
	defer cancel()
	res, err := r.Run(ctx, s)
	if err != nil {
		t.Fatalf("%s: %v (%v)", s, err, context.Cause(ctx))
	}
	if !res.Ending.Status.Terminal() && res.Ending.Status != effect.StatusUnknown {
		t.Errorf("%s: it is left %s: %v", s, res.Ending.Status, res.Ending.Err)
	}
	if missed := res.World.Missed(s); len(missed) > 0 {
		return missed[0].Why
	}
	return ""
}

// TestWhereAFaultCouldStrike: whoever asks for what cannot be learns what can.
func TestWhereAFaultCouldStrike(t *testing.T) {
	r, err := rehearse.New(t.Context(), rehearse.Options{Catalog: everyModule(t), Main: script.Source{Name: "a.lua", Text: []byte(`runbook { name = "a" }
local at = now()
sleep "2s"
require("health").watch { env = "green", during = "1m", every = "30s", slo = { error_rate = "< 1%" } }
log.info("x")`)}})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{
		"1:refused":       "effect 1 is run.now at a.lua:2, which nothing can strike; refused can strike 3.",
		"1:killed-before": "effect 1 is run.now at a.lua:2, which nothing can strike; killed-before can strike 2 (run.sleep), 3.",
		"2:refused":       "effect 2 is run.sleep at a.lua:3, which can be struck by killed-before, resumed-late; refused can strike 3.",
		"3:refused":       "3 is made of other effects, 3.",
		"2:denied":        "denied can strike no effect of this run",
		"~1:refused":      "~1 marks the record (a step, a log line), and nothing can strike that; refused can strike 3.",
		"9:refused":       "the run does not come to effect 9, so that fault cannot strike; refused can strike 3.",
	} {
		s, err := simulate.ParseSchedule(id, r.Setup.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		if got := strike(t, r, s); !strings.Contains(got, want) {
			t.Errorf("%s: %s", id, got)
		}
	}
	if _, err := simulate.ParseSchedule("2:killed-before,2:resumed-late", r.Setup.Catalog); err == nil || !strings.Contains(err.Error(), "two faults cannot strike one effect, 2") {
		t.Errorf("two at once: %v", err)
	}
	s, _ := simulate.ParseSchedule("2:refused", r.Setup.Catalog)
	if _, err := r.Explorer(s).Explore(t.Context()); err == nil || !strings.Contains(err.Error(), "2:refused, which is to strike in every schedule: effect 2 is run.sleep") {
		t.Errorf("explored with it: %v", err)
	}
}
