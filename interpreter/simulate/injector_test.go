package simulate_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestFaults: what each kind does to the effect, to what its caller is told and
// to the world.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		op   string
		kind simulate.Kind
		code effect.Code  // of the failure that the caller is told
		stop effect.Cause // or why its walk ends
		lit  bool         // afterwards
		seen string       // in the world
	}{
		{"street.light", simulate.Refused, effect.CodeRefused, "", false, "1 street.light a ✗refused ⚡refused"},
		{"street.light", simulate.TimedOut, effect.CodeUnknown, "", true, "1 street.light a ⚡timeout street.a from false to true"},
		{"street.light", simulate.Lost, effect.CodeUnknown, "", false, "1 street.light a ✗unknown ⚡lost"},
		{"street.light", simulate.Unavailable, effect.CodeUnavailable, "", false, "1 street.light a ✗unavailable ⚡unavailable"},
		{"street.light", simulate.KilledTwice, "", simulate.Killed, false, "1 street.light a ⚡killed-twice"},
		{"street.look", simulate.TimedOut, effect.CodeTimeout, "", false, "1 street.look a ⚡timeout"},
		{"street.light", simulate.KilledBefore, "", simulate.Killed, false, "1 street.light a ⚡killed-before"},
		{"street.light", simulate.KilledAfter, "", simulate.Killed, true, "1 street.light a ⚡killed-after street.a from false to true"},
		{"street.burn", simulate.TimedOut, effect.CodeFailed, "", false, "1 street.burn a ✗failed ⚡timeout"}, // the answer was on its way
		{"street.look", "outage", effect.CodeUnhealthy, "", false, "1 street.look a ✗unhealthy ⚡outage"},
	} {
		t.Run(tt.op+" "+string(tt.kind), func(t *testing.T) {
			s := toySetup(t)
			w := awake(s)
			dead := false
			c := call(t, s.Catalog, 1, tt.op, "a")
			in := simulate.NewInjector(simulate.Schedule{{Place: c.Place, Kind: tt.kind}}, w)
			_, err := in.Above(w, func() { dead = true }).Do(t.Context(), c)
			switch stop, failure := effect.AsStop(err), effect.AsError(err); {
			case tt.stop != "" && (stop == nil || stop.Cause != tt.stop || !dead):
				t.Errorf("got %v, and the journal is dead: %t", err, dead)
			case tt.code != "" && (failure == nil || failure.Code != tt.code || dead):
				t.Errorf("got %v, and the journal is dead: %t", err, dead)
			}
			if lit := w.State()["street"].(map[string]any)["a"] == true; lit != tt.lit {
				t.Errorf("the lamp is on: %t", lit)
			}
			same(t, "entries", told(w.Entries()), []string{tt.seen})
			if n := len(w.Effects()); n != 1 {
				t.Errorf("%d effects can be struck next time", n)
			}
		})
	}
}

// TestAFaultStrikesOnce, whichever runner comes to it, and never the question
// whether an effect was applied.
func TestAFaultStrikesOnce(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	c := call(t, s.Catalog, 1, "street.light", "a")
	in := simulate.NewInjector(simulate.Schedule{{Place: c.Place, Kind: simulate.Refused}}, w)
	ask := c
	ask.Verb = effect.VerbObserve
	first, second := in.Above(w, func() {}), in.Above(w, func() {})
	if _, err := first.Do(t.Context(), ask); err != nil {
		t.Errorf("asking is struck: %v", err)
	}
	if _, err := first.Do(t.Context(), c); err == nil {
		t.Error("the effect is not struck")
	}
	if _, err := second.Do(t.Context(), c); err != nil {
		t.Errorf("the next runner is struck: %v", err)
	}
}

// TestADeadRunnerDoesNothing: whatever waits is cut off, until another one
// begins.
func TestADeadRunnerDoesNothing(t *testing.T) {
	s := toySetup(t)
	w := awake(s)
	c := call(t, s.Catalog, 1, "street.light", "a")
	in := simulate.NewInjector(simulate.Schedule{{Place: c.Place, Kind: simulate.KilledBefore}}, w)
	if _, err := in.Above(w, func() {}).Do(t.Context(), c); effect.AsStop(err) == nil {
		t.Fatal(err)
	}
	if _, err := act(t, w, s, 2, "street.light", "a"); effect.AsStop(err) == nil || effect.AsStop(err).Cause != simulate.Killed {
		t.Errorf("a dead runner acts: %v", err)
	}
	w.Timeline().Restart()
	w.Timeline().Idle(1)
	if _, err := act(t, w, s, 3, "street.light", "a"); err != nil {
		t.Errorf("the next one does not: %v", err)
	}
}

// TestPeopleMayBeUnwilling by the schedule.
func TestPeopleMayBeUnwilling(t *testing.T) {
	for kind, code := range map[simulate.Kind]effect.Code{simulate.Denied: effect.CodeDenied, simulate.Unanswered: effect.CodeExpired} {
		s := toySetup(t)
		w := awake(s)
		c := call(t, s.Catalog, 1, effect.OpApprove, "")
		args, err := c.Op.Check(map[string]any{"title": "go?", "timeout": "1h"})
		if err != nil {
			t.Fatal(err)
		}
		c.Args, c.Began = args, begin
		in := simulate.NewInjector(simulate.Schedule{{Place: c.Place, Kind: kind}}, w)
		if _, err := in.Above(w, func() {}).Do(t.Context(), c); effect.AsError(err) == nil || effect.AsError(err).Code != code {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestFaultsFitTheirEffects: which kinds are tried where.
func TestFaultsFitTheirEffects(t *testing.T) {
	c := toys(t)
	for op, want := range map[string][]string{
		"street.light": {"refused", "timeout", "lost", "killed-before", "killed-after", "unavailable", "down", "flapping",
			"applied-late", "killed-twice", "rolled-back", "canceled", "resumed-late", "clock-jumps"},
		"street.look": {"refused", "timeout", "killed-before", "outage", "unavailable", "down", "flapping", "stale",
			"resumed-late", "clock-jumps"},
		effect.OpSleep:   {"killed-before", "resumed-late"},
		effect.OpApprove: {"killed-before", "denied", "unanswered", "resumed-late"},
	} {
		var got []string
		for _, k := range simulate.Faults(call(t, c, 1, op, ""), c) {
			got = append(got, string(k))
		}
		same(t, op, got, want)
	}
	for place, want := range map[effect.Place]bool{"7": false, "7.a.2": true, "7.@1.2": true, "7.a.2.1": true, "r1.1.1": false} {
		c1 := call(t, c, 1, "street.look", "")
		c1.Place = place
		if got := slices.Contains(simulate.Faults(c1, c), simulate.HeldUp); got != want {
			t.Errorf("held up at %s: %t", place, got)
		}
	}
}

func TestSchedulesAreReadAsTheyAreWritten(t *testing.T) {
	c := toys(t)
	for _, id := range []string{"none", "5:refused", "r1.1.1:killed-after,7.a.2:outage"} {
		s, err := simulate.ParseSchedule(id, c)
		if err != nil || s.String() != id {
			t.Errorf("%s is read as %s: %v", id, s, err)
		}
	}
	for id, want := range map[string]string{"5": "PLACE:FAULT", ":refused": "PLACE:FAULT", "5:refusd": `did you mean "refused"?`, "5:unhealthy": `no fault "unhealthy"`} {
		if _, err := simulate.ParseSchedule(id, c); err == nil || !contains(err.Error(), want) {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestATimelineWakesWhoIsDueFirst, by time and then by place, and only once
// everybody waits.
func TestATimelineWakesWhoIsDueFirst(t *testing.T) {
	line := simulate.NewTimeline(begin)
	var order []string
	done := make(chan string)
	wait := func(name string, d time.Duration) {
		go func() {
			if err := line.Wait(t.Context(), begin.Add(d)); err != nil {
				name = err.Error()
			}
			done <- name
		}()
	}
	line.Idle(3)
	wait("late", 3*time.Hour)
	wait("early", time.Hour)
	select {
	case name := <-done:
		t.Fatalf("%s goes on while one computes", name)
	default:
	}
	wait("middle", 2*time.Hour)
	for left := 2; left >= 0; left-- {
		order = append(order, <-done)
		if left > 0 {
			line.Idle(left)
		}
	}
	same(t, "order", order, []string{"early", "middle", "late"})
	if now := line.Now(); !now.Equal(begin.Add(3 * time.Hour)) {
		t.Errorf("it is %s", now)
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	line := simulate.NewTimeline(begin)
	line.Idle(2) // somebody else never waits
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- line.Wait(ctx, begin.Add(time.Hour)) }()
	cancel()
	if err := <-done; err != context.Canceled {
		t.Errorf("it ends with %v", err)
	}
	if now := line.Now(); !now.Equal(begin) {
		t.Errorf("it is %s", now)
	}
	line.Skip(time.Minute)
	if now := line.Now(); !now.Equal(begin.Add(time.Minute)) {
		t.Errorf("after a minute it is %s", now)
	}
}
