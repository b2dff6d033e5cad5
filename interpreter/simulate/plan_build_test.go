package simulate_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestAPlanTellsARun: its effects in the order of time with what the world saw
// of them, steps, questions, what it touches and what was assumed, and when it
// turned back.
func TestAPlanTellsARun(t *testing.T) {
	at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
	failure := effect.Errorf(effect.CodeRefused, "no")
	events := []effect.Event{
		{At: at(0), Kind: effect.RunCreated},
		{At: at(0), Kind: effect.StepEntered, Place: "~1", Body: effect.Body{Name: "shift"}},
		{At: at(1), Kind: effect.EffectIntended, Place: "1", Body: effect.Body{Op: "street.light", Class: effect.Write, Args: []byte(`{"lamp":"a"}`), Attempt: 1}},
		{At: at(3), Kind: effect.EffectDone, Place: "1"},
		{At: at(3), Kind: effect.StepLeft, Place: "~2", Body: effect.Body{Name: "shift", Outcome: "done"}},
		{At: at(4), Kind: effect.EffectDone, Place: "2", Body: effect.Body{Op: effect.OpNow, Class: effect.Value}},
		{At: at(4), Kind: effect.QuestionAsked, Place: "3", Body: effect.Body{Op: effect.OpApprove, Class: effect.Write,
			Args: []byte(`{"title":"go?","timeout":60,"count":2,"by":["ana","bob"]}`), Attempt: 1}},
		{At: at(9), Kind: effect.EffectDone, Place: "3"},
		{At: at(12), Kind: effect.EffectFailed, Place: "4", Body: effect.Body{Op: "street.look", Class: effect.Read, Error: failure}},
		{At: at(12), Kind: effect.EffectDone, Place: "4.1", Body: effect.Body{Op: "street.light", Class: effect.Write}},               // of the same lamp
		{At: at(12), Kind: effect.EffectIntended, Place: "5", Body: effect.Body{Op: "street.light", Class: effect.Write, Attempt: 1}}, // never settled
		{At: at(13), Kind: effect.RollbackStarted},
		{At: at(13), Kind: effect.EffectIntended, Place: "r1.1.1", Body: effect.Body{Op: "moon.shine", Class: effect.Write, Attempt: 1}},
		{At: at(14), Kind: effect.EffectDone, Place: "r1.1.1"},
		{At: at(15), Kind: effect.StatusChanged, Body: effect.Body{Status: effect.StatusRolledBack}},
	}
	change := effect.Change{Module: "street", Path: []string{"a"}, From: false, To: true}
	entries := []simulate.Entry{
		{Place: "1", Op: "street.light", Class: effect.Write, Changes: []effect.Change{change}, Basis: simulate.Basis{Fact: simulate.Modeled}, Fault: simulate.KilledAfter},
		{Place: "4.1", Op: "street.light", Class: effect.Write, Changes: []effect.Change{change}, Basis: simulate.Basis{Fact: simulate.Modeled}},
		{Place: "3", Op: effect.OpApprove, Basis: simulate.Basis{Fact: simulate.Assumed, Assumed: "an answer"}},
		{Place: "4", Op: "street.look", Took: 2 * time.Second, Basis: simulate.Basis{Fact: simulate.Assumed, Assumed: "the dark"}},
		{Place: "6", Op: "street.look", Basis: simulate.Basis{Fact: simulate.Assumed, Assumed: "the dark"}},
	}
	p := simulate.NewPlan(events, entries)
	back := 13.0
	want := &simulate.Plan{Version: simulate.PlanVersion, Start: begin, Took: 15, RollbackAt: &back, Status: effect.StatusRolledBack,
		Effects: []simulate.Planned{
			{Place: "1", At: 1, Took: 2, Op: "street.light", Class: effect.Write, Args: []byte(`{"lamp":"a"}`), Step: []string{"shift"},
				Changes: []effect.Prediction{change.Prediction()}, Fact: simulate.Modeled, Fault: simulate.KilledAfter},
			{Place: "3", At: 4, Took: 5, Op: effect.OpApprove, Class: effect.Write, Args: []byte(`{"title":"go?","timeout":60,"count":2,"by":["ana","bob"]}`), Step: []string{}, Fact: simulate.Assumed},
			{Place: "4", At: 10, Took: 2, Op: "street.look", Class: effect.Read, Args: []byte("{}"), Step: []string{}, Fact: simulate.Assumed, Error: failure},
			{Place: "4.1", At: 12, Op: "street.light", Class: effect.Write, Args: []byte("{}"), Step: []string{},
				Changes: []effect.Prediction{change.Prediction()}, Fact: simulate.Modeled},
			{Place: "r1.1.1", At: 13, Took: 1, Op: "moon.shine", Class: effect.Write, Args: []byte("{}"), Step: []string{"rollback"}},
		},
		Touches: []simulate.Touched{{Module: "moon", Ops: []string{"moon.shine"}},
			{Module: "street", Ops: []string{"street.light"}, Targets: []string{change.Prediction().Target}}},
		Approvals: []simulate.Approval{{Title: "go?", At: 4, By: []string{"ana", "bob"}, Count: 2, Timeout: 60}},
		Assumed:   []string{"an answer", "the dark"}}
	for i := range max(len(p.Effects), len(want.Effects)) {
		if i >= len(p.Effects) || i >= len(want.Effects) {
			t.Fatalf("%d effects, want %d", len(p.Effects), len(want.Effects))
		}
		if !reflect.DeepEqual(p.Effects[i], want.Effects[i]) {
			t.Errorf("effect %d is\n%+v, want\n%+v", i, p.Effects[i], want.Effects[i])
		}
	}
	p.Effects, want.Effects = nil, nil
	if !reflect.DeepEqual(p, want) {
		t.Errorf("got\n%+v, want\n%+v", p, want)
	}
	if empty := simulate.NewPlan(nil, nil); len(empty.Effects) != 0 || empty.RollbackAt != nil || !empty.Start.IsZero() {
		t.Errorf("no run is %+v", empty)
	}
}
