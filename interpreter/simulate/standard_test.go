package simulate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// occ is an effect as an invariant sees it.
func occ(module, name string, class effect.Class, change ...func(*effect.Occurrence)) effect.Occurrence {
	e := effect.Occurrence{At: begin, Place: "1", Module: module, Name: name, Class: class, Where: effect.Position{File: "x.lua", Line: 3}}
	for _, c := range change {
		c(&e)
	}
	return e
}

func failing(code effect.Code) func(*effect.Occurrence) {
	return func(e *effect.Occurrence) { e.Err = effect.Errorf(code, "said no") }
}

func telling(e *effect.Occurrence) { e.Tells = true }

// TestWhatHoldsForEveryRunbook: each standard invariant beside what breaks it,
// and what looks like that and does not.
func TestWhatHoldsForEveryRunbook(t *testing.T) {
	secret := effect.NewSecret("env:T", "hunter2")
	twice := func(changes ...effect.Change) effect.Occurrence {
		return occ("street", "toggle", effect.Write, func(e *effect.Occurrence) { e.Again, e.Grows, e.Changes = true, true, changes })
	}
	leak := func(b effect.Body) effect.Ending {
		return effect.Ending{Status: effect.StatusSucceeded, Secrets: []effect.Secret{effect.NewSecret("env:EMPTY", ""), secret},
			Events: []effect.Event{{Kind: effect.EffectDone, Place: "4", Body: b}}}
	}
	ended := func(s effect.Status, err error) effect.Ending { return effect.Ending{Status: s, Err: err} }
	done := ended(effect.StatusSucceeded, nil)
	logged := func(level string) effect.Ending {
		return effect.Ending{Status: effect.StatusSucceeded, Events: []effect.Event{{At: begin, Kind: effect.Logged, Body: effect.Body{Name: level}}}}
	}
	approve := func(change ...func(*effect.Occurrence)) effect.Occurrence {
		return occ("run", "approve", effect.Write, change...)
	}
	refused, unknown := failing(effect.CodeRefused), failing(effect.CodeUnknown)
	burnt := occ("street", "burn", effect.Irreversible)
	const (
		dup, ends, rolls, leaks    = "nothing is done twice", "a run ends", "every rollback completes", "no secret stands in the journal"
		swallowed, approved, obeys = "the error of a change is not swallowed", "nothing irreversible comes before its approval", "a no is obeyed"
	)
	for _, tt := range []struct {
		name, invariant string
		past            []effect.Occurrence // the last one is judged
		end             effect.Ending
		stranded        bool
		want            string // "" holds
	}{
		{"again, with a change", dup, []effect.Occurrence{twice(effect.Change{Module: "street", Path: []string{"a"}, From: true, To: false})}, done, false,
			"street.toggle at x.lua:3 was applied twice, and the second time changed street.a from true to false"},
		{"again, without one", dup, []effect.Occurrence{twice()}, done, false, ""},

		{"a failure is an end", ends, nil, ended(effect.StatusFailed, errors.New("x")), false, ""},
		{"waiting is none", ends, nil, ended(effect.StatusWaiting, nil), false, "the run stays waiting however often it is resumed"},
		{"an outcome nobody knows is none", ends, nil, ended(effect.StatusUnknown, errors.New("x")), false, "the run stays unknown however often it is resumed: x"},
		{"one that was stopped", ends, nil, ended(effect.StatusInterrupted, &effect.Stop{Cause: simulate.Endless, Err: errors.New("it never ends")}), false, "it never ends"},

		{"a rollback that fails", rolls, nil, effect.Ending{Status: effect.StatusRollbackFailed, Rollbacks: []error{errors.New("no way back")}}, false,
			"the rollback failed, also when it was tried again: no way back"},
		{"a rollback without an end", rolls, nil, effect.Ending{Status: effect.StatusRollbackFailed, Endless: true, Rollbacks: []error{errors.New("too long")}}, false,
			"the rollback failed: too long"},
		{"nothing can help", rolls, nil, effect.Ending{Status: effect.StatusRollbackFailed}, true, ""},
		{"a rollback that works", rolls, nil, ended(effect.StatusRolledBack, nil), false, ""},

		{"in arguments", leaks, nil, leak(effect.Body{Args: []byte(`{"a":"hunter2"}`)}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in a value", leaks, nil, leak(effect.Body{Value: []byte(`"xhunter2x"`)}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in a text", leaks, nil, leak(effect.Body{Text: "hunter2"}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in a name", leaks, nil, leak(effect.Body{Name: "hunter2"}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in a reason", leaks, nil, leak(effect.Body{Reason: "hunter2"}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in an error", leaks, nil, leak(effect.Body{Error: effect.Errorf(effect.CodeFailed, "hunter2")}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"in a hint", leaks, nil, leak(effect.Body{Error: effect.Errorf(effect.CodeFailed, "x").WithHint("hunter2")}), false, "[secret env:T] stands in clear in event effect.done 4"},
		{"nowhere", leaks, nil, leak(effect.Body{Text: "hunter", Error: effect.Errorf(effect.CodeFailed, "2")}), false, ""},

		{"a change that failed", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused)}, done, false,
			"street.light at x.lua:3 failed (said no), and the run went on and succeeded: let the error through, try something else, or tell somebody"},
		{"the run failed too", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused)}, ended(effect.StatusFailed, nil), false, ""},
		{"a read that failed", swallowed, []effect.Occurrence{occ("street", "look", effect.Read, refused)}, done, false, ""},
		{"an outcome that is settled later", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, unknown)}, done, false, ""},
		{"a message that failed", swallowed, []effect.Occurrence{occ("bell", "ring", effect.Write, refused, telling)}, done, false, ""},
		{"a question that was denied", swallowed, []effect.Occurrence{approve(refused)}, done, false, ""},
		{"a rollback's own", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused, func(e *effect.Occurrence) { e.Place = "r1.1.1" })}, done, false, ""},
		{"tried again", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused), occ("street", "light", effect.Write)}, done, false, ""},
		{"another module says nothing about it", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused), occ("moon", "shine", effect.Write)}, done, false,
			"street.light at x.lua:3 failed (said no), and the run went on and succeeded: let the error through, try something else, or tell somebody"},
		{"somebody is told", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused), occ("bell", "ring", effect.Write, telling)}, done, false, ""},
		{"people are asked", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused), approve()}, done, false, ""},
		{"a warning is logged", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused)}, logged("warn"), false, ""},
		{"something else is logged", swallowed, []effect.Occurrence{occ("street", "light", effect.Write, refused)}, logged("info"), false,
			"street.light at x.lua:3 failed (said no), and the run went on and succeeded: let the error through, try something else, or tell somebody"},

		{"asked when all is done", approved, []effect.Occurrence{burnt, approve()}, done, false,
			"street.burn at x.lua:3 cannot be taken back, and people were asked only afterwards, at x.lua:3: a no would come too late; ask first"},
		{"asked first", approved, []effect.Occurrence{approve(), burnt}, done, false, ""},
		{"asked about what comes then", approved, []effect.Occurrence{burnt, approve(), occ("street", "light", effect.Write)}, done, false, ""},
		{"what can be taken back", approved, []effect.Occurrence{occ("street", "light", effect.Write), approve()}, done, false, ""},
		{"never asked", approved, []effect.Occurrence{burnt}, done, false, ""},

		{"done after a no", obeys, []effect.Occurrence{approve(failing(effect.CodeDenied)), burnt}, done, false,
			"street.burn at x.lua:3 cannot be taken back, and the answer to the question before it was: said no"},
		{"done after a yes to the next question", obeys, []effect.Occurrence{approve(failing(effect.CodeDenied)), approve(), burnt}, done, false, ""},
		{"done without a question", obeys, []effect.Occurrence{burnt}, done, false, ""},
		{"a message after a no", obeys, []effect.Occurrence{approve(failing(effect.CodeDenied)), occ("bell", "ring", effect.Irreversible, telling)}, done, false, ""},
		{"taken back after a no", obeys, []effect.Occurrence{approve(failing(effect.CodeDenied)),
			occ("street", "burn", effect.Irreversible, func(e *effect.Occurrence) { e.Place = "r1.1.1" })}, done, false, ""},
	} {
		t.Run(tt.invariant+"/"+tt.name, func(t *testing.T) {
			v := &effect.View{Stranded: tt.stranded, Done: func() []effect.Occurrence { return tt.past }}
			asked := 0
			for _, inv := range simulate.Standard(toys(t)) {
				if inv.Name != tt.invariant {
					continue
				}
				asked++
				got := ""
				if inv.After != nil {
					got = inv.After(v, tt.past[len(tt.past)-1])
				} else {
					got = inv.End(v, tt.end)
				}
				if got != tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			}
			if asked != 1 {
				t.Errorf("%d invariants have that name", asked)
			}
		})
	}
}

// TestInvariantsSeeTheWorld: what was locked, what was in the beginning, what
// has changed since, and what a fault made bad.
func TestInvariantsSeeTheWorld(t *testing.T) {
	var seen effect.View
	var changes []effect.Change
	look := effect.Invariant{Name: "look", End: func(v *effect.View, _ effect.Ending) string {
		seen, changes = *v, v.Changes("street")
		return "seen"
	}}
	s := toySetup(t, look)
	w := awake(s)
	w.Locked([]string{"street/a"})
	in := simulate.NewInjector(simulate.Schedule{{Place: "2", Kind: "outage"}}, w).Above(w, func() {})
	for n, op := range []string{"street.light", "street.look"} {
		if _, err := in.Do(t.Context(), call(t, s.Catalog, n+1, op, "a")); (err != nil) != (n == 1) {
			t.Fatal(err)
		}
	}
	w.Broke("of the runbook's own", "it said so", "2")
	w.Broke("of the runbook's own", "and said it again", "3")
	broken := w.End(simulate.Ending{Status: effect.StatusSucceeded})
	if len(broken) != 2 || broken[0] != (simulate.Violation{Invariant: "of the runbook's own", Message: "it said so", Place: "2", At: begin.Add(2 * time.Second)}) ||
		broken[1].Message != "seen" {
		t.Errorf("broken: %+v", broken)
	}
	if len(seen.Locks) != 1 || seen.Locks[0] != "street/a" || seen.Begin("street")["a"] != false || seen.Begin("moon") != nil || seen.Stranded {
		t.Errorf("seen: %+v, in the beginning %v", seen, seen.Begin("street"))
	}
	if at, bad := seen.Bad["a"]; !bad || !at.Equal(begin.Add(time.Second)) {
		t.Errorf("bad: %v", seen.Bad)
	}
	if len(changes) != 1 || changes[0].String() != "street.a from false to true" {
		t.Errorf("changed since: %v", changes)
	}
	if past := seen.Past(); len(past) != 2 || past[0].Name != "light" || past[0].Fault != "" || past[1].Fault != "outage" || past[1].Err == nil {
		t.Errorf("past: %+v", past)
	}
}

// TestTransitionsAreKeptForWhoAsks: before and after each change that was made,
// once.
func TestTransitionsAreKeptForWhoAsks(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	lit := func(state map[string]any) any { return state["street"].(map[string]any)["a"] }
	if _, err := act(t, w, s, 1, "street.toggle", "a"); err != nil {
		t.Fatal(err)
	}
	if list := w.Transitions("1"); list != nil {
		t.Errorf("nobody asked, and there are %v", list)
	}
	w.Observe()
	for n, op := range map[int]string{2: "street.toggle", 3: "street.look", 4: "street.burn"} {
		if _, err := act(t, w, s, n, op, "a"); (err != nil) != (n == 4) {
			t.Fatal(err)
		}
	}
	list := w.Transitions("2")
	if len(list) != 1 || lit(list[0].Before) != true || lit(list[0].After) != false || list[0].Effect.Name != "toggle" {
		t.Errorf("the change: %+v", list)
	}
	for _, place := range []effect.Place{"2", "3", "4"} { // told, a read, a failure
		if list := w.Transitions(place); len(list) != 0 {
			t.Errorf("effect %s: %+v", place, list)
		}
	}
}
