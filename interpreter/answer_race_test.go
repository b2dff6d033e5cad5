package interpreter_test

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestAnswerWhileReplaced: an answer that was begun before somebody replaced the
// script is one to the old script, and does not count for the new one.
func TestAnswerWhileReplaced(t *testing.T) {
	const text = preamble + `approve { title = "go on?" } `
	edited := &script.Source{Name: "edited.lua", Text: []byte(text + `ledger.put_observe { item = "edited" }`)}
	waiting := func(t *testing.T) (*rig, string) {
		r := newRig(t)
		out, err := r.engine(detached).Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text)},
			Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Environment: []byte("pinned")})
		if err != nil {
			t.Fatal(err)
		}
		r.ends(out, effect.StatusWaiting)
		return r, out.Run
	}
	replace := func(t *testing.T, r *rig, e *interpreter.Engine, run string) {
		out, err := e.Resume(patient(t), run, interpreter.ResumeOptions{By: "kim", With: edited, WithLoader: interpreter.Dir(r.dir)})
		if err != nil {
			t.Fatal(err)
		}
		r.ends(out, effect.StatusWaiting)
	}
	r, run := waiting(t)
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
