package replay_test

import (
	"context"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

// When the main chunk is cut, what is under way is finished, what is registered
// for it stands, and nothing else begins.
func TestCut(t *testing.T) {
	for _, name := range []string{"t.read", "t.retry", "t.observe", "t.ask", "t.forgo"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.world.answer = func(ctx context.Context, _ effect.Call) (effect.Result, error) {
				r.Cut()
				return effect.Result{}, ctx.Err()
			}
			r.do(name, "1")
			r.do(effect.OpRegistered, "~1")
			for _, next := range []string{"t.read", "t.retry", effect.OpSleep, effect.OpApprove, effect.OpNow} {
				r.stops(effect.RollingBack, next, "2")
			}
			if s := r.BeginRollback(); s != nil {
				t.Fatal(s)
			}
			r.world.answer = nil
			r.do(effect.OpNow, "r1.1.1")
			r.do(effect.OpSleep, "r1.1.2")
			r.finish()
			same(t, "calls", r.world.log(), []string{"invoke " + name + " 1 #1", "invoke run.now r1.1.1 #1", "invoke run.sleep r1.1.2 #1"})
		})
	}
}

// Sleeps and questions end at the cut, without an outcome.
func TestCutEndsWaits(t *testing.T) {
	for _, name := range []string{effect.OpSleep, effect.OpApprove} {
		r := newRig(t, nil)
		r.world.answer = func(ctx context.Context, _ effect.Call) (effect.Result, error) {
			r.Cut()
			<-ctx.Done()
			return effect.Result{}, effect.AsStop(context.Cause(ctx))
		}
		r.stops(effect.RollingBack, name, "1")
		if n := len(r.journal.all()); n != 1 {
			t.Errorf("%s: the journal holds %v", name, text(r.journal.all()))
		}
	}
}

// A rollback that has started names what was registered: a later walk registers
// no more, even of a record in which a line of control was cut before that.
func TestRegistrationsEndAtTheCut(t *testing.T) {
	past := past(t, func(r *rig) {
		fork(r, "1", "a", "b")
		r.do("t.retry", "1.a.1")
		r.do(effect.OpRegistered, "1.a.~1")
		r.do("t.retry", "1.b.1")
		if err := r.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := r.journal.Append(t.Context(), effect.Event{Kind: effect.RollbackStarted, Body: effect.Body{Attempt: 1}}); err != nil {
			t.Fatal(err)
		}
	})
	for name, mend := range map[string]func(*replay.Options){"resume": func(*replay.Options) {}, "replay": func(o *replay.Options) { o.Journal = nil }} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, past, mend)
			fork(r, "1", "a", "b")
			r.do("t.retry", "1.a.1")
			r.do("t.retry", "1.b.1")
			r.do(effect.OpLog, "1.a.~1") // a line that an edit has added
			r.do(effect.OpRegistered, "1.a.~2")
			r.stops(effect.RollingBack, effect.OpRegistered, "1.b.~1")
			r.stops(effect.RollingBack, effect.OpNow, "1.a.2")
			if s := r.BeginRollback(); s != nil {
				t.Error(s)
			}
		})
	}
}

// A walk that is cut before it has asked for all that the journal holds has
// parted from it.
func TestCutShortOfThePast(t *testing.T) {
	r := newRig(t, past(t, func(r *rig) {
		r.do(effect.OpNow, "1")
		r.do("t.retry", "2")
	}), func(o *replay.Options) { o.Cut = true })
	r.stops(effect.RollingBack, effect.OpNow, "9")
	if s := r.BeginRollback(); s == nil || s.Cause != effect.Diverged {
		t.Errorf("the rollback begins: %v", s)
	}
}
