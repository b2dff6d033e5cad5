package interpreter_test

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestEmergencyHoldsNothing: a run that waits for people to agree to its emergency
// keeps no other from its locks, and takes them once they have.
func TestEmergencyHoldsNothing(t *testing.T) {
	const text = `runbook { name = "test", locks = { "web" } } `
	r := newRig(t)
	start := func(rest string, emergency map[string]any) interpreter.Outcome {
		out, err := r.engine(detached).Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text + rest)},
			Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Emergency: emergency})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	const done = `require("ledger").put_observe { item = "done" }`
	waiting := start(done, map[string]any{"title": "start in an emergency?"})
	r.ends(waiting, effect.StatusWaiting)
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	other := start(`approve "go on?"`, nil)
	r.ends(other, effect.StatusWaiting)
	if out := r.resume(r.engine(), waiting.Run); out.Status != effect.StatusInterrupted || effect.AsStop(out.Err).Cause != effect.LockHeld {
		t.Errorf("without its lock the run is %s: %v", out.Status, out.Err)
	}
	r.book.must(t).audit(t, nil, 0)
	if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: other.Run, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	r.ends(r.resume(r.engine(), other.Run), effect.StatusSucceeded)
	r.ends(r.resume(r.engine(), waiting.Run), effect.StatusSucceeded)
	r.replays(waiting.Run)
}
