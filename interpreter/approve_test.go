package interpreter_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// asks starts a script in the background, by a clock that the test moves, and
// waits until it asks.
func (r *rig) asks(text string) (*manual, <-chan interpreter.Outcome) {
	r.t.Helper()
	clock := newManual()
	r.opts.Clock = clock
	done := make(chan interpreter.Outcome, 1)
	go func() { done <- r.begin(r.engine(), patient(r.t), text, nil) }()
	r.news.await(r.t, effect.QuestionAsked, 1)
	return clock, done
}

// answer gives an answer to the newest run.
func (r *rig) answer(by string, deny bool) error {
	r.t.Helper()
	_, err := r.engine().Answer(r.t.Context(), interpreter.Answer{Run: r.run().ID, By: by, Deny: deny, Reason: "because"})
	return err
}

func detached(o *interpreter.Options) { o.Detach = true }

func TestApproveQuorum(t *testing.T) {
	r := newRig(t)
	_, done := r.asks(preamble + `
local yes = approve { title = "go on?", by = { "ann", "bob", "cy" }, count = 2 }
ledger.put_observe { item = table.concat(yes.by, " ") }`)
	for _, step := range []struct {
		by   string
		deny bool
		want string // of the error
	}{
		{"eve", false, `eve may not answer "go on?": it asks ann, bob, cy`},
		{"bob", false, ""},
		{"bob", false, interpreter.ErrAlready.Error()},
		{"bob", true, "bob has approved"},
		{"eve", true, "eve may not answer"},
	} {
		err := r.answer(step.by, step.deny)
		if got := ""; err != nil && step.want != "" {
			got = err.Error()
			if !strings.Contains(got, step.want) {
				t.Errorf("%s: got %q, want %q", step.by, got, step.want)
			}
		} else if (err != nil) != (step.want != "") {
			t.Errorf("%s: got %v, want %q", step.by, err, step.want)
		}
	}
	select {
	case out := <-done:
		t.Fatalf("one answer of two was enough: %+v", out)
	default:
	}
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	r.ends(<-done, effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"bob ann"}, 0)
	if err := r.answer("cy", false); err == nil || !strings.Contains(err.Error(), "asks nothing") {
		t.Errorf("an answer after the end gives %v", err)
	}
}

func TestApproveDeniedAndExpired(t *testing.T) {
	const text = preamble + `
local ok, e = pcall(approve, { title = "go on?", timeout = "10m" })
ledger.put_observe { item = tostring(ok) .. " " .. e.code, note = e.message }`
	t.Run("denied", func(t *testing.T) {
		r := newRig(t)
		_, done := r.asks(text)
		if err := r.answer("ann", true); err != nil {
			t.Fatal(err)
		}
		r.ends(<-done, effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false denied"}, 0)
	})
	t.Run("expired", func(t *testing.T) {
		r := newRig(t)
		clock, done := r.asks(text)
		clock.advance(11 * time.Minute)
		r.ends(<-done, effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false expired"}, 0)
	})
	t.Run("expired while nobody waits", func(t *testing.T) {
		r := newRig(t)
		clock := newManual()
		r.opts.Clock = clock
		out := r.begin(r.engine(detached), patient(t), text, nil)
		r.ends(out, effect.StatusWaiting)
		clock.advance(11 * time.Minute)
		if err := r.answer("ann", false); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("an answer that comes late gives %v", err)
		}
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusSucceeded)
		r.book.must(t).audit(t, []string{"false expired"}, 0)
	})
}

func TestApproveDetached(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(detached), patient(t), preamble+`
parallel {
  a = function() approve "a?" ledger.put_observe { item = "a" } end,
  b = function() approve "b?" ledger.put_observe { item = "b" } end,
  c = function() ledger.put_observe { item = "c1" } sleep "1ms" ledger.put_observe { item = "c2" } end,
}`, nil)
	r.ends(out, effect.StatusWaiting)
	if run := r.run(); run.Status != effect.StatusWaiting || run.Holder != nil {
		t.Errorf("the journal says %s, held by %v", run.Status, run.Holder)
	}
	r.book.must(t).audit(t, []string{"c1", "c2"}, 0)
	if err := r.answer("ann", false); err == nil || !strings.Contains(err.Error(), "asks several things") {
		t.Errorf("an answer to one of two questions gives %v", err)
	}
	for _, branch := range []string{"a", "b"} {
		r.ends(r.resume(r.engine(detached), out.Run), effect.StatusWaiting) // nothing has changed
		q, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: out.Run, Place: "1." + branch + ".1", By: "ann"})
		if err != nil || q.Title != branch+"?" {
			t.Fatalf("%+v, %v", q, err)
		}
		out = r.resume(r.engine(detached), out.Run)
	}
	r.ends(out, effect.StatusSucceeded)
	r.book.must(t).audit(t, []string{"a", "b", "c1", "c2"}, 0)
}

// TestApproveSurvives kills the runner after it asked, answered and not.
func TestApproveSurvives(t *testing.T) {
	for _, answered := range []bool{true, false} {
		r := newRig(t)
		j := job{Dir: r.dir, Script: "test.lua", Near: "after question.asked", How: "stop"}
		writeFile(t, r.dir+"/test.lua", preamble+`
approve { title = "go on?", timeout = "1h" }
ledger.put_observe { item = "done" }`)
		runner := j.start(t)
		eventually(t, "the runner has stopped", runner.stopped)
		if answered {
			if err := r.answer("ann", false); err != nil {
				t.Fatal(err)
			}
		}
		asked := r.events(r.run().ID)
		runner.signal(syscall.SIGKILL)
		<-runner.done
		next := j.again(t)
		next.Detach = true
		out := next.must(t)
		if !answered {
			if out.Status != effect.StatusWaiting {
				t.Errorf("unanswered, the run is %s: %s", out.Status, out.Err)
			}
			if err := r.answer("ann", false); err != nil {
				t.Fatal(err)
			}
			out = next.must(t)
		}
		if out.Status != effect.StatusSucceeded {
			t.Errorf("answered, the run is %s: %s", out.Status, out.Err)
		}
		n := 0
		for _, ev := range r.events(r.run().ID) {
			if ev.Kind == effect.QuestionAsked {
				n++
			}
		}
		if n != 1 || asked[len(asked)-1].Kind == effect.RunCreated {
			t.Errorf("the question was asked %d times", n)
		}
		r.book.must(t).audit(t, []string{"done"}, 1)
	}
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
			if err := r.answer("ann", false); err != nil {
				t.Fatal(err)
			}
			crashed := false
			out := r.resume(r.engine(func(o *interpreter.Options) { o.Wrap = dyingIn("", crash, &crashed) }), run)
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
		if err := r.answer("ann", true); err != nil {
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
		if _, err := r.engine().RequestRollback(t.Context(), run, "kim", ""); err != nil {
			t.Fatal(err)
		}
		crashed := false
		r.ends(r.resume(r.engine(func(o *interpreter.Options) { o.Wrap = dyingIn("r1.1.2", 1, &crashed) }), run), effect.StatusInterrupted)
		replays(t, r, run)
		r.ends(r.resume(r.engine(), run), effect.StatusRolledBack)
		r.book.must(t).audit(t, all, 1)
		if _, err := r.engine().Resume(t.Context(), run, interpreter.ResumeOptions{}); !errors.As(err, new(*interpreter.Ended)) {
			t.Errorf("a resume after the end gives %v", err)
		}
	})
}
