package simulate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// PairRunner carries two runs out at once, each in its own view of one world.
type PairRunner interface {
	// Together lets each run begin so long after the world does; one whose time is
	// negative does not run. Where a run's locks are taken it ends with a
	// *HeldError.
	Together(ctx context.Context, worlds [2]*World, begin [2]time.Duration) ([2]Ending, error)
}

// HeldError is how a run ends that does not begin, for the other one has a lock.
type HeldError struct{ Lock string }

// Error names the lock.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the lock %s is held by the other run", e.Lock)
}

// AloneError says why nothing can be learned from two runs together: one of them
// cannot be simulated, or comes to no end, alone.
type AloneError struct {
	Run int // 0 or 1
	Err error
}

// Error says which run, and why.
func (e *AloneError) Error() string {
	return fmt.Sprintf("the %s run alone: %v", [2]string{"first", "second"}[e.Run], e.Err)
}

// Unwrap returns why.
func (e *AloneError) Unwrap() error { return e.Err }

// Serial is the invariant that a pair of runs has to hold: what they leave is
// what they leave one after the other, in one of the two orders.
const Serial = "two runs at once leave what one after the other leaves"

// PairExplorer lets two runs take place at once, the second so long after the
// first that the effects of the two that touch the same come in another order
// each time. Orders that differ in effects alone that do not touch each other are
// one (a partial-order reduction): what effects touch is what they did in the
// trials so far.
type PairExplorer struct {
	Runner PairRunner
	Setup  Setup
	Locks  []string // that both take: one run keeps the other from beginning
	// Workers, Limit, Within and Progress are as those of Explorer.
	Workers  int
	Limit    int
	Within   time.Duration
	Progress func(done, known int)
}

// PairTrial is what two runs came to.
type PairTrial struct {
	// After is how long after the first run the second one begins; the first is
	// the later one where it is negative.
	After    time.Duration
	Endings  [2]Ending
	Entries  [2][]Entry
	Broken   []Violation
	Accepted []Violation // findings that a runbook accepts
	Took     time.Duration
	meets    [2]map[effect.Place]bool // effects that touch what some effect of the other run does
	begin    [2]time.Duration         // negative: it did not run
	then     [2]*PairTrial            // each run alone, begun when it was; nil where that says nothing
	apart    bool                     // what both changed was not compared
	world    *World
	left     remains
}

// Paired is what an exploration of two runs found.
type Paired struct {
	Orders    int // that were tried
	Conflicts int // pairs of effects that touch the same
	Outcomes  map[string]int
	Failures  []PairTrial // one for each way to break something: that in which they begin closest to each other
	Broken    int
	Accepted  []int       // by acceptance of the Setup: orders with a finding that it covers
	Apart     int         // orders in which what both change was not compared: they end otherwise at another time, so that no order says what it ought to be
	Opaque    int         // writes of both, alone, of which nobody said what they change
	Blocked   *AloneError // why no order was tried; nil if they were
	Left      int         // orders that were known and not tried
	Why       string
	Wall      time.Duration
}

// Ends names how both runs ended.
func (t *PairTrial) Ends() string {
	return "first " + told(t.Endings[0]) + ", second " + told(t.Endings[1])
}

// Outcome names how a trial came out, so that like ones can be counted.
func (t *PairTrial) Outcome() string {
	text := t.Ends()
	for _, v := range t.Broken {
		text += ", broken: " + v.Invariant
	}
	return text
}

func told(e Ending) string {
	var held *HeldError
	if errors.As(e.Err, &held) {
		return "refused (lock " + held.Lock + ")"
	}
	return string(e.Status)
}

// Explore tries all orders of what touches the same, as far as sliding the runs
// against each other brings them about. The result does not depend on the number
// of workers.
func (e *PairExplorer) Explore(ctx context.Context) (*Paired, error) {
	began := time.Now()
	timed, cancel := ctx, context.CancelFunc(func() {})
	if e.Within > 0 {
		timed, cancel = context.WithDeadlineCause(ctx, began.Add(e.Within), errTime)
	}
	defer cancel()
	x := &Paired{Outcomes: map[string]int{}, Accepted: make([]int, len(e.Setup.Accepts))}
	ref, err := e.reference(ctx)
	if err != nil {
		return nil, err
	}
	for i := range ref.alone {
		n, _ := opaque(ref.alone[i].Entries[i])
		x.Opaque += n
	}
	if x.Blocked = ref.blocked(); x.Blocked == nil {
		err = e.orders(timed, x, ref)
	}
	x.Wall = time.Since(began)
	return x, err
}

// Reproduce tries one order and holds it against what the runs leave one after
// the other.
func (e *PairExplorer) Reproduce(ctx context.Context, after time.Duration) (PairTrial, error) {
	ref, err := e.reference(ctx)
	if err != nil {
		return PairTrial{}, err
	}
	if blocked := ref.blocked(); blocked != nil {
		return PairTrial{}, blocked
	}
	t, err := e.beside(ctx, after, ref)
	if err != nil {
		return PairTrial{}, err
	}
	known := newCrossings(ref)
	known.add(&t)
	ref.judge(&t)
	t.meets = known.places()
	return t, nil
}

// orders tries orders until none is known that was not tried.
func (e *PairExplorer) orders(ctx context.Context, x *Paired, ref *reference) error {
	known := newCrossings(ref)
	first := map[string]PairTrial{}
	for {
		round := known.untried()
		if len(e.Locks) > 0 {
			round = ref.oneOfEach(known)
		}
		if room := e.Limit - x.Orders; e.Limit > 0 && len(round) > room {
			x.Why, x.Left = "limit", len(round)-max(room, 0)
			round = spread(round, max(room, 0))
		}
		trials := make([]PairTrial, len(round))
		done, err := e.all(ctx, len(round), x.Orders, func(i int) (err error) {
			trials[i], err = e.beside(ctx, round[i], ref)
			return err
		})
		if err != nil {
			return err
		}
		for i := range trials {
			if !done[i] {
				x.Left++
				continue
			}
			t := trials[i]
			known.add(&t)
			ref.judge(&t)
			x.Orders++
			if t.apart {
				x.Apart++
			}
			x.Outcomes[t.Outcome()]++
			if len(t.Broken) > 0 {
				x.Broken++
			}
			for i := range e.Setup.Accepts {
				if slices.ContainsFunc(t.Accepted, func(v Violation) bool { return e.Setup.accepts(v) == i }) {
					x.Accepted[i]++
				}
			}
			for _, v := range t.Broken {
				if was, found := first[v.Invariant]; !found || closer(t.After, was.After) {
					first[v.Invariant] = t
				}
			}
		}
		if ctx.Err() != nil {
			x.Why = "interrupted"
			if errors.Is(context.Cause(ctx), errTime) {
				x.Why = "time"
			}
		}
		if x.Why != "" || len(round) == 0 {
			break
		}
	}
	x.Conflicts = len(known.pairs)
	x.Failures = failuresOf(first)
	for i := range x.Failures {
		x.Failures[i].meets = known.places()
	}
	return nil
}

// failuresOf returns each trial of the first ones once, those whose runs begin
// closest to each other first.
func failuresOf(first map[string]PairTrial) []PairTrial {
	var list []PairTrial
	for _, t := range first {
		if !slices.ContainsFunc(list, func(o PairTrial) bool { return o.After == t.After }) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b PairTrial) int {
		if closer(a.After, b.After) {
			return -1
		}
		return 1
	})
	return list
}

// closer reports whether runs that begin a apart begin closer to each other than
// those that begin b apart.
func closer(a, b time.Duration) bool {
	if a.Abs() != b.Abs() {
		return a.Abs() < b.Abs()
	}
	return a > b
}

// spread returns n of a list, one of each stretch of equal length.
func spread(list []time.Duration, n int) []time.Duration {
	kept := make([]time.Duration, 0, n)
	for i, d := range list {
		if len(kept) < n && i*n/len(list) == len(kept) {
			kept = append(kept, d)
		}
	}
	return kept
}

// beside lets the second run begin so long after the first. A run that then ends
// otherwise than alone is carried out alone once more, at the time when it began.
func (e *PairExplorer) beside(ctx context.Context, after time.Duration, ref *reference) (PairTrial, error) {
	t, err := e.run(ctx, after, 0, [2]time.Duration{max(-after, 0), max(after, 0)})
	for i := range t.then {
		var held *HeldError
		if err != nil || t.begin[i] == 0 || t.Endings[i].Status == ref.ending(i) || errors.As(t.Endings[i].Err, &held) {
			continue
		}
		var then PairTrial
		if then, err = e.one(ctx, i, t.begin[i]); err == nil {
			t.then[i] = &then
		}
	}
	return t, err
}

// run carries the runs out from so long before the start of the world.
func (e *PairExplorer) run(ctx context.Context, after, early time.Duration, begin [2]time.Duration) (PairTrial, error) {
	w := NewWorld(e.Setup)
	w.timeline.Skip(-early)
	worlds := [2]*World{w, w.Beside()}
	ends, err := e.Runner.Together(ctx, worlds, begin)
	if err != nil {
		return PairTrial{}, err
	}
	t := PairTrial{After: after, Endings: ends, begin: begin, world: w, Took: w.timeline.Now().Sub(e.Setup.Start) + early}
	for i, view := range worlds {
		t.Entries[i] = view.Entries()
		t.Accepted = append(t.Accepted, view.Accepted()...)
		for _, v := range view.Violations() {
			if !slices.ContainsFunc(t.Broken, func(o Violation) bool { return o.Invariant == v.Invariant }) {
				t.Broken = append(t.Broken, v)
			}
		}
	}
	return t, nil
}

// all calls try for each number on the workers. done says which came to an end;
// where ctx ended these are not all.
func (e *PairExplorer) all(ctx context.Context, n, before int, try func(i int) error) (done []bool, err error) {
	done = make([]bool, n)
	errs := make([]error, n)
	var group sync.WaitGroup
	var at atomic.Int64
	for range max(e.Workers, 1) {
		group.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				if e.Progress != nil && i%64 == 0 {
					e.Progress(before+i, before+n)
				}
				errs[i] = try(i)
				done[i] = ctx.Err() == nil && errs[i] == nil // what was cut short tells nothing
			}
		})
	}
	group.Wait()
	if ctx.Err() != nil {
		return done, nil
	}
	return done, errors.Join(errs...)
}

// PairFact is one effect of two runs' timeline.
type PairFact struct {
	Run int // 1 or 2
	Entry
}

// Timeline returns, in order, what both runs did to the world, what failed, and
// what they read that the other one changes: of equal reads between two changes the
// last, on which the run acted.
func (t *PairTrial) Timeline() []PairFact {
	var list []PairFact
	for i, entries := range t.Entries {
		read := map[string]int{} // by call: where it stands in list
		var again []int
		for _, entry := range entries {
			switch {
			case entry.Class.Writes():
				clear(read)
			case !t.meets[i][entry.Place] && entry.Err == nil:
				continue
			default:
				call := fmt.Sprint(entry.Op, entry.Args, entry.Where, entry.Err != nil)
				if at, seen := read[call]; seen {
					again = append(again, at)
				}
				read[call] = len(list)
			}
			list = append(list, PairFact{i + 1, entry})
		}
		for _, at := range slices.Backward(again) {
			list = slices.Delete(list, at, at+1)
		}
	}
	slices.SortStableFunc(list, func(a, b PairFact) int { return a.At.Compare(b.At) })
	return list
}

// Fact is the effect for machines.
func (f PairFact) Fact(t *PairTrial) TimedFact {
	return TimedFact{seconds(f.At.Sub(t.world.setup.Start)), f.Place, f.Op, f.Where, f.Predictions(), f.Err, f.Fault}
}

// Line is the effect in a line: what it was, and what it changed.
func (f PairFact) Line() string {
	text := f.Op
	if f.Where != (effect.Position{}) {
		text += " at " + f.Where.String()
	}
	if f.Err != nil {
		return text + ": " + f.Err.Message
	}
	var changes []string
	for _, c := range f.Changes {
		changes = append(changes, c.String())
	}
	if len(changes) > 0 {
		text += ": " + strings.Join(changes, ", ")
	}
	return text
}
