package rehearse_test

import (
	"context"
	"fmt"
	"reflect"
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

// backend notes every op that it is asked to carry out, as a plugin would.
type backend struct {
	carried  []string // ops and classes, as they are declared
	previews []string
	catalog  *effect.Catalog
}

func (b *backend) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	if call.Verb == effect.VerbPreview {
		b.previews = append(b.previews, call.Op.String())
		return effect.Result{Predicted: effect.Prediction{Target: "lamp", From: "off", To: "on"}}, nil
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
func dry(t *testing.T, name, text string, params map[string]any, extra ...effect.Module) (*rehearse.Result, *simulate.Plan, *backend) {
	t.Helper()
	catalog, err := effect.NewCatalog(append(append(stdlib.Modules(), extra...), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{catalog: catalog}
	r, err := rehearse.New(t.Context(), rehearse.Options{Main: script.Source{Name: name, Text: []byte(text)}, Catalog: catalog,
		Params: func(script.Header, *rehearse.Scenario) (map[string]any, error) { return params, nil },
		Live: &rehearse.Live{Handler: b, Backends: map[string]string{"traffic": "haproxy", "health": "probe"}, Env: "prod", Now: monday,
			Getenv: func(string) (string, bool) { return "live", true }}})
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := r.Plan(res)
	if err != nil {
		t.Fatal(err)
	}
	return res, plan, b
}

// monday is when the dry runs begin.
var monday = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func TestADryRunInvokesNoWrite(t *testing.T) {
	runner, _ := blueGreen(t, nil)
	res, plan, b := dry(t, "blue-green.lua", string(runner.Main.Text), runner.Params)
	if res.Ending.Status != effect.StatusSucceeded {
		t.Fatalf("the dry run is %s: %v", res.Ending.Status, res.Ending.Err)
	}
	for _, op := range b.carried {
		if !strings.HasSuffix(op, " read") {
			t.Errorf("the backend was asked for %s", op)
		}
	}
	if len(b.carried) == 0 {
		t.Error("nothing was read: the test looks at the wrong place")
	}
	if plan.Env != "prod" || !plan.Start.Equal(monday) || plan.Runbook != "blue-green" || len(plan.Sources) != 1 {
		t.Errorf("planned for %q in %s at %s, from %v", plan.Runbook, plan.Env, plan.Start, plan.Sources)
	}
	if len(plan.Touches) == 0 || plan.Touches[len(plan.Touches)-1].Backend != "haproxy" {
		t.Errorf("it touches %+v", plan.Touches)
	}
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
	if got, want := plan.Assumed, "server green, which is down now, is up by then"; !slices.Contains(got, want) {
		t.Errorf("taken for granted: %q, want %q", got, want)
	}
}

func TestADryRunPredictsForeignModules(t *testing.T) {
	lamp := effect.Module{Name: "lamp", Ops: []effect.Op{
		{Module: "lamp", Name: "lit", Class: effect.Read}, {Module: "lamp", Name: "light", Class: effect.Write}}}
	res, plan, b := dry(t, "lamp.lua", `runbook { name = "lamp", locks = { "lamp/hall" } }
local lamp = require "lamp"
lamp.lit {}
lamp.light {}
lamp.lit {}`, nil, lamp)
	if res.Ending.Status != effect.StatusSucceeded {
		t.Fatalf("the dry run is %s: %v", res.Ending.Status, res.Ending.Err)
	}
	lamps := strings.Join(b.carried, ", ")
	if !strings.HasSuffix(lamps, "lamp.lit read, lamp.lit read") || strings.Contains(lamps, "light") {
		t.Errorf("the backend carried out %s", lamps)
	}
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

// TestADryRunReadsTheEnvironmentOfTheRunner: what a scenario says comes first.
func TestADryRunReadsTheEnvironmentOfTheRunner(t *testing.T) {
	_, plan, _ := dry(t, "env.lua", `runbook { name = "env", locks = { "traffic/web" } }
local traffic = require "traffic"
if env "STAGE" == "live" then traffic.weights {} end`, nil)
	if len(plan.Effects) != 1 || plan.Effects[0].Fact != simulate.Live {
		t.Errorf("planned %+v", plan.Effects)
	}
}

// TestAPlanIsOfOneRunOnly: other files, parameters or environments are told.
func TestAPlanIsOfOneRunOnly(t *testing.T) {
	text := `runbook { name = "x", locks = { "traffic/web" } }
local traffic = require "traffic"
traffic.weights {}`
	_, plan, _ := dry(t, "x.lua", text, map[string]any{"n": 1.0})
	main := script.Source{Name: "x.lua", Text: []byte(text)}
	for name, c := range map[string]struct {
		main   script.Source
		params map[string]any
		env    string
		want   string
	}{
		"the same":      {main, map[string]any{"n": 1.0}, "prod", ""},
		"edited":        {script.Source{Name: "x.lua", Text: []byte(text + " ")}, map[string]any{"n": 1.0}, "prod", "file x.lua"},
		"other params":  {main, map[string]any{"n": 2.0}, "prod", "parameter n: 1 → 2"},
		"another place": {main, map[string]any{"n": 1.0}, "staging", "environment: prod → staging"},
	} {
		got, err := rehearse.Mismatches(plan, c.main, nil, c.params, c.env)
		if err != nil || (c.want == "") != (len(got) == 0) || !strings.Contains(strings.Join(got, "\n"), c.want) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}
