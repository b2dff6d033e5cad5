package replay_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

var (
	failFast = args("branches", []any{"1.a", "1.b"}, "fail_fast", true, "limit", 0.0)
	failed   = args("name", "a", "error", "no")
	stopped  = args("name", "b", "stopped", true, "wait", "1.b.1")
	anHour   = args("duration", 3600.0)
)

// What was recorded before parallel{} had options ran to its end, and goes on
// so; what is recorded with options keeps them.
func TestOptionsOfTheRecord(t *testing.T) {
	begin := func(r *rig) { r.do(effect.OpParallel, "1", failFast); r.do("t.read", "1.a.1"); r.finish() }
	events := past(t, begin)
	old := slices.DeleteFunc(slices.Clone(events), func(ev effect.Event) bool { return ev.Kind == effect.ParallelStarted })
	for _, test := range []struct {
		name   string
		past   []effect.Event
		asked  bool
		wanted bool
	}{
		{"recorded", events, false, true},
		{"of an earlier version", old, true, false},
		{"new", nil, true, true},
		{"new, to the end", nil, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.past)
			asked := args("branches", []any{"1.a", "1.b"}, "fail_fast", test.asked, "limit", 0.0)
			got, _ := r.do(effect.OpParallel, "1", asked).(map[string]any)
			if got["fail_fast"] != test.wanted {
				t.Errorf("the options are %v", got)
			}
		})
	}
}

// A wait that ends with its branch has no outcome, whatever its clock says; one
// that has its outcome does not end.
func TestWaitEndsWithItsBranch(t *testing.T) {
	r := newRig(t, nil)
	r.do(effect.OpParallel, "1", failFast)
	asleep, wake := make(chan bool), make(chan bool)
	r.world.answer = func(_ context.Context, call effect.Call) (effect.Result, error) {
		if call.Place == "1.b.1" {
			asleep <- true
			<-wake
		}
		return effect.Result{}, nil
	}
	done := make(chan error)
	go func(call effect.Call) {
		_, err := r.Do(t.Context(), call)
		done <- err
	}(r.call(effect.OpSleep, "1.b.1", anHour))
	<-asleep
	r.do(effect.OpSleep, "1.a.1", anHour)
	if r.do(effect.OpBranchLeft, "1.a", args("name", "a", "stopped", true, "wait", "1.a.1")) != false {
		t.Error("a sleep that was over ended again")
	}
	r.do(effect.OpBranchLeft, "1.a", failed)
	if r.do(effect.OpBranchLeft, "1.b", stopped) != true {
		t.Error("the sleep did not end")
	}
	close(wake) // at the same time as the clock
	wantStop(t, effect.BranchStopped, nil, <-done)
	r.do("t.read", "2")
	r.finish()
	if text := strings.Join(text(r.journal.all()), "\n"); strings.Contains(text, "effect.done 1.b.1") {
		t.Errorf("the sleep has an outcome:\n%s", text)
	}

	// A replay asks for it, and waits for the failure.
	again := r.resumed(func(o *replay.Options) { o.Journal = nil })
	again.do(effect.OpParallel, "1", failFast)
	go func(call effect.Call) {
		_, err := again.Do(t.Context(), call)
		done <- err
	}(again.call(effect.OpSleep, "1.b.1", anHour))
	again.do(effect.OpSleep, "1.a.1", anHour)
	again.do(effect.OpBranchLeft, "1.a", failed)
	again.do(effect.OpBranchLeft, "1.b", stopped)
	wantStop(t, effect.BranchStopped, nil, <-done)
	again.do("t.read", "2")
	if err := again.Finish(); err != nil {
		t.Error(err)
	}
}

// A script that was edited so that the branch does not fail has gone another
// way, whether it asks for more there or ends.
func TestFailureThatIsRecordedAndDoesNotCome(t *testing.T) {
	events := past(t, func(r *rig) {
		r.do(effect.OpParallel, "1", failFast)
		r.do(effect.OpBranchLeft, "1.a", failed)
		r.finish()
	})
	r := newRig(t, events)
	r.do(effect.OpParallel, "1", failFast)
	if s := r.stops(effect.Diverged, "t.read", "1.a.1"); !strings.Contains(s.Error(), "the failure of the branch: no") {
		t.Error(s)
	}
	r = newRig(t, events)
	r.do(effect.OpParallel, "1", failFast)
	r.stops(effect.Diverged, effect.OpBranchLeft, "1.a", args("name", "a"))
}

// Branches that wait for the record of one that cannot begin before one of them
// ends have gone another way, and do not wait for ever.
func TestBranchesThatWaitForOneThatCannotBegin(t *testing.T) {
	limit := args("branches", []any{"1.a", "1.b", "1.c"}, "fail_fast", true, "limit", 2.0)
	r := newRig(t, past(t, func(r *rig) {
		r.do(effect.OpParallel, "1", limit)
		r.do("t.read", "1.c.1")
		r.finish()
	}))
	r.do(effect.OpParallel, "1", limit)
	done := make(chan error)
	for _, place := range []effect.Place{"1.a.1", "1.b.1"} {
		call := r.call("t.read", place, nil)
		go func() {
			_, err := r.Do(t.Context(), call)
			done <- err
		}()
	}
	r.Idle(2)
	wantStop(t, effect.Diverged, nil, <-done)
	wantStop(t, effect.Diverged, nil, <-done)
}
