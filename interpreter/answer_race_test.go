package interpreter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestAnswerWhileReplaced: an answer that was begun before somebody replaced the
// script is one to the old script, and does not count for the new one.
func TestAnswerWhileReplaced(t *testing.T) {
	const text = preamble + `approve { title = "go on?" } `
	edited := &script.Source{Name: "edited.lua", Text: []byte(text + `ledger.put_observe { item = "edited" }`)}
	r, run := waitingFor(t, text)
	replace := func(t *testing.T, r *rig, e *interpreter.Engine, run string) {
		out, err := e.Resume(patient(t), run, interpreter.ResumeOptions{By: "kim", With: edited, WithLoader: interpreter.Dir(r.dir)})
		if err != nil {
			t.Fatal(err)
		}
		r.ends(out, effect.StatusWaiting)
	}
	e := r.engine(detached, func(o *interpreter.Options) {
		o.People = func([]byte) (effect.People, error) { // read once it is known what the run goes by
			replace(t, r, r.engine(detached), run)
			return nil, nil
		}
	})
	if _, err := e.Answer(t.Context(), interpreter.Answer{Run: run, By: "ann"}); err == nil || !strings.Contains(err.Error(), "has just replaced the script") {
		t.Errorf("an answer to what was replaced: %v", err)
	}
	r.ends(r.resume(r.engine(detached), run), effect.StatusWaiting)
	r.book.must(t).audit(t, nil, 0)
}

// waitingFor starts a run that stops at a question.
func waitingFor(t *testing.T, text string) (*rig, string) {
	t.Helper()
	r := newRig(t)
	out, err := r.engine(detached).Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text)},
		Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Environment: []byte("pinned")})
	if err != nil {
		t.Fatal(err)
	}
	r.ends(out, effect.StatusWaiting)
	return r, out.Run
}

// onceHeld returns the engine that calls then, once, when it has taken the run up
// and before it replaces anything: it asks then whom the configuration names.
func (r *rig) onceHeld(run string, then func()) *interpreter.Engine {
	done := false
	return r.engine(detached, func(o *interpreter.Options) {
		o.People = func([]byte) (effect.People, error) {
			if found, err := r.db.Find(r.t.Context(), run); err == nil && found.Holder != nil && !done {
				done = true
				then()
			}
			return nil, nil
		}
	})
}

// TestAnswerBeforeReplaced: an answer that comes between the taking up of a run and
// the replacement of its script is in the record, one to the old script, and the
// question is asked anew.
func TestAnswerBeforeReplaced(t *testing.T) {
	const text = preamble + `approve { title = "go on?" } `
	edited := &script.Source{Name: "edited.lua", Text: []byte(text + `ledger.put_observe { item = "edited" }`)}
	r, run := waitingFor(t, text+`ledger.put_observe { item = "old" }`)
	sent := false
	e := r.onceHeld(run, func() {
		sent = true
		if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: run, By: "ann"}); err != nil {
			t.Error(err)
		}
		if found, _ := r.db.Sources(t.Context(), run); len(found) == 0 || strings.Contains(string(found[len(found)-1].Text), "edited") {
			t.Error("the script was replaced before: the test looks at another moment")
		}
	})
	out, err := e.Resume(patient(t), run, interpreter.ResumeOptions{By: "kim", With: edited, WithLoader: interpreter.Dir(r.dir)})
	if err != nil || !sent {
		t.Fatalf("%v, and the answer was sent: %t", err, sent)
	}
	r.ends(out, effect.StatusWaiting)
	r.book.must(t).audit(t, nil, 0)
	var order []effect.Kind
	for _, ev := range r.events(run) {
		if ev.Kind == effect.QuestionAnswered || ev.Kind == effect.SourceChanged {
			order = append(order, ev.Kind)
		}
	}
	if want := []effect.Kind{effect.QuestionAnswered, effect.SourceChanged}; !slices.Equal(order, want) {
		t.Errorf("the record has %v, want %v", order, want)
	}
	r.ends(r.resume(r.engine(detached), run), effect.StatusWaiting) // nor does it count later
	if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: run, By: "ann"}); err != nil {
		t.Errorf("the same person cannot answer what is asked now: %v", err)
	}
	r.ends(r.resume(r.engine(detached), run), effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"edited"}, 0)
}

// TestResolveBeforeReplaced: what somebody says of an unknown outcome while another
// replaces the script is refused, so that they know; nothing of it is recorded.
func TestResolveBeforeReplaced(t *testing.T) {
	const text = preamble + `ledger.put_ask { item = "one" } `
	r, dead := newRig(t), false
	out, err := r.engine(dyingIn("1", 2, &dead)).Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text)},
		Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Environment: []byte("pinned")})
	if err != nil {
		t.Fatal(err)
	}
	r.ends(out, effect.StatusInterrupted)
	r.ends(r.resume(r.engine(), out.Run), effect.StatusUnknown)
	word := interpreter.Resolution{Run: out.Run, Outcome: history.OutcomeApplied, By: "ann", Reason: "it is there"}
	var held *journal.HeldError
	e := r.onceHeld(out.Run, func() {
		if _, err := r.engine().Resolve(t.Context(), word); !errors.As(err, &held) {
			t.Errorf("it gives %v", err)
		}
	})
	edited := &script.Source{Name: "edited.lua", Text: []byte(text + `ledger.put_observe { item = "two" }`)}
	again, err := e.Resume(patient(t), out.Run, interpreter.ResumeOptions{By: "kim", With: edited, WithLoader: interpreter.Dir(r.dir)})
	if err != nil || held == nil {
		t.Fatalf("%v, and it was refused: %v", err, held)
	}
	r.ends(again, effect.StatusUnknown)
	if _, err := r.engine().Resolve(t.Context(), word); err != nil {
		t.Fatal(err)
	}
	r.ends(r.resume(r.engine(), out.Run), effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"one", "two"}, 1)
}

// TestGoneOnBeforeReplaced: a script that agreed with the record, and does no more
// because another runner has taken the run further meanwhile, replaces nothing.
func TestGoneOnBeforeReplaced(t *testing.T) {
	const text = preamble + `approve { title = "go on?" } `
	r, run := waitingFor(t, text+`ledger.put_observe { item = "old" } approve { title = "and now?" }`)
	gone := false
	e := r.engine(detached, func(o *interpreter.Options) {
		o.People = func([]byte) (effect.People, error) { // first asked when the script is held against the record
			if !gone {
				gone = true
				if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: run, By: "ann"}); err != nil {
					t.Error(err)
				}
				r.ends(r.resume(r.engine(detached), run), effect.StatusWaiting)
			}
			return nil, nil
		}
	})
	edited := &script.Source{Name: "edited.lua", Text: []byte(text + `ledger.put_observe { item = "edited" }`)}
	_, err := e.Resume(patient(t), run, interpreter.ResumeOptions{By: "kim", With: edited, WithLoader: interpreter.Dir(r.dir)})
	diverges(t, err)
	for _, ev := range r.events(run) {
		if ev.Kind == effect.SourceChanged {
			t.Errorf("the script was replaced: %+v", ev.Body)
		}
	}
	if found := r.run(); found.Holder != nil || found.Status != effect.StatusWaiting {
		t.Errorf("the run is %s, held by %v", found.Status, found.Holder)
	}
	r.book.must(t).audit(t, []string{"old"}, 0)
}
