package interpreter_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// failing has three rollbacks, of which the second to run fails the first two
// times.
const failing = `runbook { name = 'test', summary = 'Test', on_failure = 'ask', ask = { by = { "ann" }, timeout = "1h", default = "rollback" } }
local ledger = require 'ledger'
local tries = 0
on_rollback("first", function() ledger.put_observe { item = "undo 1" } end)
on_rollback("second", function()
  tries = tries + 1
  ledger.put_observe { item = "try " .. tries }
  if tries < 3 then fail("not yet " .. tries) end
end)
on_rollback("third", function() ledger.put_observe { item = "undo 3" } end)
step("do", function() ledger.put_observe { item = "do" } fail "no" end)`

// TestAskedAboutRollback asks what becomes of a rollback that fails, at each crash
// of the runner, and does nothing twice.
func TestAskedAboutRollback(t *testing.T) {
	for name, c := range map[string]struct {
		choices []string
		want    effect.Status
		items   []string
		again   []string // what a second rollback has applied then
	}{
		"retry twice": {[]string{"retry", "retry"}, effect.StatusRolledBack, []string{"do", "try 1", "try 2", "try 3", "undo 1", "undo 3"}, nil},
		"skip": {[]string{"retry", "skip"}, effect.StatusRollbackFailed, []string{"do", "try 1", "try 2", "undo 1", "undo 3"},
			[]string{"do", "try 1", "try 2", "try 3", "undo 1", "undo 3"}},
		"abort": {[]string{"retry", "abort"}, effect.StatusRollbackFailed, []string{"do", "try 1", "try 2", "undo 3"},
			[]string{"do", "try 1", "try 2", "try 3", "undo 1", "undo 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			for crash := 1; ; crash++ {
				r := newRig(t)
				out := r.begin(r.engine(detached), patient(t), failing, nil)
				crashed := false
				choices := append([]string{"rollback"}, c.choices...)
				for i, choice := range choices {
					r.ends(out, effect.StatusWaiting)
					if i > 0 {
						if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); !errors.Is(err, interpreter.ErrAlready) {
							t.Fatalf("a rollback asked for in the rollback: %v", err)
						}
					}
					if err := r.choose("ann", choice); err != nil {
						t.Fatal(err)
					}
					engine := r.engine(detached)
					if i == len(choices)-1 {
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
				r.replays(out.Run)
				if c.again != nil {
					r.ends(r.rollBack(), effect.StatusRolledBack)
					r.book.must(t).audit(t, c.again, 1)
					r.replays(out.Run)
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
		out := r.begin(r.engine(detached), patient(t), failing, nil)
		r.ends(out, effect.StatusWaiting)
		if err := r.choose("ann", "rollback"); err != nil {
			t.Fatal(err)
		}
		out = r.resume(r.engine(detached), out.Run)
		r.ends(out, effect.StatusWaiting)
		if err := r.choose("ann", "rollback"); err == nil || !strings.Contains(err.Error(), "choose one of retry, skip, abort") {
			t.Errorf("the choice of the step before: %v", err)
		}
		clock.advance(61 * time.Minute)
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusRollbackFailed)
		r.book.must(t).audit(t, []string{"do", "try 1", "undo 1", "undo 3"}, 0)
	})
}

// TestNobodyToAsk: where nobody can be asked what becomes of a failure, it is told
// with the reason, in steps and in rollbacks.
func TestNobodyToAsk(t *testing.T) {
	r := newRig(t)
	r.opts.People = func([]byte) (effect.People, error) { return effect.People{"ann": {}}, nil }
	const text = `runbook { name = 'test', summary = 'Test', on_failure = 'ask', ask = { by = { "nobody" } } }
on_rollback("back", function() fail "not back" end)
step("do", function() error "broken" end)`
	out, err := r.engine(detached).Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text)},
		Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test", Environment: []byte("pinned")})
	if err != nil {
		t.Fatal(err)
	}
	says := func(err error, failure string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), failure) || !strings.Contains(err.Error(), "could not be asked: nobody can agree to") {
			t.Errorf("the failure is told as %v", err)
		}
	}
	says(out.Err, "broken")
	if out = r.rollBack(); len(out.Rollbacks) != 1 {
		t.Fatalf("%s, failed: %v", out.Status, out.Rollbacks)
	}
	says(out.Rollbacks[0], "not back")
	r.replays(out.Run)
}

// replays verifies that a run's script and record agree.
func (r *rig) replays(run string) {
	r.t.Helper()
	if _, err := r.engine().Replay(r.t.Context(), run, nil, nil); err != nil {
		r.t.Errorf("the run does not replay: %v", err)
	}
}
