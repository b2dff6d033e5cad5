package simulate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

func explore(t testing.TB, e simulate.Explorer) *simulate.Explored {
	t.Helper()
	found, err := e.Explore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// noted is a Runner that notes the schedules which it is given.
type noted struct {
	simulate.Runner
	ids *[]string
}

func (n noted) Rehearse(ctx context.Context, w *simulate.World, s simulate.Schedule) (simulate.Ending, error) {
	*n.ids = append(*n.ids, s.String())
	return n.Runner.Rehearse(ctx, w, s)
}

func TestEveryFaultIsTriedAtEveryEffect(t *testing.T) {
	var ids []string
	found := explore(t, simulate.Explorer{Runner: noted{toy{t: t, steps: []string{"street.light a", "street.look a"}}, &ids}, Setup: toySetup(t)})
	same(t, "schedules", ids, []string{"none", "1:refused", "1:timeout", "1:lost", "1:killed-before", "1:killed-after",
		"2:refused", "2:timeout", "2:killed-before", "2:outage"})
	if found.Schedules != 10 || found.Broken != 0 || found.Outcomes["succeeded"] != 6 || found.Outcomes["failed"] != 4 {
		t.Errorf("found %+v", found)
	}
}

// TestSecondFaultsComeAfterTheFirst, each pair once.
func TestSecondFaultsComeAfterTheFirst(t *testing.T) {
	var ids []string
	explore(t, simulate.Explorer{Depth: 2, Setup: toySetup(t),
		Runner: noted{toy{t: t, steps: []string{"street.light a", "street.look a"}, bold: true}, &ids}})
	pairs := 0
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			t.Errorf("%s is tried twice", id)
		}
		if first, second, pair := strings.Cut(id, ","); pair {
			pairs++
			if !strings.HasPrefix(first, "1:") || !strings.HasPrefix(second, "2:") {
				t.Errorf("%s is tried", id)
			}
		}
	}
	if pairs != 20 {
		t.Errorf("%d pairs are tried", pairs)
	}
}

// lamplight is an invariant of the toy module: lamp a is on in the end.
func lamplight() effect.Invariant {
	return effect.Invariant{Name: "the street is lit", End: func(v *effect.View, _ effect.Ending) string {
		if v.State("street")["a"] == true {
			return ""
		}
		return "a is off"
	}}
}

func TestABrokenInvariantIsFound(t *testing.T) {
	found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a"}}, Setup: toySetup(t, lamplight())})
	if found.Broken != 1 || len(found.Failures) != 1 || found.Failures[0].Schedule.String() != "1:refused" ||
		found.Failures[0].Broken[0].Message != "a is off" || found.Blocked != nil {
		t.Errorf("found %+v", found.Failures)
	}
	line := found.Failures[0].Timeline()
	if len(line) != 1 || line[0].Fault != simulate.Refused || line[0].Op != "street.light" {
		t.Errorf("the timeline is %+v", line)
	}
}

// TestAnInvariantThatCannotBeAskedIsBroken: nobody knows whether it holds.
func TestAnInvariantThatCannotBeAskedIsBroken(t *testing.T) {
	bad := func(*effect.View, effect.Occurrence) string { return []string{}[len("x")] }
	found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a"}},
		Setup: toySetup(t, effect.Invariant{Name: "bad", After: bad})})
	if found.Broken == 0 || !contains(found.Failures[0].Broken[0].Message, "could not be evaluated") {
		t.Errorf("found %+v", found.Failures)
	}
}

// TestTheRunWithoutAFaultHasToSucceed, unless somebody made the world such that
// it does not.
func TestTheRunWithoutAFaultHasToSucceed(t *testing.T) {
	failing := simulate.Explorer{Runner: toy{t: t, steps: []string{"street.burn a"}}, Setup: toySetup(t)}
	found := explore(t, failing)
	if found.Broken != 1 || found.Failures[0].Schedule.String() != "none" || found.Failures[0].Broken[0].Invariant != "the run succeeds where nothing fails" ||
		!contains(found.Failures[0].Broken[0].Message, "out of oil") || found.Blocked != nil || found.Schedules == 1 {
		t.Errorf("found %+v of %d", found.Failures, found.Schedules)
	}
	if again, err := failing.Try(t.Context(), nil); err != nil || !reflect.DeepEqual(again.Broken, found.Failures[0].Broken) {
		t.Errorf("tried again it breaks %v: %v", again.Broken, err)
	}
	failing.Scripted = true
	if found := explore(t, failing); found.Broken != 0 || found.Baseline.Ending.Status != effect.StatusFailed {
		t.Errorf("in a scenario: found %+v", found.Failures)
	}
	hurried := simulate.Explorer{Runner: toy{t: t, steps: []string{"street.slow a"}}, Setup: toySetup(t), Scripted: true}
	if found := explore(t, hurried); found.Broken == 0 || !contains(found.Failures[0].Broken[0].Message, "street.slow at toy:1: it takes 1h in the simulated world, and has 1m") {
		t.Errorf("in a scenario, without the time that it takes: found %+v", found.Failures)
	}
	failing.Scripted = false
	failing.Base = simulate.Schedule{{Place: "1", Kind: simulate.Refused}}
	if found := explore(t, failing); found.Broken != 0 {
		t.Errorf("with a fault from the beginning: found %+v", found.Failures)
	}
}

// TestNothingIsLearnedFromARunThatIsCutShort: that is said, in a scenario too,
// and no more is tried.
func TestNothingIsLearnedFromARunThatIsCutShort(t *testing.T) {
	endless := slices.Repeat([]string{"street.look a"}, 20001)
	for name, c := range map[string]struct {
		runner simulate.Runner
		want   string
	}{
		"cannot be simulated": {toy{t: t, steps: []string{"street.light a", "moon.shine"}}, "moon.shine cannot be simulated"},
		"never ends":          {toy{t: t, steps: endless}, "street.look at toy:20001 is effect number 20001"},
		"exhausted":           {tired{}, "x.lua:3: it computed too long"},
		"never done":          {idler{}, "stays waiting"},
	} {
		found := explore(t, simulate.Explorer{Runner: c.runner, Setup: toySetup(t), Scripted: true})
		if found.Schedules != 1 || found.Broken != 1 || found.Blocked == nil || !contains(found.Failures[0].Broken[0].Message, c.want) {
			t.Errorf("%s: found %+v, blocked by %v", name, found.Failures, found.Blocked)
		}
	}
}

// tired is the Runner of a script that took too much to compute.
type tired struct{}

func (tired) Rehearse(context.Context, *simulate.World, simulate.Schedule) (simulate.Ending, error) {
	return simulate.Ending{Status: effect.StatusFailed, Err: &effect.Stop{Cause: effect.Exhausted, Err: errors.New("x.lua:3: it computed too long")}}, nil
}

// idler is the Runner of a run that waits for ever.
type idler struct{}

func (idler) Rehearse(context.Context, *simulate.World, simulate.Schedule) (simulate.Ending, error) {
	return simulate.Ending{Status: effect.StatusWaiting}, nil
}

// TestWhatWasNotLookedAtIsSaid, also where the run went on without it.
func TestWhatWasNotLookedAtIsSaid(t *testing.T) {
	found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"moon.shine", "street.assume a", "street.burn a", "street.light a"}, bold: true}, Setup: toySetup(t)})
	same(t, "not simulated", found.Unseen, []string{"moon.shine"})
	if found.Opaque != 1 || found.Writes != 2 || found.Blocked != nil {
		t.Errorf("%d of %d writes are opaque", found.Opaque, found.Writes)
	}
}

func TestALimitIsSaid(t *testing.T) {
	found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a"}}, Setup: toySetup(t), Limit: 3})
	if found.Schedules != 3 || found.Left.Why != "limit" || found.Left.Schedules != 3 {
		t.Errorf("%d schedules, left: %+v", found.Schedules, found.Left)
	}
}

// TestFaultsThatCannotStrikeAreSaid: the run never comes there.
func TestFaultsThatCannotStrikeAreSaid(t *testing.T) {
	e := simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a"}}, Setup: toySetup(t)}
	s := simulate.Schedule{{Place: "1", Kind: simulate.TimedOut}, {Place: "9", Kind: simulate.Refused}}
	trial, err := e.Try(t.Context(), s)
	if err != nil || len(trial.Missed) != 1 || trial.Missed[0].Fault != s[1] || trial.Missed[0].Unfit {
		t.Errorf("missed %v: %v", trial.Missed, err)
	}
}

// TestASchedulePlaysTheSameAgain: whatever the run and the faults are, the same
// schedule gives the same world, and so does reading it from its id.
func TestASchedulePlaysTheSameAgain(t *testing.T) {
	ops := []string{"street.light", "street.toggle", "street.look", "street.assume", "street.slow", "street.burn"}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := toy{t: t, bold: random.IntN(2) == 0}
		for range 1 + random.IntN(6) {
			r.steps = append(r.steps, ops[random.IntN(len(ops))]+" "+[]string{"a", "b"}[random.IntN(2)])
		}
		setup := toySetup(t, lamplight())
		e := simulate.Explorer{Runner: r, Setup: setup}
		base, err := e.Try(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var s simulate.Schedule
		for _, entry := range base.Entries {
			op, _ := setup.Catalog.Op(entry.Op)
			kinds := simulate.Faults(effect.Call{Op: op, Class: op.Class}, setup.Catalog)
			if random.IntN(2) == 0 {
				s = append(s, simulate.Fault{Place: entry.Place, Kind: kinds[random.IntN(len(kinds))]})
			}
		}
		first, err := e.Try(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := simulate.ParseSchedule(s.String(), setup.Catalog)
		if err != nil {
			t.Fatal(err)
		}
		second, err := e.Try(t.Context(), back)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(first.Timeline(), second.Timeline()) || !reflect.DeepEqual(first.Broken, second.Broken) ||
			!reflect.DeepEqual(first.Ending.Events, second.Ending.Events) || first.Took != second.Took {
			t.Fatalf("seed %d: %v under %s is\n%s\nand then\n%s", seed, r.steps, s, strings.Join(told(first.Entries), "\n"), strings.Join(told(second.Entries), "\n"))
		}
	}
}

// TestWorkersFindTheSame, however many there are.
func TestWorkersFindTheSame(t *testing.T) {
	var first *simulate.Explored
	for _, workers := range []int{1, 2, 8} {
		found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.toggle a", "street.light b", "street.look a"}, bold: true},
			Setup: toySetup(t, lamplight()), Depth: 2, Workers: workers})
		found.Wall = 0
		if first == nil {
			first = found
		} else if found.Schedules != first.Schedules || !reflect.DeepEqual(found.Outcomes, first.Outcomes) || !reflect.DeepEqual(ids(found), ids(first)) {
			t.Errorf("%d workers found %v, one found %v", workers, found.Outcomes, first.Outcomes)
		}
	}
}

func ids(x *simulate.Explored) []string {
	var out []string
	for _, f := range x.Failures {
		out = append(out, f.Schedule.String())
	}
	return out
}
