package interpreter_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// hanging waits at a gate that nobody opens.
func hanging(op string) string {
	return preamble + `
on_rollback(function() ledger.put_retry { item = "undo" } end)
ledger.put_observe { item = "first" }
ledger.` + op + ` { item = "hung", gate = "never" }
ledger.put_observe { item = "never" }`
}

// hangingUndo is hanging with an undo of the write that hangs.
func hangingUndo(op string) string {
	return strings.Replace(hanging(op), `"never" }`, `"never", undo = function() ledger.put_retry { item = "undo hung" } end }`, 1)
}

// hang starts a script and waits until its second write has reached the backend.
func (r *rig) hang(e *interpreter.Engine, text string) <-chan interpreter.Outcome {
	r.t.Helper()
	done := make(chan interpreter.Outcome, 1)
	go func() { done <- r.begin(e, patient(r.t), text, nil) }()
	eventually(r.t, "the write hangs", func() bool { return r.book.must(r.t).has(received, "hung") })
	return done
}

var now = time.Duration(0)

// TestCancelOfAHungWrite cuts it short; its outcome is unknown, and is settled
// before a rollback as ever.
func TestCancelOfAHungWrite(t *testing.T) {
	r := newRig(t)
	done := r.hang(r.engine(), hanging("put_ask"))
	waits, err := r.engine().UnderWay(t.Context(), r.run().ID)
	if err != nil || len(waits) != 1 || waits[0].Place != "2" || !waits[0].Until.Equal(waits[0].Since.Add(time.Minute)) || !waits[0].Cut.IsZero() {
		t.Errorf("under way is %+v, %v", waits, err)
	}
	live, err := r.engine().Cancel(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Reason: "lunch", Grace: &now})
	if err != nil || !live {
		t.Fatalf("cancel: live %v, %v", live, err)
	}
	out := <-done
	r.ends(out, effect.StatusCanceled)
	if text := out.Err.Error(); !strings.Contains(text, "canceled by kim: lunch") || !strings.Contains(text, "test.lua:6 (effect 2) was cut short") {
		t.Errorf("the reason is %s", text)
	}
	if open := history.Of(r.events(out.Run)).Open(); len(open) != 1 || open[0].Place != "2" || open[0].CutShort {
		t.Errorf("open are %+v", open)
	}
	r.ends(r.rollBack(), effect.StatusUnknown)
	r.operate(out.Run)
	r.ends(r.resume(r.engine(), out.Run), effect.StatusRolledBack)
	r.book.must(t).audit(t, []string{"first", "undo"}, 0)
}

// TestRollbackOfAHungWrite cuts it short and rolls back at once. What nobody knows
// then is for a person to say at the end; it is not carried out again.
func TestRollbackOfAHungWrite(t *testing.T) {
	for _, test := range []struct {
		op    string
		known bool
	}{{"put_ask", false}, {"put_retry", false}, {"put_observe", true}, {"say", true}} {
		for _, outcome := range []history.Outcome{history.OutcomeApplied, history.OutcomeNotApplied, history.OutcomeFailed} {
			t.Run(test.op+" "+string(outcome), func(t *testing.T) {
				r := newRig(t)
				done := r.hang(r.engine(), hanging(test.op))
				live, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Grace: &now})
				if err != nil || !live {
					t.Fatalf("rollback: live %v, %v", live, err)
				}
				r.settlesAfterwards(<-done, test.known, outcome, 0, "first", "undo")
			})
		}
	}
}

// TestUndoOfAHungWrite: what may have been done is taken back, before the rest, and
// what certainly was not is not.
func TestUndoOfAHungWrite(t *testing.T) {
	for _, test := range []struct {
		op     string
		undone bool
		known  bool
	}{{"put_ask", true, false}, {"put_retry", true, false}, {"put_observe", false, true}, {"say", true, true}} {
		t.Run(test.op, func(t *testing.T) {
			r := newRig(t)
			done := r.hang(r.engine(), hangingUndo(test.op))
			if _, err := r.engine().RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Grace: &now}); err != nil {
				t.Fatal(err)
			}
			items := []string{"first", "undo"}
			if test.undone {
				items = []string{"first", "undo hung", "undo"}
			}
			r.settlesAfterwards(<-done, test.known, history.OutcomeApplied, 0, items...)
			var order []string
			for _, e := range r.book.must(t).pick(applied, "") {
				order = append(order, e.Item)
			}
			if !slices.Equal(order, items) {
				t.Errorf("done was %v, want %v", order, items)
			}
		})
	}
}

// settlesAfterwards verifies that a run is rolled back, and says what became of
// the write that hung.
func (r *rig) settlesAfterwards(out interpreter.Outcome, known bool, outcome history.Outcome, crashes int, items ...string) {
	t := r.t
	t.Helper()
	if !known {
		r.ends(out, effect.StatusUnknown)
		r.book.must(t).audit(t, items, crashes)
		if open := history.Of(r.events(out.Run)).Open(); len(open) != 1 || !open[0].CutShort {
			t.Errorf("open are %+v", open)
		}
		r.ends(r.resume(r.engine(), out.Run), effect.StatusUnknown) // nobody has said anything
		if _, err := r.engine().Resolve(t.Context(), interpreter.Resolution{Run: out.Run, Outcome: outcome, By: "kim", Reason: "looked"}); err != nil {
			t.Fatal(err)
		}
		out = r.resume(r.engine(), out.Run)
	}
	r.ends(out, effect.StatusRolledBack)
	r.book.must(t).audit(t, items, crashes)
	if _, err := r.engine().Replay(t.Context(), out.Run, nil, nil); err != nil {
		t.Errorf("the replay: %v", err)
	}
}

// TestCrashAfterAWriteWasCutShort crashes before the rollback has begun, and in
// it.
func TestCrashAfterAWriteWasCutShort(t *testing.T) {
	t.Run("without undo", func(t *testing.T) { crashesAfterCutShort(t, hanging("put_ask"), "first", "undo") })
	t.Run("with undo", func(t *testing.T) { crashesAfterCutShort(t, hangingUndo("put_ask"), "first", "undo hung", "undo") })
}

func crashesAfterCutShort(t *testing.T, text string, items ...string) {
	for crash := 1; ; crash++ {
		r := newRig(t)
		crashed := false
		e := r.engine(dyingIn("r1.", crash, &crashed), func(o *interpreter.Options) {
			if crash == 1 { // the rollback's beginning is no append
				wrap := o.Wrap
				o.Wrap = func(j interpreter.Journal) interpreter.Journal { return endingAfter{wrap(j), "cut_short", &crashed} }
			}
		})
		done := r.hang(e, text)
		if _, err := e.RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Grace: &now}); err != nil {
			t.Fatal(err)
		}
		out := <-done
		if crashed {
			r.ends(out, effect.StatusInterrupted)
			out = r.resume(r.engine(), out.Run)
		}
		r.settlesAfterwards(out, false, history.OutcomeNotApplied, 1, items...)
		if !crashed {
			break
		}
	}
}

// endingAfter lets the run end with the append of such an outcome: it is on disk,
// and nobody is told.
type endingAfter struct {
	interpreter.Journal
	outcome string
	ended   *bool
}

func (e endingAfter) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	written, err := e.Journal.Append(ctx, events...)
	if err == nil && events[len(events)-1].Body.Outcome == e.outcome {
		*e.ended = true
		return nil, &effect.Stop{Cause: effect.Interrupted}
	}
	return written, err
}

// TestSignsOfLife: a call that shows some is not cut short.
func TestSignsOfLife(t *testing.T) {
	r := newRig(t)
	enough := make(chan struct{})
	e := r.engine(func(o *interpreter.Options) {
		world := o.World
		o.World = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
			for call.Place == "2" {
				call.Report("at work")
				select {
				case <-time.After(time.Millisecond):
					continue
				case <-ctx.Done():
					return effect.Result{}, effect.Errorf(effect.CodeUnknown, "cut off")
				case <-enough:
				}
				break
			}
			return world.Do(ctx, call)
		})
	})
	done := make(chan interpreter.Outcome, 1)
	go func() {
		done <- r.begin(e, patient(t), strings.ReplaceAll(hanging("put_ask"), `, gate = "never"`, ""), nil)
	}()
	r.seen.await(t, effect.EffectIntended, 2)
	grace := 200 * time.Millisecond
	if _, err := e.RequestRollback(t.Context(), interpreter.Request{Run: r.run().ID, By: "kim", Grace: &grace}); err != nil {
		t.Fatal(err)
	}
	r.seen.await(t, effect.RollbackRequested, 1)
	time.Sleep(3 * grace)
	close(enough)
	r.ends(<-done, effect.StatusRolledBack)
	r.book.must(t).audit(t, []string{"first", "hung", "undo"}, 0)
}
