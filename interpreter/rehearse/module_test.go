package rehearse_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// valves is a model of somebody else's module: valves of a plant, which jam.
type valves struct {
	open   map[string]any
	jammed map[string]bool
}

func newValves() effect.Model { return &valves{open: map[string]any{}, jammed: map[string]bool{}} }

func (v *valves) Load(state map[string]any) error {
	maps.Copy(v.open, state)
	return nil
}

func (v *valves) Do(_ effect.Moment, op string, args map[string]any) (any, error) {
	name := args["valve"].(string)
	if op == "set" && !v.jammed[name] {
		v.open[name] = args["open"]
	}
	return map[string]any{"open": v.open[name]}, nil
}

func (v *valves) State(effect.Moment) map[string]any {
	return map[string]any{"open": maps.Clone(v.open)}
}

func (v *valves) Clone() effect.Model { return &valves{maps.Clone(v.open), maps.Clone(v.jammed)} }

func (v *valves) Break(kind, _ string, args map[string]any) string {
	name := args["valve"].(string)
	v.jammed[name] = kind == "jammed"
	return name
}

// plant is the module: ops, model, a fault kind and an invariant of its own.
func plant() effect.Module {
	valve := effect.Field{Name: "valve", Type: effect.String, Required: true, Doc: "which one"}
	open := effect.Field{Name: "open", Type: effect.Percent, Doc: "how far, in percent"}
	return effect.Module{Name: "plant", Doc: "Turn valves.", Model: newValves,
		Scenario: effect.ScenarioFields{Rest: &effect.Field{Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100), Doc: "how far a valve is open"}},
		Ops: []effect.Op{
			{Module: "plant", Name: "read", Doc: "Read a valve", Class: effect.Read, Args: []effect.Field{valve}, Returns: []effect.Field{open}},
			{Module: "plant", Name: "set", Doc: "Turn a valve", Class: effect.Write, Recovery: effect.Retry, Args: []effect.Field{valve, open}, Returns: []effect.Field{open}},
		},
		Faults: []effect.FaultKind{{Name: "jammed", Doc: "The valve stays where it is", Ops: []string{"set"}}},
		Invariants: []effect.Invariant{
			{Name: "the inlet is never open alone", After: func(v *effect.View, e effect.Occurrence) string {
				open, _ := v.State("plant")["open"].(map[string]any)
				for _, c := range e.Changes {
					if c.Module == "plant" && slices.Equal(c.Path, []string{"open", "inlet.a"}) && open["outlet.a"] == 0.0 {
						return fmt.Sprintf("%s turned it from %v to %v", e, c.From, c.To)
					}
				}
				return ""
			}},
			{Name: "a panic is no pass", End: func(v *effect.View, _ effect.Ending) string {
				if open, _ := v.State("plant")["open"].(map[string]any); open["outlet.a"] == 13.0 {
					panic("thirteen")
				}
				return ""
			}},
		}}
}

func explorePlant(t *testing.T, text string) *simulate.Explored {
	t.Helper()
	catalog, err := effect.NewCatalog(plant(), effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	s := &rehearse.Scenario{World: map[string]map[string]any{"plant": {"inlet.a": 0.0, "outlet.a": 0.0}}}
	setup, err := s.Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	x := simulate.Explorer{Depth: 1, Workers: 2, Setup: setup, Runner: &rehearse.Runner{Catalog: catalog, Cache: script.NewCache(),
		Main: script.Source{Name: "plant.lua", Text: []byte("runbook { name = \"p\", on_failure = \"stop\" }\nlocal plant = require \"plant\"\n" + text)}}}
	found, err := x.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestModuleOfSomebodyElse: what a module declares by itself counts as what the
// standard modules declare: its faults strike, its invariants are held.
func TestModuleOfSomebodyElse(t *testing.T) {
	found := explorePlant(t, `plant.set { valve = "outlet.a", open = 100 }
plant.set { valve = "inlet.a", open = 100 }`)
	if len(found.Baseline.Broken) != 0 || found.Broken != 1 {
		t.Fatalf("%d schedules broke an invariant, without a fault %v", found.Broken, found.Baseline.Broken)
	}
	worst := found.Failures[0]
	if got := worst.Schedule.String(); got != "1:jammed" {
		t.Errorf("the schedule is %s", got)
	}
	if b := worst.Broken[0]; b.Invariant != "the inlet is never open alone" || b.Message != "plant.set at plant.lua:4 turned it from 0 to 100" {
		t.Errorf("broken: %+v", b)
	}
	found = explorePlant(t, `plant.set { valve = "outlet.a", open = 100 }
if plant.read { valve = "outlet.a" }.open < 100 then fail("jammed") end
plant.set { valve = "inlet.a", open = 100 }`)
	if found.Broken != 0 {
		t.Errorf("%d schedules broke an invariant: %v", found.Broken, found.Failures)
	}
}

// TestScenarioOfSomebodyElse: what a scenario says of such a module is held
// against what the module declares, at its line.
func TestScenarioOfSomebodyElse(t *testing.T) {
	catalog, err := effect.NewCatalog(plant(), effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	load := func(world string) (*rehearse.Scenario, error) {
		text := "return {\n  world = { plant = {\n    " + world + ",\n  } },\n}"
		return rehearse.LoadScenario(t.Context(), script.Source{Name: "s.lua", Text: []byte(text)}, nil, catalog)
	}
	s, err := load(`["inlet.a"] = "10%"`)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := s.Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	if open := setup.Models["plant"].State(effect.Moment{})["open"].(map[string]any)["inlet.a"]; open != 10.0 {
		t.Errorf("the model was told %v, want a percentage in its canonical form", open)
	}
	for world, want := range map[string]string{
		`inlet = 200`:                     "s.lua:3: scenario: world.plant.inlet: must be from 0 to 100, got 200",
		`inlet = "wide"`:                  "s.lua:3: scenario: world.plant.inlet: wants a percentage",
		`inlet = function() return 1 end`: "s.lua:3: scenario: world.plant.inlet: may not be a function",
	} {
		if _, err := load(world); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", world, err, want)
		}
	}
}

func TestInvariantThatCannotBeEvaluated(t *testing.T) {
	found := explorePlant(t, `plant.set { valve = "outlet.a", open = 13 }`)
	if b := found.Baseline.Broken; len(b) != 1 || !strings.Contains(b[0].Message, "could not be evaluated: thirteen") {
		t.Errorf("broken: %v", b)
	}
}

func TestKindsOfFaults(t *testing.T) {
	catalog, err := effect.NewCatalog(plant())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := simulate.ParseSchedule("3:jammed,4:refused", catalog); err != nil || s.String() != "3:jammed,4:refused" {
		t.Errorf("%v, %v", s, err)
	}
	if _, err := simulate.ParseSchedule("3:unhealthy", catalog); err == nil || !strings.Contains(err.Error(), "jammed") {
		t.Errorf("a kind of a module that is not there: %v", err)
	}
	m := plant()
	m.Faults[0].Ops = []string{"sett"}
	if _, err := effect.NewCatalog(m); err == nil {
		t.Error("a fault of an op that is not there passed")
	}
	m = plant()
	m.Model = nil
	if _, err := effect.NewCatalog(m); err == nil {
		t.Error("faults without a model passed")
	}
}

// TestNamesWithDots: a server is what it is called, however that is.
func TestNamesWithDots(t *testing.T) {
	catalog := scenarioCatalog(t)
	setup, err := (&rehearse.Scenario{}).Setup(catalog)
	if err != nil {
		t.Fatal(err)
	}
	x := simulate.Explorer{Setup: setup, Runner: &rehearse.Runner{Catalog: catalog, Main: script.Source{Name: "d.lua", Text: []byte(`
runbook { name = "d", locks = { "traffic/web" } }
local traffic, health = require "traffic", require "health"
pcall(health.check, { env = "green.eu" })
traffic.split { ["green.eu"] = 100, ["blue.eu"] = 0 }`)}}}
	trial, err := x.Try(t.Context(), simulate.Schedule{{Place: "1", Kind: "unhealthy"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(trial.Broken) == 0 || trial.Broken[0].Invariant != "no traffic is moved to what is known to be bad" {
		t.Errorf("broken: %v", trial.Broken)
	}
}
