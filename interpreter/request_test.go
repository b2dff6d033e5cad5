package interpreter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// carried starts a script in the background and waits until n sleeps are under
// way.
func (r *rig) carried(text string, sleeps int) <-chan interpreter.Outcome {
	r.t.Helper()
	done := make(chan interpreter.Outcome, 1)
	go func() { done <- r.begin(r.engine(), patient(r.t), text, nil) }()
	r.seen.await(r.t, effect.TimerSet, sleeps)
	return done
}

func TestCancelWhileARunnerSleeps(t *testing.T) {
	r := newRig(t)
	done := r.carried(preamble+`
on_rollback(function() ledger.put_retry { item = "undone" } end)
ledger.put_observe { item = "first" }
sleep "1h"
ledger.put_observe { item = "never" }`, 1)
	live, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Reason: "lunch"})
	if err != nil || !live {
		t.Fatalf("cancel: live %v, %v", live, err)
	}
	out := <-done
	r.ends(out, effect.StatusCanceled)
	if out.Err == nil || out.Err.Error() != "canceled by kim: lunch" {
		t.Errorf("the reason is %v", out.Err)
	}
	var ended *interpreter.Ended
	if _, err := r.engine().Resume(t.Context(), out.Run, interpreter.ResumeOptions{}); !errors.As(err, &ended) {
		t.Errorf("a resume of the canceled run gives %v", err)
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); !errors.As(err, &ended) {
		t.Errorf("canceling it again gives %v", err)
	}
	r.book.must(t).audit(t, []string{"first"}, 0)
}

// stalledRun starts a run in a process that stops once the first item is
// written down, so that it hears nothing of what is sent.
func stalledRun(t *testing.T) (j job, runner *process, r *rig) {
	t.Helper()
	r = newRig(t)
	j = job{Dir: r.dir, Script: "test.lua", Settle: true}
	writeFile(t, r.dir+"/test.lua", preamble+`
on_rollback(function() ledger.put_retry { item = "undone" } end)
ledger.put_observe { item = "first" }
ledger.put_observe { item = "never" }`)
	j.Near, j.How = "after effect.done 1 ", "stop"
	runner = j.start(t)
	eventually(t, "the runner has stopped", runner.stopped)
	return j, runner, r
}

// TestRequestsOutliveTheRunner sends a cancellation, then a rollback, to a
// runner that is killed before it reads them.
func TestRequestsOutliveTheRunner(t *testing.T) {
	t.Run("cancel", func(t *testing.T) {
		j, runner, r := stalledRun(t)
		live, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"})
		if err != nil || !live {
			t.Fatalf("cancel: live %v, %v", live, err)
		}
		runner.signal(syscall.SIGKILL)
		<-runner.done
		if out := j.again(t).must(t); out.Status != effect.StatusCanceled {
			t.Errorf("the run that was canceled is %s: %s", out.Status, out.Err)
		}
		r.book.must(t).audit(t, []string{"first"}, 1)
		r.ends(r.rollBack(), effect.StatusRolledBack)
		r.book.must(t).audit(t, []string{"first", "undone"}, 1)
	})
	t.Run("rollback", func(t *testing.T) {
		j, runner, r := stalledRun(t)
		live, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"})
		if err != nil || !live {
			t.Fatalf("rollback: live %v, %v", live, err)
		}
		runner.signal(syscall.SIGKILL)
		<-runner.done
		if out := j.again(t).must(t); out.Status != effect.StatusRolledBack {
			t.Errorf("the run that was to be rolled back is %s: %s", out.Status, out.Err)
		}
		r.book.must(t).audit(t, []string{"first", "undone"}, 1)
	})
}

// rollBack asks for a rollback of the newest run and carries it out.
func (r *rig) rollBack() interpreter.Outcome {
	r.t.Helper()
	live, err := r.engine().RequestRollback(r.t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"})
	if err != nil || live {
		r.t.Fatalf("rollback: live %v, %v", live, err)
	}
	return r.resume(r.engine(), r.run().ID)
}

func TestRollbackWhileARunnerSleeps(t *testing.T) {
	r := newRig(t)
	done := r.carried(preamble+`
on_rollback(function() ledger.put_retry { item = "undo 1" } end)
ledger.put_observe { item = "first" }
on_rollback(function() ledger.put_retry { item = "undo 2" } end)
sleep "1h"
ledger.put_observe { item = "never" }`, 1)
	live, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"})
	if err != nil || !live {
		t.Fatalf("rollback: live %v, %v", live, err)
	}
	r.ends(<-done, effect.StatusRolledBack)
	list := r.book.must(t)
	list.audit(t, []string{"first", "undo 1", "undo 2"}, 0)
	var order []string
	for _, e := range list.pick(applied, "") {
		order = append(order, e.Item)
	}
	if want := []string{"first", "undo 2", "undo 1"}; !slices.Equal(order, want) {
		t.Errorf("applied were %v, want %v", order, want)
	}
	if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"}); err == nil {
		t.Error("a run can be rolled back twice")
	}
}

// TestRollbackOfABranchThatSleeps crashes in a rollback that was asked for
// while branches were under way, and resumes it.
func TestRollbackOfABranchThatSleeps(t *testing.T) {
	const text = preamble + `
on_rollback(function() ledger.put_retry { item = "undo 1" } end)
parallel {
  a = function() ledger.put_observe { item = "a" } sleep "1h" ledger.put_observe { item = "never" } end,
  b = function() sleep "1h" end,
  c = function() sleep "2h" end,
}`
	for crash := 1; ; crash++ {
		r := newRig(t)
		crashed := false
		e := r.engine(dyingIn("r1.", crash, &crashed))
		done := make(chan interpreter.Outcome, 1)
		go func() { done <- r.begin(e, patient(t), text, nil) }()
		r.seen.await(t, effect.TimerSet, 3)
		if _, err := e.RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"}); err != nil {
			t.Fatal(err)
		}
		out := <-done
		if crashed {
			r.ends(out, effect.StatusInterrupted)
			out = r.resume(r.engine(), out.Run)
		}
		r.ends(out, effect.StatusRolledBack)
		r.book.must(t).audit(t, []string{"a", "undo 1"}, 1)
		if !crashed {
			break
		}
	}
}

// TestRollbackOfWritesWithUnknownOutcomes asks for a rollback of a run whose
// runner was killed while branches were writing. What they had begun is settled
// before the rollback begins.
func TestRollbackOfWritesWithUnknownOutcomes(t *testing.T) {
	for _, sleeper := range []string{"a", "z"} { // comes first, or last
		t.Run(sleeper, func(t *testing.T) {
			r := newRig(t)
			j := job{Dir: r.dir, Script: "test.lua", Settle: true}
			writeFile(t, r.dir+"/test.lua", preamble+`
on_rollback(function() ledger.put_retry { item = "undo" } end)
parallel {
  `+sleeper+` = function() sleep "1h" ledger.put_observe { item = "never" } end,
  m = function() ledger.put_observe { item = "m", hang = "after" } ledger.put_observe { item = "never" } end,
  n = function() ledger.put_retry { item = "n", hang = "before" } ledger.put_observe { item = "never" } end,
  o = function() ledger.put_ask { item = "o", hang = "after" } ledger.put_observe { item = "never" } end,
}`)
			runner := j.start(t)
			eventually(t, "the branches write, and one sleeps", func() bool {
				list, err := r.book.read()
				return err == nil && list.has(applied, "m") && list.has(received, "n") && list.has(applied, "o") && r.sleeps()
			})
			runner.signal(syscall.SIGKILL)
			<-runner.done
			r.ends(r.rollBackHard(), effect.StatusRolledBack)
			r.book.must(t).audit(t, []string{"m", "n", "o", "undo"}, 1)
			if open := history.Of(r.events(r.run().ID)).Open(); len(open) > 0 {
				t.Errorf("nobody knows what became of %+v", open)
			}
		})
	}
}

// sleeps reports whether the newest run has come to a sleep.
func (r *rig) sleeps() bool {
	return slices.ContainsFunc(r.events(r.run().ID), func(ev effect.Event) bool { return ev.Kind == effect.TimerSet })
}

// rollBackHard is rollBack for a run with unknown outcomes, which the operator
// looks up.
func (r *rig) rollBackHard() interpreter.Outcome {
	r.t.Helper()
	out := r.rollBack()
	for out.Status == effect.StatusUnknown {
		r.operate(out.Run)
		out = r.resume(r.engine(), out.Run)
	}
	return out
}

// TestRollbackAfterTheEnd rolls a run back that had succeeded, or had failed.
func TestRollbackAfterTheEnd(t *testing.T) {
	for _, end := range []string{"", `fail "no"`} {
		r := newRig(t)
		out := r.begin(r.engine(), patient(t), strings.Replace(preamble, "summary", "on_failure = 'stop', summary", 1)+`
on_rollback(function() ledger.put_retry { item = "undo 1" } end)
ledger.put_observe { item = "first" }
`+end, nil)
		if want := map[bool]effect.Status{true: effect.StatusSucceeded, false: effect.StatusFailed}[end == ""]; out.Status != want {
			t.Fatalf("the run is %s: %v", out.Status, out.Err)
		}
		r.ends(r.rollBack(), effect.StatusRolledBack)
		r.book.must(t).audit(t, []string{"first", "undo 1"}, 0)
	}
}

// TestRollbackThatFails tries a rollback again that failed in part: what went
// well is not done again.
func TestRollbackThatFails(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(), patient(t), preamble+`
for i = 1, 3 do
  on_rollback("undo " .. i, function()
    ledger.put_retry { item = "begin undo " .. i }
    ledger.put_observe { item = "undo " .. i, need = i == 2 and "help" or nil }
  end)
  ledger.put_observe { item = "do " .. i }
end
fail "no"`, nil)
	r.ends(out, effect.StatusRollbackFailed)
	if len(out.Rollbacks) != 1 || !strings.Contains(out.Rollbacks[0].Error(), "test.lua:5") {
		t.Errorf("failed have %v", out.Rollbacks)
	}
	r.ends(r.rollBack(), effect.StatusRollbackFailed)
	r.book.openGate(t, "help")
	r.ends(r.rollBack(), effect.StatusRolledBack)
	got := r.book.must(t).pick(applied, "").items()
	want := map[string]int{"do 1": 1, "do 2": 1, "do 3": 1, "undo 1": 1, "undo 2": 1, "undo 3": 1,
		"begin undo 1": 1, "begin undo 2": 3, "begin undo 3": 1}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("applied were %v\nwant         %v", got, want)
	}
}
