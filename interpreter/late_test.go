package interpreter_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// TestAnswerJustInTime answers a question in its last instant: the answer
// stands, though the runner hears of it after the deadline.
func TestAnswerJustInTime(t *testing.T) {
	for range 3 {
		r := newRig(t)
		clock, done := r.asks(preamble + `approve { title = "go on?", timeout = "10m" }`)
		if err := r.answer("ann", false); err != nil {
			t.Fatal(err)
		}
		clock.advance(11 * time.Minute)
		r.ends(<-done, effect.StatusSucceeded)
	}
}

// TestAnswerToARunThatEnded: nobody hears it.
func TestAnswerToARunThatEnded(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(detached), patient(t), preamble+`approve "go on?"`, nil)
	r.ends(out, effect.StatusWaiting)
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	var ended *interpreter.Ended
	if err := r.answer("ann", false); !errors.As(err, &ended) {
		t.Errorf("an answer to a run that was canceled gives %v", err)
	}
}

// TestAnswerInARollback: a question of the main chunk is no longer asked; one
// of the rollback is, also after a cancellation and a second request.
func TestAnswerInARollback(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(detached), patient(t), preamble+`
on_rollback(function() approve "undo?" ledger.put_retry { item = "undone" } end)
approve "go on?"`, nil)
	r.ends(out, effect.StatusWaiting)
	again := func() interpreter.Outcome {
		t.Helper()
		if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); err != nil {
			t.Fatal(err)
		}
		return r.resume(r.engine(detached), out.Run)
	}
	r.ends(again(), effect.StatusWaiting)
	if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: out.Run, Place: "1", By: "ann"}); err == nil {
		t.Error("a question that nobody asks any more can be answered")
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	r.ends(again(), effect.StatusWaiting)
	if err := r.answer("ann", false); err != nil {
		t.Fatal(err)
	}
	r.ends(r.resume(r.engine(detached), out.Run), effect.StatusRolledBack)
	r.book.must(t).audit(t, []string{"undone"}, 0)
}

// losing makes the first call of an op lose its outcome once the gate is open.
func losing(name string, gate <-chan struct{}) func(*interpreter.Options) {
	return func(o *interpreter.Options) {
		world, lost := o.World, false
		o.World = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
			res, err := world.Do(ctx, call)
			if call.Op.Name == name && call.Verb == effect.VerbInvoke && !lost {
				lost = true
				<-gate
				return effect.Result{}, effect.Errorf(effect.CodeUnknown, "lost")
			}
			return res, err
		})
	}
}

// TestRollbackWhileAnOutcomeIsLost asks for a rollback while a write is under
// way that loses its outcome. The rollback does not begin before it is known.
func TestRollbackWhileAnOutcomeIsLost(t *testing.T) {
	for _, op := range []string{"put_retry", "put_observe", "put_ask"} {
		t.Run(op, func(t *testing.T) {
			r := newRig(t)
			gate := make(chan struct{})
			e := r.engine(losing(op, gate))
			done := make(chan interpreter.Outcome, 1)
			go func() {
				done <- r.begin(e, patient(t), preamble+`
on_rollback(function() ledger.flaky { item = "undo", fails = 0 } end)
parallel { a = function() ledger.`+op+` { item = "first" } end, b = function() sleep "1h" end }`, nil)
			}()
			r.seen.await(t, effect.EffectIntended, 1)
			r.seen.await(t, effect.TimerSet, 1)
			if _, err := e.RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim"}); err != nil {
				t.Fatal(err)
			}
			r.seen.await(t, effect.RollbackRequested, 1)
			close(gate)
			out := <-done
			if op == "put_ask" {
				r.ends(out, effect.StatusUnknown)
				if r.seen.count(effect.RollbackStarted) > 0 {
					t.Error("the rollback has begun")
				}
				r.operate(out.Run)
				out = r.resume(r.engine(), out.Run)
			}
			r.ends(out, effect.StatusRolledBack)
			r.book.must(t).audit(t, []string{"first", "undo"}, 1)
			if open := history.Of(r.events(out.Run)).Open(); len(open) > 0 {
				t.Errorf("nobody knows what became of %+v", open)
			}
		})
	}
}

// TestTakenOverWhileWriting lets another runner take the run over while a
// write is under way: that must not be applied later, behind its back.
func TestTakenOverWhileWriting(t *testing.T) {
	r := newRig(t)
	ended := make(chan struct{})
	e := r.engine(func(o *interpreter.Options) {
		o.World = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
			<-ctx.Done()
			close(ended)
			return effect.Result{}, effect.Errorf(effect.CodeUnknown, "cut off")
		})
	})
	done := make(chan interpreter.Outcome, 1)
	go func() { done <- r.begin(e, patient(t), preamble+`ledger.put_observe { item = "first" }`, nil) }()
	r.seen.await(t, effect.EffectIntended, 1)
	later, err := journal.Open(t.Context(), filepath.Join(r.dir, "rb.db"),
		journal.Options{Now: func() time.Time { return time.Now().Add(time.Minute) }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = later.Close() }()
	w, err := later.Acquire(t.Context(), r.run().ID, journal.Self())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close(context.Background()) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the write goes on")
	}
	out := <-done
	if s := effect.AsStop(out.Err); s == nil || s.Cause != effect.Fenced {
		t.Errorf("the runner that lost the run ended %s: %v", out.Status, out.Err)
	}
}

// TestCancelAfterARollbackRequest: the later word counts.
func TestCancelAfterARollbackRequest(t *testing.T) {
	r := newRig(t)
	out := r.begin(r.engine(detached), patient(t), preamble+`
on_rollback(function() ledger.put_retry { item = "undone" } end)
approve "go on?"`, nil)
	r.ends(out, effect.StatusWaiting)
	if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: out.Run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: out.Run, By: "kim", Reason: "no, leave it"}); err != nil {
		t.Fatal(err)
	}
	var ended *interpreter.Ended
	if _, err := r.engine().Resume(patient(t), out.Run, interpreter.ResumeOptions{}); !errors.As(err, &ended) {
		t.Errorf("a resume of the canceled run gives %v", err)
	}
	r.ends(r.rollBack(), effect.StatusRolledBack) // asked for again
}

// TestLockThatAnEditNames: a run that has done something is not ended because
// a lock that an edited script names is taken.
func TestLockThatAnEditNames(t *testing.T) {
	r := newRig(t)
	const body = `
ledger.put_observe { item = "first" }
approve "go on?"`
	locked := strings.Replace(preamble, "summary", "locks = { 'web' }, summary", 1)
	out := r.begin(r.engine(detached), patient(t), preamble+body, nil)
	r.ends(out, effect.StatusWaiting)
	holder := r.begin(r.engine(detached), patient(t), locked+`approve "hold it"`, nil)
	r.ends(holder, effect.StatusWaiting)
	edited := script.Source{Name: "test.lua", Text: []byte(locked + body)}
	with := interpreter.ResumeOptions{With: &edited, WithLoader: interpreter.Dir(r.dir)}
	refused, err := r.engine(detached).Resume(patient(t), out.Run, with)
	if err != nil {
		t.Fatal(err)
	}
	if s := effect.AsStop(refused.Err); s == nil || s.Cause != effect.LockHeld || refused.Status.Terminal() {
		t.Errorf("the run is %s: %v", refused.Status, refused.Err)
	}
	if _, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: holder.Run, By: "kim"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.engine().Answer(t.Context(), interpreter.Answer{Run: out.Run, By: "ann"}); err != nil {
		t.Fatal(err)
	}
	out = r.resume(r.engine(detached), out.Run)
	r.ends(out, effect.StatusSucceeded)
	if !slices.ContainsFunc(r.events(out.Run), func(ev effect.Event) bool { return ev.Kind == effect.SourceChanged }) {
		t.Error("the edit is not recorded")
	}
}
