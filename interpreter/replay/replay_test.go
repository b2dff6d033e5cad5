package replay_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

func TestReplayAnswersFromTheJournal(t *testing.T) {
	script := func(r *rig) (got []any) {
		r.do(effect.OpStep, "~1", args("name", "one"))
		got = append(got, r.do("t.read", "1", args("a", 1.0)), r.do(effect.OpNow, "2"), r.do("t.observe", "3", args("b", "x")))
		_, err := r.try("t.retry", "4")
		got = append(got, *effect.AsError(err))
		r.do(effect.OpStepLeft, "~2", args("name", "one"))
		return append(got, r.do(effect.OpSleep, "5"), r.do("t.ask", "6"))
	}
	first := newRig(t, nil)
	first.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if call.Place == "4" {
			return effect.Result{}, effect.Errorf(effect.CodeTimeout, "too late: \xff").WithHint("wait \xfe longer")
		}
		return effect.Result{Value: map[string]any{"at": string(call.Place), "raw": "\xff", "n": math.Copysign(0, -1), "list": []any{}}}, nil
	}
	want := script(first)
	first.finish()

	again := first.resumed()
	if got := script(again); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed %#v\nwant     %#v", got, want)
	}
	again.finish()
	same(t, "calls", again.world.log(), []string{})
	same(t, "journal", text(again.journal.all()), text(first.journal.all()))
	if again.Live() != 0 || again.Replayed() != 5 {
		t.Errorf("live %d replayed %d", again.Live(), again.Replayed())
	}
}

// A journal cut anywhere is carried on to the same end.
func TestMarksAreNotRepeated(t *testing.T) {
	script := func(r *rig) {
		r.do(effect.OpStep, "~1", args("name", "one"))
		r.do("t.read", "1")
		r.do(effect.OpLog, "~2", args("text", "hello"))
		r.do("t.retry", "2")
		r.do(effect.OpStepLeft, "~3", args("name", "one"))
	}
	first := newRig(t, nil)
	first.world.answer = fails(nil)
	script(first)
	first.finish()
	whole := first.journal.all()
	for n := range whole {
		again := newRig(t, whole[:n])
		again.world.answer = fails(nil)
		script(again)
		again.finish()
		want := text(whole)
		if whole[n].Kind == effect.EffectDone && whole[n].Place == "2" { // sent again
			want = append(text(whole[:n]), append([]string{"effect.intended 2 t.retry #2", "effect.done 2 t.retry #2"}, text(whole[n+1:])...)...)
		}
		same(t, fmt.Sprintf("journal cut at %d", n), text(again.journal.all()), want)
	}
}

// past runs a straight line of effects and returns its journal.
func past(t *testing.T, run func(r *rig)) []effect.Event {
	t.Helper()
	r := newRig(t, nil)
	run(r)
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r.journal.all()
}

func TestDivergence(t *testing.T) {
	line := func(r *rig) {
		r.do("t.read", "1", args("x", 1.0))
		r.do("t.retry", "2", args("y", "old"))
		r.do("t.observe", "3")
	}
	begun := func(r *rig) {
		line(r)
		r.killAt("4")
		_, _ = r.try("t.ask", "4")
	}
	valued := func(r *rig) {
		r.do(effect.OpNow, "1")
		r.do("t.read", "2")
	}
	composite := func(r *rig) {
		r.do("t.read", "1.1")
		r.do("t.read", "1.2")
		r.do("t.read", "2")
	}
	nested := func(r *rig) {
		r.do("t.read", "1.1.1")
		r.do("t.read", "1.1.2")
		r.do("t.read", "1.2.1")
	}
	tests := []struct {
		name                string
		past                func(*rig)
		script              func(r *rig) error
		place               effect.Place
		recorded, requested string
	}{
		{"another op", line, func(r *rig) error {
			_, err := r.try("t.retry", "1", args("x", 1.0))
			return err
		}, "1", `t.read {"x":1}  at a.lua:1`, `t.retry {"x":1}  at a.lua:1`},
		{"other arguments", line, func(r *rig) error {
			r.do("t.read", "1", args("x", 1.0))
			_, err := r.try("t.retry", "2", args("y", "new"))
			return err
		}, "2", `t.retry {"y":"old"}  at a.lua:2`, `t.retry {"y":"new"}  at a.lua:2`},
		{"a value instead of a read", line, func(r *rig) error {
			_, err := r.try(effect.OpNow, "1", args("x", 1.0))
			return err
		}, "1", `t.read {"x":1}`, `run.now {"x":1}`},
		{"a read instead of a value", valued, func(r *rig) error {
			_, err := r.try("t.read", "1")
			return err
		}, "1", "run.now", "t.read"},
		{"an effect left out", line, func(r *rig) error {
			r.do("t.read", "1", args("x", 1.0))
			_, err := r.try("t.observe", "2")
			return err
		}, "2", "t.retry", "t.observe"},
		{"the script ends early", line, func(r *rig) error {
			r.do("t.read", "1", args("x", 1.0))
			return r.Finish()
		}, "2", "t.retry", "nothing (the script ended, or went another way)"},
		{"the script ends before what was begun", begun, func(r *rig) error {
			line(r)
			return r.Finish()
		}, "4", "t.ask {}  at a.lua:4", "nothing"},
		{"what was begun is another op now", begun, func(r *rig) error {
			line(r)
			_, err := r.try("t.retry", "4")
			return err
		}, "4", "t.ask", "t.retry"},
		{"a new place before the past is done", line, func(r *rig) error {
			_, err := r.try("t.retry", "9")
			return err
		}, "1", "t.read", "t.retry"},
		{"a recorded effect out of its order", line, func(r *rig) error {
			_, err := r.try("t.retry", "2", args("y", "old"))
			return err
		}, "1", "t.read", "t.retry"},
		{"a composite that takes a step less", composite, func(r *rig) error {
			r.do("t.read", "1.1")
			_, err := r.try("t.read", "2")
			return err
		}, "1.2", "t.read", "t.read"},
		{"a composite where a plain effect stood", line, func(r *rig) error {
			_, err := r.try("t.read", "1.1", args("x", 1.0))
			return err
		}, "1", "t.read", "t.read"},
		{"a plain effect where a composite stood", composite, func(r *rig) error {
			_, err := r.try("t.read", "1")
			return err
		}, "1.1", "t.read", "t.read"},
		{"a composite in a composite that takes a step less", nested, func(r *rig) error {
			r.do("t.read", "1.1.1")
			_, err := r.try("t.read", "1.2.1")
			return err
		}, "1.1.2", "t.read", "t.read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, past(t, test.past))
			before := len(r.journal.all())
			stop := wantStop(t, effect.Diverged, nil, test.script(r))
			var d *replay.Divergence
			if !errors.As(stop, &d) {
				t.Fatalf("got %v, want a Divergence", stop)
			}
			if d.Place != test.place || d.Run != "run-1" || !strings.HasPrefix(d.Recorded.String(), test.recorded) ||
				!strings.HasPrefix(d.Requested.String(), test.requested) {
				t.Errorf("got %s\nwant place %s\n  recorded %s\n  requested %s", d, test.place, test.recorded, test.requested)
			}
			// It is final, nothing was done, and both sides are told.
			r.stops(effect.Diverged, "t.read", "1", args("x", 1.0))
			same(t, "calls", r.world.log(), []string{})
			if n := len(r.journal.all()); n != before {
				t.Errorf("%d events were written", n-before)
			}
			if lines := strings.Split(d.Error(), "\n"); len(lines) != 3 || !strings.Contains(lines[0], "effect "+string(test.place)+": nothing was done") {
				t.Errorf("says %q", d)
			}
		})
	}
}

// A script that does more than its past agrees with it: it goes on.
func TestNewEffectsAfterThePast(t *testing.T) {
	r := newRig(t, past(t, func(r *rig) { r.do("t.read", "1") }))
	r.do("t.read", "1")
	r.do("t.retry", "2")
	r.finish()
	same(t, "calls", r.world.log(), []string{"invoke t.retry 2 #1"})
}

func TestCutOfThePast(t *testing.T) {
	rollBack := func(o *replay.Options) { o.Cut = true }
	begun := past(t, func(r *rig) {
		r.do("t.read", "1")
		r.killAt("2")
		_, _ = r.try("t.retry", "2")
	})
	t.Run("what was begun is settled first", func(t *testing.T) {
		r := newRig(t, begun, rollBack)
		r.do("t.read", "1")
		r.do("t.retry", "2")
		r.do(effect.OpRegistered, "~1") // what belongs to the effect before
		r.stops(effect.RollingBack, effect.OpNow, "3")
		same(t, "calls", r.world.log(), []string{"invoke t.retry 2 #2"})
		// The rollback itself may do new things.
		r.BeginRollback()
		r.do("t.retry", "r1.1.1")
	})
	t.Run("a sleep is not slept to its end", func(t *testing.T) {
		r := newRig(t, past(t, func(r *rig) {
			r.killAt("1")
			_, _ = r.try(effect.OpSleep, "1")
		}), rollBack)
		r.stops(effect.RollingBack, effect.OpSleep, "1")
		same(t, "calls", r.world.log(), []string{})
	})
	t.Run("the past is walked to its end", func(t *testing.T) {
		r := newRig(t, begun, rollBack)
		s := r.stops(effect.Diverged, "t.retry", "9")
		if !strings.Contains(s.Error(), "effect 1:") {
			t.Error(s)
		}
	})
}

// rollbackPast is a run whose main chunk did two effects and was stopped in the
// third, with a rollback of two functions of which the second was cut off.
func rollbackPast(t *testing.T) []effect.Event {
	return past(t, func(r *rig) {
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		r.BeginRollback()
		if _, err := r.journal.Append(t.Context(), effect.Event{Kind: effect.RollbackStarted, Body: effect.Body{Attempt: 1}}); err != nil {
			t.Fatal(err)
		}
		r.do("t.retry", "r1.2.1")
		r.do("t.read", "r1.2.2")
		r.do(effect.OpBranchLeft, "r1.2", args("name", "second"))
		r.do("t.retry", "r1.1.1")
	})
}

func TestRollback(t *testing.T) {
	t.Run("is resumed where it stopped", func(t *testing.T) {
		r := newRig(t, rollbackPast(t))
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		r.stops(effect.RollingBack, "t.retry", "3") // the main chunk's past ends here
		r.BeginRollback()
		r.do("t.retry", "r1.2.1")
		r.do("t.read", "r1.2.2")
		r.do(effect.OpBranchLeft, "r1.2", args("name", "second"))
		r.do("t.retry", "r1.1.1")
		r.do("t.retry", "r1.1.2")
		r.do(effect.OpBranchLeft, "r1.1", args("name", "first"))
		r.finish()
		same(t, "calls", r.world.log(), []string{"invoke t.retry r1.1.2 #1"})
	})
	t.Run("its effects do not belong to the main chunk", func(t *testing.T) {
		r := newRig(t, rollbackPast(t))
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		if err := r.Finish(); err != nil {
			t.Error(err)
		}
		r.BeginRollback()
		wantStop(t, effect.Diverged, nil, r.Finish())
	})
	t.Run("a function that leaves an effect out", func(t *testing.T) {
		r := newRig(t, rollbackPast(t))
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		r.BeginRollback()
		r.do("t.retry", "r1.2.1")
		s := r.stops(effect.Diverged, effect.OpBranchLeft, "r1.2")
		if !strings.Contains(s.Error(), "effect r1.2.2:") {
			t.Error(s)
		}
	})
	t.Run("a function that does more than it did", func(t *testing.T) {
		r := newRig(t, rollbackPast(t))
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		r.BeginRollback()
		r.do("t.retry", "r1.2.1")
		r.do("t.read", "r1.2.2")
		s := r.stops(effect.Diverged, "t.retry", "r1.2.3")
		if !strings.Contains(s.Error(), "effect r1.1.1:") {
			t.Error(s)
		}
		same(t, "calls", r.world.log(), []string{})
	})
	t.Run("read-only", func(t *testing.T) {
		r := newRig(t, rollbackPast(t), func(o *replay.Options) { o.Journal = nil })
		r.do("t.retry", "1")
		r.do("t.retry", "2")
		r.stops(effect.RollingBack, "t.retry", "3")
		r.BeginRollback()
		r.do("t.retry", "r1.2.1")
		r.do("t.read", "r1.2.2")
		r.do(effect.OpBranchLeft, "r1.2")
		r.do("t.retry", "r1.1.1")
		r.stops(effect.EndOfRecord, "t.retry", "r1.1.2")
		if b := r.Beyond(); b == nil || b.Place != "r1.1.2" {
			t.Errorf("beyond %v", b)
		}
	})
}

// A read-only replay ends where the record does and touches nothing.
func TestReadOnly(t *testing.T) {
	begun := past(t, func(r *rig) {
		r.do(effect.OpStep, "~1", args("name", "one"))
		r.do(effect.OpNow, "1")
		r.do("t.read", "2")
		r.killAt("3")
		_, _ = r.try("t.observe", "3")
	})
	tests := []struct {
		name, op string
		place    effect.Place
	}{
		{"at a new effect", "t.read", "9"},
		{"at an effect without outcome", "t.observe", "3"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, begun, func(o *replay.Options) { o.Journal = nil })
			r.do(effect.OpStep, "~1", args("name", "one"))
			r.do(effect.OpNow, "1")
			r.do("t.read", "2")
			if r.Beyond() != nil {
				t.Error("beyond the record too early")
			}
			r.do(effect.OpLog, "~2", args("text", "new"))
			r.stops(effect.EndOfRecord, test.op, test.place)
			if b := r.Beyond(); b == nil || b.Place != test.place || b.Where.Line == 0 {
				t.Errorf("beyond the record is %v", b)
			}
			if err := r.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			same(t, "calls", r.world.log(), []string{})
			if n := len(r.journal.all()); n != len(begun) {
				t.Errorf("%d events were written", n-len(begun))
			}
		})
	}
}
