package interpreter_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// backend notes every op that it is asked to carry out, as a plugin would.
type backend struct {
	carried  []string // ops and classes, as they are declared
	previews []string
	catalog  *effect.Catalog
}

func (b *backend) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	if call.Verb == effect.Preview {
		b.previews = append(b.previews, call.Op.String())
		return effect.Result{Change: effect.Change{Target: "lamp", From: "off", To: "on"}}, nil
	}
	op, ok := b.catalog.Op(call.Op.String())
	if !ok {
		return effect.Result{}, effect.Errorf(effect.CodeInternal, "no op %s", call.Op)
	}
	b.carried = append(b.carried, fmt.Sprintf("%s %s", op, op.Class))
	weights := map[string]any{"blue": 100.0, "green": 0.0}
	switch op.String() {
	case "traffic.weights":
		return effect.Result{Value: map[string]any{"weights": weights}}, nil
	case "traffic.servers":
		server := func(name string, weight float64, status string) any {
			return map[string]any{"name": name, "weight": weight, "status": status, "sessions": 0.0}
		}
		return effect.Result{Value: map[string]any{"servers": []any{server("blue", 100, "up"), server("green", 0, "down")}}}, nil
	case "health.check":
		return effect.Result{Value: map[string]any{"healthy": true}}, nil
	}
	return effect.Result{Value: map[string]any{}}, nil
}

// dry rehearses a script in a world that is read from a backend.
func dry(t *testing.T, name, text string, params map[string]any, extra ...effect.Module) (*simulate.World, simulate.Ending, *backend) {
	t.Helper()
	catalog, err := effect.NewCatalog(append(append(stdlib.Modules(), extra...), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{catalog: catalog}
	setup, err := (&interpreter.Scenario{}).Setup(stdlib.Models(), simulate.Standard())
	if err != nil {
		t.Fatal(err)
	}
	guard := simulate.NewReadOnly(catalog, b)
	setup.Live, setup.Preview = guard, guard
	r := &interpreter.Rehearsal{Main: script.Source{Name: name, Text: []byte(text)}, Catalog: catalog, Params: params}
	w := simulate.NewWorld(setup)
	if err := w.Prime(t.Context()); err != nil {
		t.Fatal(err)
	}
	end, err := r.Rehearse(t.Context(), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, end, b
}

func TestADryRunInvokesNoWrite(t *testing.T) {
	runner, _ := blueGreen(t, nil)
	w, end, b := dry(t, "blue-green.lua", string(runner.Main.Text), runner.Params)
	if end.Status != effect.StatusSucceeded {
		t.Fatalf("the dry run is %s: %v", end.Status, end.Err)
	}
	for _, op := range b.carried {
		if !strings.HasSuffix(op, " read") {
			t.Errorf("the backend was asked for %s", op)
		}
	}
	if len(b.carried) == 0 {
		t.Error("nothing was read: the test looks at the wrong place")
	}
	plan := simulate.NewPlan(end.Events, w.Entries())
	writes := 0
	for _, e := range plan.Effects {
		if e.Class.Writes() {
			writes++
		}
		if e.Place == "5" && (e.Op != "traffic.split" || e.Fact != simulate.Live || e.Changes[1].From != "0" || e.Changes[1].To != "10") {
			t.Errorf("the first split is planned as %+v", e)
		}
	}
	if writes < 8 {
		t.Errorf("the plan shows %d writes", writes)
	}
	if took := effect.Seconds(plan.Took); took < 25*time.Hour || took > 28*time.Hour {
		t.Errorf("the plan takes %s", took)
	}
	if got, want := w.Doubts(), []string{"server green, which is down now, is up by then"}; !reflect.DeepEqual(got, want) {
		t.Errorf("taken for granted: %q, want %q", got, want)
	}
}

func TestADryRunPredictsForeignModules(t *testing.T) {
	lamp := effect.Module{Name: "lamp", Ops: []effect.Op{
		{Module: "lamp", Name: "lit", Class: effect.Read}, {Module: "lamp", Name: "light", Class: effect.Write}}}
	w, end, b := dry(t, "lamp.lua", `runbook { name = "lamp", locks = { "lamp/hall" } }
local lamp = require "lamp"
lamp.lit {}
lamp.light {}
lamp.lit {}`, nil, lamp)
	if end.Status != effect.StatusSucceeded {
		t.Fatalf("the dry run is %s: %v", end.Status, end.Err)
	}
	lamps := strings.Join(b.carried, ", ")
	if !strings.HasSuffix(lamps, "lamp.lit read, lamp.lit read") || strings.Contains(lamps, "light") {
		t.Errorf("the backend carried out %s", lamps)
	}
	plan := simulate.NewPlan(end.Events, w.Entries())
	e := plan.Effects[1]
	if e.Op != "lamp.light" || e.Fact != simulate.Guessed || len(e.Changes) != 1 || e.Changes[0].To != "on" {
		t.Errorf("planned as %+v", e)
	}
}

func TestExplorationsDoNotDependOnWorkers(t *testing.T) {
	runner, setup := blueGreen(t, lab())
	var first *simulate.Explored
	for _, workers := range []int{1, 2, 8} {
		ex := &simulate.Explorer{Runner: runner, Setup: setup, Depth: 1, Workers: workers}
		found, err := ex.Explore(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		found.Wall = 0
		if first == nil {
			first = found
			continue
		}
		if found.Schedules != first.Schedules || !reflect.DeepEqual(found.Outcomes, first.Outcomes) ||
			found.Worst.Schedule.String() != first.Worst.Schedule.String() || found.Worst.Recovery != first.Worst.Recovery ||
			len(found.Failures) != len(first.Failures) {
			t.Fatalf("%d workers found %+v, one found %+v", workers, found.Outcomes, first.Outcomes)
		}
		for i := range found.Failures {
			a, b := &found.Failures[i], &first.Failures[i]
			if !reflect.DeepEqual(a.Timeline(), b.Timeline()) || !reflect.DeepEqual(a.Ending.Events, b.Ending.Events) {
				t.Errorf("%d workers: the timeline of schedule %s is another one", workers, a.Schedule)
			}
		}
	}
}
