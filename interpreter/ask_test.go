package interpreter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// choose gives the newest run a choice.
func (r *rig) choose(by, choice string) error {
	r.t.Helper()
	_, err := r.engine().Answer(r.t.Context(), interpreter.Answer{Run: r.run().ID, By: by, Choice: choice, Reason: "because"})
	return err
}

// TestOnFailureAsk asks whether to roll back, and survives there.
func TestOnFailureAsk(t *testing.T) {
	const text = `runbook { name = 'test', summary = 'Test', on_failure = 'ask' }
local ledger = require 'ledger'
on_rollback(function() ledger.put_observe { item = "undo 1" } ledger.put_retry { item = "undo 2" } end)
ledger.put_observe { item = "do" }
fail "no"`
	all := []string{"do", "undo 1", "undo 2"}
	asked := func(t *testing.T) (*rig, string) {
		r := newRig(t)
		out := r.begin(r.engine(detached), patient(t), text, nil)
		r.ends(out, effect.StatusWaiting)
		return r, out.Run
	}
	replays := func(t *testing.T, r *rig, run string) {
		t.Helper()
		if _, err := r.engine().Replay(t.Context(), run, nil, nil); err != nil {
			t.Errorf("the run does not replay: %v", err)
		}
	}
	t.Run("yes", func(t *testing.T) {
		for crash := 1; ; crash++ {
			r, run := asked(t)
			replays(t, r, run)
			if err := r.choose("ann", "rollback"); err != nil {
				t.Fatal(err)
			}
			crashed := false
			out := r.resume(r.engine(dyingIn("", crash, &crashed)), run)
			if crashed {
				r.ends(out, effect.StatusInterrupted)
				replays(t, r, run)
				out = r.resume(r.engine(), run)
			}
			r.ends(out, effect.StatusRolledBack)
			r.book.must(t).audit(t, all, 1)
			replays(t, r, run)
			if !crashed {
				t.Logf("crashed at %d appends", crash-1)
				break
			}
		}
	})
	t.Run("no, and yes after all", func(t *testing.T) {
		r, run := asked(t)
		if err := r.choose("ann", "abort"); err != nil {
			t.Fatal(err)
		}
		r.ends(r.resume(r.engine(), run), effect.StatusFailed)
		replays(t, r, run)
		r.book.must(t).audit(t, []string{"do"}, 0)
		r.ends(r.rollBack(), effect.StatusRolledBack)
		r.book.must(t).audit(t, all, 0)
		replays(t, r, run)
	})
	t.Run("rollback instead of an answer", func(t *testing.T) {
		r, run := asked(t)
		r.ends(r.rollBack(), effect.StatusRolledBack)
		r.book.must(t).audit(t, all, 0)
		replays(t, r, run)
	})
	t.Run("interrupted in the rollback, with the question open", func(t *testing.T) {
		r, run := asked(t)
		if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: run, By: "kim"}); err != nil {
			t.Fatal(err)
		}
		crashed := false
		r.ends(r.resume(r.engine(dyingIn("r1.1.2", 1, &crashed)), run), effect.StatusInterrupted)
		replays(t, r, run)
		r.ends(r.resume(r.engine(), run), effect.StatusRolledBack)
		r.book.must(t).audit(t, all, 1)
		if _, err := r.engine().Resume(t.Context(), run, interpreter.ResumeOptions{}); !errors.As(err, new(*interpreter.Ended)) {
			t.Errorf("a resume after the end gives %v", err)
		}
	})
}

// TestStepThatFails asks what becomes of a step, at each crash of the runner, and
// does nothing twice.
func TestStepThatFails(t *testing.T) {
	const text = `runbook { name = 'test', summary = 'Test', on_failure = 'ask', ask = { by = { "ann", "bob" }, timeout = "1h", default = "rollback" } }
local ledger = require 'ledger'
local tries = 0
on_rollback(function() ledger.put_observe { item = "undo" } end)
step("outer", function()
  step("inner", function()
    tries = tries + 1
    ledger.put_observe { item = "try " .. tries }
    if tries < 3 then fail("not yet " .. tries) end
  end)
  ledger.put_observe { item = "after" }
end)
ledger.put_observe { item = "end" }`
	for name, c := range map[string]struct {
		choices []string
		want    effect.Status
		items   []string
	}{
		"retry twice": {[]string{"retry", "retry"}, effect.StatusSucceeded, []string{"after", "end", "try 1", "try 2", "try 3"}},
		"skip":        {[]string{"skip"}, effect.StatusSucceeded, []string{"after", "end", "try 1"}},
		"rollback":    {[]string{"rollback"}, effect.StatusRolledBack, []string{"try 1", "undo"}},
		"abort":       {[]string{"retry", "abort"}, effect.StatusFailed, []string{"try 1", "try 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			for crash := 1; ; crash++ {
				r := newRig(t)
				out := r.begin(r.engine(detached), patient(t), text, nil)
				crashed := false
				for i, choice := range c.choices {
					r.ends(out, effect.StatusWaiting)
					if err := r.choose("eve", choice); err == nil || !strings.Contains(err.Error(), "eve may not answer") {
						t.Fatalf("the word of eve: %v", err)
					}
					if err := r.answer("ann", false); err == nil || !strings.Contains(err.Error(), "wants a choice") {
						t.Fatalf("an approval: %v", err)
					}
					if err := r.choose("ann", choice); err != nil {
						t.Fatal(err)
					}
					if err := r.choose("ann", choice); !errors.Is(err, interpreter.ErrAlready) {
						t.Fatalf("the same again: %v", err)
					}
					if err := r.choose("bob", "abort"); err == nil || !strings.Contains(err.Error(), "an answer stands") {
						t.Fatalf("another word: %v", err)
					}
					engine := r.engine(detached)
					if i == len(c.choices)-1 {
						engine = r.engine(detached, dyingIn("", crash, &crashed))
					}
					out = r.resume(engine, out.Run)
				}
				if crashed {
					r.ends(out, effect.StatusInterrupted)
					out = r.resume(r.engine(detached), out.Run)
				}
				r.ends(out, c.want)
				r.book.must(t).audit(t, c.items, 1)
				if _, err := r.engine().Replay(t.Context(), out.Run, nil, nil); err != nil {
					t.Errorf("the run does not replay: %v", err)
				}
				if !crashed {
					t.Logf("crashed at %d appends", crash-1)
					return
				}
			}
		})
	}
	t.Run("nobody decides", func(t *testing.T) {
		r := newRig(t)
		clock := newManual()
		r.opts.Clock = clock
		out := r.begin(r.engine(detached), patient(t), text, nil)
		r.ends(out, effect.StatusWaiting)
		clock.advance(61 * time.Minute)
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusRolledBack)
		r.book.must(t).audit(t, []string{"try 1", "undo"}, 0)
	})
}
