package simulate_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestEverySingleFaultStrikesOnce: whatever the run is, each schedule of one
// fault is tried once, strikes where it says, and nothing else is struck.
func TestEverySingleFaultStrikesOnce(t *testing.T) {
	ops := []string{"street.light", "street.toggle", "street.look", "street.assume"}
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 2))
		r := toy{t: t, bold: true}
		for range 1 + random.IntN(5) {
			r.steps = append(r.steps, ops[random.IntN(len(ops))]+" a")
		}
		setup := toySetup(t)
		noted := &tried{Runner: r}
		// An outage strikes what comes after it, too.
		choice := simulate.Choice{Only: []simulate.Kind{simulate.AllKinds}, Without: []simulate.Kind{simulate.Down, simulate.Flapping}}
		e := simulate.Explorer{Runner: noted, Setup: setup, Faults: choice}
		found := explore(t, e)
		want := map[string]bool{"none": true}
		for n, step := range r.steps {
			op, _, _ := strings.Cut(step, " ")
			c := call(t, setup.Catalog, n+1, op, "a")
			for _, kind := range simulate.Faults(c, setup.Catalog) {
				if !slices.Contains(choice.Without, kind) {
					want[fmt.Sprintf("%s:%s", c.Place, kind)] = true
				}
			}
		}
		if len(noted.ids) != len(want) || found.Schedules != len(want) {
			t.Fatalf("%v: %d schedules are tried, want %d: %v", r.steps, len(noted.ids), len(want), noted.ids)
		}
		for _, id := range noted.ids {
			if !want[id] {
				t.Errorf("%v: %s is tried, or twice", r.steps, id)
			}
			delete(want, id)
			s, err := simulate.ParseSchedule(id, setup.Catalog)
			if err != nil {
				t.Fatal(err)
			}
			trial, err := e.Try(t.Context(), s)
			if err != nil || len(trial.Missed) > 0 {
				t.Errorf("%v under %s: missed %v, %v", r.steps, id, trial.Missed, err)
			}
			for _, entry := range trial.Entries {
				struck := len(s) == 1 && s[0].Place == entry.Place
				again := struck && s[0].Kind == simulate.KilledTwice && entry.Fault == simulate.KilledAfter
				if (entry.Fault != "") != struck || struck && entry.Fault != s[0].Kind && !again {
					t.Errorf("%v under %s: effect %s is struck by %q", r.steps, id, entry.Place, entry.Fault)
				}
			}
		}
	}
}

// TestAFaultOnEitherSideOfAWrite: how often the world has it, by where the
// fault struck. A run that is not told sends again; an effect that does not bear
// that is found.
func TestAFaultOnEitherSideOfAWrite(t *testing.T) {
	for _, tt := range []struct {
		op, schedule string
		status       effect.Status
		applied      int
		broken       string
	}{
		{"street.toggle", "none", effect.StatusSucceeded, 1, ""},
		{"street.toggle", "1:refused", effect.StatusFailed, 0, ""},
		{"street.toggle", "1:killed-before", effect.StatusSucceeded, 1, ""},
		{"street.toggle", "1:killed-after", effect.StatusSucceeded, 2, "nothing is done twice"},
		{"street.toggle", "1:timeout", effect.StatusSucceeded, 2, "nothing is done twice"},
		{"street.light", "1:killed-after", effect.StatusSucceeded, 2, ""},
		{"street.light", "1:timeout", effect.StatusSucceeded, 2, ""},
	} {
		setup := toySetup(t)
		s, err := simulate.ParseSchedule(tt.schedule, setup.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		trial, err := (&simulate.Explorer{Runner: toy{t: t, steps: []string{tt.op + " a"}}, Setup: setup}).Try(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		applied, broken := 0, ""
		for _, e := range trial.Entries {
			if e.Value != nil && e.Err == nil { // those that were kept from happening have no value
				applied++
			}
		}
		for _, v := range trial.Broken {
			broken += v.Invariant
		}
		if trial.Ending.Status != tt.status || applied != tt.applied || broken != tt.broken {
			t.Errorf("%s under %s: %s, applied %d times, broken %q; want %s, %d, %q", tt.op, tt.schedule, trial.Ending.Status, applied, broken, tt.status, tt.applied, tt.broken)
		}
	}
}

// TestRollbacksThatFaultsLeadToAreStruck at each effect, those that do the same
// after the same changes once, under the first fault that leads to them.
func TestRollbacksThatFaultsLeadToAreStruck(t *testing.T) {
	r := &tried{Runner: toy{t: t, steps: []string{"street.light a", "street.light b"}, back: []string{"street.light c", "street.look c"}}}
	found := explore(t, simulate.Explorer{Runner: r, Setup: toySetup(t)})
	same(t, "schedules", r.ids, []string{"none", "1:refused", "1:timeout", "1:lost", "1:killed-before", "1:killed-after",
		"2:refused", "2:timeout", "2:lost", "2:killed-before", "2:killed-after",
		"1:refused,r1.1.1:refused", "1:refused,r1.1.1:timeout", "1:refused,r1.1.1:lost", "1:refused,r1.1.1:killed-before", "1:refused,r1.1.1:killed-after",
		"1:refused,r1.1.2:refused", "1:refused,r1.1.2:timeout", "1:refused,r1.1.2:killed-before", "1:refused,r1.1.2:outage",
		"2:refused,r1.1.1:refused", "2:refused,r1.1.1:timeout", "2:refused,r1.1.1:lost", "2:refused,r1.1.1:killed-before", "2:refused,r1.1.1:killed-after", // a is lit by then
		"2:refused,r1.1.2:refused", "2:refused,r1.1.2:timeout", "2:refused,r1.1.2:killed-before", "2:refused,r1.1.2:outage"})
	var broken []string
	for _, f := range found.Failures {
		broken = append(broken, f.Schedule.String()+": "+f.Broken[0].Invariant+": "+f.Broken[0].Message)
	}
	same(t, "broken", broken, []string{
		"1:refused,r1.1.1:refused: every rollback completes: the rollback failed, also when it was tried again: refused by the schedule (refused)"})
	// What two faults make of it is not told as the worst that one does.
	if found.Worst.Schedule.String() != "1:refused" || found.Worst.Recovery != 2*time.Second {
		t.Errorf("the worst is %s under %s", found.Worst.Recovery, found.Worst.Schedule)
	}
}

// TestTheShortestScheduleIsKept: where one fault breaks an invariant, no pair is
// told; where only a pair does, that is.
func TestTheShortestScheduleIsKept(t *testing.T) {
	end := func(name string, lamps ...string) effect.Invariant {
		return effect.Invariant{Name: name, End: func(v *effect.View, _ effect.Ending) string {
			for _, lamp := range lamps {
				if v.State("street")[lamp] == true {
					return ""
				}
			}
			return "dark"
		}}
	}
	found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a", "street.light b"}, bold: true}, Depth: 2, Workers: 4,
		Setup: toySetup(t, end("b is lit", "b"), end("one is lit", "a", "b"))})
	same(t, "kept", ids(found), []string{"1:refused", "2:refused", "1:refused,2:refused"}) // the first by the engine: what failed is swallowed
}

// TestTheSameScheduleIsReproduced, and what happens without its faults is known
// to the invariants, as in an exploration.
func TestTheSameScheduleIsReproduced(t *testing.T) {
	fewer := effect.Invariant{Name: "as much as usual", End: func(v *effect.View, _ effect.Ending) string {
		if n := len(v.Usual); n > len(v.Past()) {
			return fmt.Sprintf("%d of %d", len(v.Past()), n)
		}
		return ""
	}}
	e := simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a", "street.light b"}}, Setup: toySetup(t, fewer)}
	found := explore(t, e)
	if len(found.Failures) != 1 || found.Failures[0].Schedule.String() != "1:refused" || found.Failures[0].Broken[0].Message != "1 of 2" {
		t.Fatalf("found %+v", found.Failures)
	}
	again := simulate.Explorer{Runner: e.Runner, Setup: toySetup(t, fewer)}
	trial, err := again.Reproduce(t.Context(), found.Failures[0].Schedule)
	if err != nil || !reflect.DeepEqual(trial.Broken, found.Failures[0].Broken) || !reflect.DeepEqual(trial.Timeline(), found.Failures[0].Timeline()) {
		t.Errorf("reproduced, it breaks %+v (%v), want %+v", trial.Broken, err, found.Failures[0].Broken)
	}
	if trial, err = again.Reproduce(t.Context(), nil); err != nil || len(trial.Broken) > 0 {
		t.Errorf("without a fault: %+v, %v", trial.Broken, err)
	}
}

// TestTimeOnlyGoesForward: whoever waits goes on in the order of time, then of
// place, whatever the order in which they came; and the clock shows that time.
func TestTimeOnlyGoesForward(t *testing.T) {
	type sleeper struct {
		due   time.Duration
		place effect.Place
	}
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 3))
		setup := toySetup(t)
		w := simulate.NewWorld(setup)
		line := w.Timeline()
		sleepers := make([]sleeper, 2+random.IntN(6))
		for i := range sleepers {
			sleepers[i] = sleeper{time.Duration(random.IntN(4)) * time.Minute, effect.Place("1").Listed(i + 1).Effect(1)}
		}
		woken := make(chan int)
		line.Idle(len(sleepers))
		for _, i := range random.Perm(len(sleepers)) {
			in := simulate.NewInjector(nil, w).Above(sleeping(line, begin.Add(sleepers[i].due)), func() {})
			go func() {
				op, _ := setup.Catalog.Op(effect.OpSleep)
				if _, err := in.Do(t.Context(), effect.Call{Op: op, Place: sleepers[i].place}); err != nil {
					t.Error(err)
				}
				woken <- i
			}()
		}
		var got, want []int
		for left := len(sleepers) - 1; left >= 0; left-- {
			i := <-woken
			got = append(got, i)
			if now := line.Now(); !now.Equal(begin.Add(sleepers[i].due)) {
				t.Fatalf("seed %d: it is %s when %v goes on", seed, now, sleepers[i])
			}
			if left > 0 {
				line.Idle(left)
			}
		}
		for i := range sleepers {
			want = append(want, i)
		}
		slices.SortStableFunc(want, func(a, b int) int {
			if d := sleepers[a].due - sleepers[b].due; d != 0 {
				return int(d)
			}
			return sleepers[a].place.Compare(sleepers[b].place)
		})
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v went on in the order %v, want %v", seed, sleepers, got, want)
		}
	}
}

// sleeping waits until a time.
func sleeping(line *simulate.Timeline, until time.Time) effect.Handler {
	return effect.HandlerFunc(func(ctx context.Context, _ effect.Call) (effect.Result, error) {
		return effect.Result{}, line.Wait(ctx, until)
	})
}

// TestADeadRunnerWaitsForNothing: all waits end, those that begin later too,
// until another runner comes.
func TestADeadRunnerWaitsForNothing(t *testing.T) {
	line := simulate.NewTimeline(begin)
	line.Idle(9) // nobody goes on by the clock
	dead := &effect.Stop{Cause: simulate.Killed}
	ended := make(chan error)
	for range 3 {
		go func() { ended <- line.Wait(t.Context(), begin.Add(time.Hour)) }()
	}
	line.Halt(dead)
	for range 3 {
		if err := <-ended; effect.AsStop(err) != dead {
			t.Errorf("a wait ends with %v", err)
		}
	}
	if now := line.Now(); !now.Equal(begin) {
		t.Errorf("it is %s", now)
	}
	line.Restart()
	line.Idle(1)
	if err := line.Wait(t.Context(), begin.Add(time.Hour)); err != nil || !line.Now().Equal(begin.Add(time.Hour)) {
		t.Errorf("the next runner waits until %s: %v", line.Now(), err)
	}
}
