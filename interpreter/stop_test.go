package interpreter_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// everyScript reads every.lua and puts what it requires beside it.
func (r *rig) everyScript() string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "every.lua"))
	names, namesErr := os.ReadFile(filepath.Join("testdata", "names.lua"))
	if err := errors.Join(err, namesErr, os.WriteFile(filepath.Join(r.dir, "names.lua"), names, 0o600)); err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// TestStopAtEachEffect asks a run to stop while it carries out each of its
// effects in turn: what is under way is finished and recorded.
func TestStopAtEachEffect(t *testing.T) {
	for n, stopped := 1, true; stopped; n += sample() {
		stopped = stopAtEffect(t, n)
		if !stopped {
			t.Logf("the run was stopped at %d effects", n-1)
		}
	}
}

func stopAtEffect(t *testing.T, n int) (stopped bool) {
	t.Helper()
	r := newRig(t)
	stopping := make(chan struct{})
	var calls atomic.Int64
	e := r.engine(func(o *interpreter.Options) {
		world := o.World
		o.Stopping = stopping
		o.World = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
			if calls.Add(1) == int64(n) {
				close(stopping)
			}
			return world.Do(ctx, call)
		})
	})
	fail := map[string]any{"fail": true}
	out := r.begin(e, patient(t), r.everyScript(), fail)
	if calls.Load() < int64(n) {
		r.ends(out, effect.StatusRolledBack)
		return false
	}
	if out.Status != effect.StatusRolledBack { // the last effect may win
		r.ends(out, effect.StatusInterrupted)
		if open := history.Of(r.events(out.Run)).Open(); len(open) > 0 {
			t.Errorf("stopped at effect %d, the outcome of %+v is not known", n, open)
		}
		if run := r.run(); run.Status != effect.StatusInterrupted || run.Holder != nil {
			t.Errorf("stopped at effect %d, the journal says %s, held by %v", n, run.Status, run.Holder)
		}
		r.ends(r.resume(r.engine(), out.Run), effect.StatusRolledBack)
	}
	list := r.book.must(t)
	list.audit(t, everyItems(true), 0)
	if said := list.pick(applied, "hello"); len(said) != 1 {
		t.Errorf("stopped at effect %d: said %d times", n, len(said))
	}
	got := tell(t, r.events(out.Run))
	checkSchedule(t, got, r.events(out.Run))
	return true
}

// TestCancelDuringAWrite ends the context while a write is under way: its
// outcome is unknown, and the resume settles it by the op's recovery.
func TestCancelDuringAWrite(t *testing.T) {
	for _, op := range []string{"put_retry", "put_observe", "put_ask", "say"} {
		t.Run(op, func(t *testing.T) {
			r := newRig(t)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan interpreter.Outcome)
			go func() {
				done <- r.begin(r.engine(), ctx, preamble+"ledger."+op+" { item = 'victim', gate = 'go' }", nil)
			}()
			underWay(t, r.book, op, "before")
			cancel()
			out := <-done
			r.ends(out, effect.StatusInterrupted)
			if open := history.Of(r.events(out.Run)).Open(); len(open) != 1 || open[0].Place != "1" {
				t.Errorf("open are %+v", open)
			}
			r.book.openGate(t, "go")
			out = r.resume(r.engine(), out.Run)
			if op == "put_ask" {
				r.ends(out, effect.StatusUnknown)
				var unknown *replay.Unknown
				if !errors.As(out.Err, &unknown) || unknown.Op != "ledger.put_ask" || unknown.Where.String() != "test.lua:3" {
					t.Errorf("the reason is %v", out.Err)
				}
				r.operate(out.Run)
				out = r.resume(r.engine(), out.Run)
			}
			r.ends(out, effect.StatusSucceeded)
			var wanted []string
			if op != "say" {
				wanted = []string{"victim"}
			}
			r.book.must(t).audit(t, wanted, 1)
		})
	}
}
