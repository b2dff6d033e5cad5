package simulate

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Runner carries a run from its start to its end in a world: it resumes it
// after each crash, answers for the operator, and tries a failed rollback once
// more.
type Runner interface {
	Rehearse(ctx context.Context, w *World, s Schedule) (Ending, error)
}

const (
	// DefaultLimit and DefaultWithin bound an exploration for those who set no
	// bound themselves.
	DefaultLimit  = 100_000          // schedules
	DefaultWithin = 10 * time.Minute // of the wall clock
)

// Explorer runs a script under many schedules.
type Explorer struct {
	Runner Runner
	Setup  Setup
	// Base holds faults that strike in every schedule, as a scenario has them.
	Base  Schedule
	Depth int // faults in one schedule beside those of Base, at most; 1 or 2
	// Faults says which kinds are tried.
	Faults Choice
	// Scripted says that a scenario made the world, in which it may be right
	// that the run does not succeed.
	Scripted bool
	// Alike lets one schedule stand for others that are like it: see Explored.
	Alike   bool
	Workers int
	// Limit bounds the schedules; zero means no bound. Where there are more,
	// those that are tried lie spread over all that there are.
	Limit int
	// Within bounds the time that exploring takes; zero means no bound. What it
	// cuts off differs from one machine to another.
	Within time.Duration
	// FromStart runs each schedule from the beginning, also where it could go on
	// from the run without a fault.
	FromStart bool
	// Progress, if set, is told how far it is.
	Progress func(done, known int)

	film Film          // of the run without a fault; nil if there is none
	rare map[Kind]bool // the kinds that are tried only where somebody asks
	// other are the faults by which reads of the run without one can be answered
	// otherwise, by place.
	other map[effect.Place][]Kind
}

// Explored is what an exploration found.
type Explored struct {
	Schedules int // that were tried
	// Alike counts those that were not tried because the ones at both ends of a
	// stretch of equal reads led to the same.
	Alike    int
	Outcomes map[string]int // how many schedules ended like this
	Worst    Trial          // the longest recovery
	Failures []Trial        // schedules that broke an invariant: shortest first, one for each way to break it
	Broken   int            // schedules that broke one
	Accepted []int          // by acceptance of the Setup: schedules with a finding that it covers
	Baseline Trial          // without a fault
	// Blocked says why nothing but the baseline was tried; nil if it was.
	Blocked error
	// Unseen names the ops that some schedule came to and that could not be
	// simulated: what follows from them was not looked at.
	Unseen []string
	// Writes are what the baseline changes, outside the engine. Opaque are
	// those of them of which nobody said what they change.
	Writes, Opaque int
	// Left says what was not explored.
	Left Left
	Wall time.Duration
}

// Left is what an exploration did not come to.
type Left struct {
	// Schedules counts those that were known and not tried.
	Schedules int
	// First is the first of them.
	First Schedule
	// Pairs says that no second fault was tried, though Depth asks for it.
	Pairs bool
	// Why is "limit", "time" or "interrupted"; empty if nothing is left.
	Why string
}

// String says in words what was not explored; empty if everything was.
func (l Left) String() string {
	if l.Why == "" {
		return ""
	}
	text := fmt.Sprintf("%d more were not", l.Schedules)
	if len(l.First) > 0 {
		text += fmt.Sprintf(" (the first is %s)", l.First)
	}
	if l.Pairs {
		text += ", nor any further pair of faults"
	}
	return text
}

// Explore runs the script without a fault, then with one fault at every
// effect, then, with Depth 2, with a second one at every effect that came
// after. Where only a fault leads to a rollback, each rollback that comes about
// is struck at each of its effects too, whatever Depth says. The result does not depend on the number of workers. Where ctx ends,
// what was found until then comes back, and Left says so.
func (e *Explorer) Explore(ctx context.Context) (*Explored, error) {
	began := time.Now()
	base, err := e.undisturbed(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range base.Missed {
		if m.Unfit { // what the run does not come to, a further fault may lead to
			return nil, fmt.Errorf("fault %s:%s, which is to strike in every schedule: %s", m.Place, m.Kind, m.Why)
		}
	}
	t := newTally(&base, e.Limit, &e.Setup)
	t.out.Opaque, t.out.Writes = opaque(base.Entries)
	back := rollbacks{}
	back.add(-1, &base, nil) // its own rollback is struck by single faults
	if t.out.Blocked = dead(&base); t.out.Blocked == nil {
		timed, cancel := ctx, context.CancelFunc(func() {})
		if e.Within > 0 {
			timed, cancel = context.WithDeadlineCause(ctx, began.Add(e.Within), errTime)
		}
		defer cancel()
		if err := e.shoot(ctx, &base); err != nil {
			return nil, err
		}
		if e.Alike {
			err = e.sampled(timed, t, &base, back)
		} else {
			err = e.levels(timed, t, e.next(base), back)
		}
		if err != nil {
			return nil, err
		}
	}
	out := t.explored()
	out.Wall = time.Since(began)
	return out, nil
}

// maxMoments bounds what is kept of the run without a fault.
const maxMoments = 512

// shoot films the run without a fault before the effects that are struck first.
func (e *Explorer) shoot(ctx context.Context, base *Trial) error {
	e.film = nil
	filmer, can := e.Runner.(Filmer)
	if !can || e.FromStart || len(e.Base) > 0 {
		return nil
	}
	var places []effect.Place
	if e.Alike {
		for _, p := range picksOf(e.stretches(base)) {
			places = append(places, p.of.places[p.at])
		}
	} else {
		for _, call := range e.after(base) {
			places = append(places, call.Place)
		}
	}
	at := map[effect.Place]bool{}
	for i, p := range places {
		at[p] = at[p] || i%(len(places)/maxMoments+1) == 0
	}
	var err error
	e.film, err = filmer.Film(ctx, NewWorld(e.Setup), func(p effect.Place) bool { return at[p] })
	return err
}

// Reproduce runs one schedule as Explore does: what happens without its faults
// is known to the invariants.
func (e *Explorer) Reproduce(ctx context.Context, s Schedule) (Trial, error) {
	if slices.Equal(s, e.Base) {
		return e.undisturbed(ctx)
	}
	if len(s) > len(e.Base) {
		if base, err := e.undisturbed(ctx); err != nil {
			return base, err
		}
	}
	return e.Try(ctx, s)
}

// levels tries single faults, and what grows from them.
func (e *Explorer) levels(ctx context.Context, t *tally, schedules []Schedule, back rollbacks) error {
	deepest := max(e.Depth, 1)
	for depth := 1; depth <= deepest; depth++ {
		schedules = t.admit(schedules)
		grown := newGrowth(len(schedules), e.Limit)
		done, err := e.all(ctx, schedules, t.out.Schedules, func(i int, trial Trial) {
			if depth < deepest {
				grown.add(i, e.next(trial))
			} else if depth == 1 {
				back.add(i, &trial, e.back(trial))
			}
			trial.effects = nil
			t.count(trial, t.base+i)
		})
		if err != nil {
			return err
		}
		t.base += len(schedules)
		if ctx.Err() != nil {
			t.cut(ctx, schedules, done, depth < deepest)
			return nil
		}
		t.out.Left.Schedules += grown.dropped()
		schedules = grown.all()
		if depth == 1 && deepest == 1 {
			return e.rollbacks(ctx, t, back.all())
		}
	}
	return nil
}

// rollbacks tries what strikes rollbacks.
func (e *Explorer) rollbacks(ctx context.Context, t *tally, schedules []Schedule) error {
	schedules = t.admit(schedules)
	done, err := e.all(ctx, schedules, t.out.Schedules, func(i int, trial Trial) {
		trial.effects, trial.Recovery = nil, 0 // how long two faults make it take is for Depth to ask
		t.count(trial, t.base+i)
	})
	if err == nil && ctx.Err() != nil {
		t.cut(ctx, schedules, done, false)
	}
	return err
}

// next returns the schedules that have one fault more than the trial's, at an
// effect that it came to after its last one.
func (e *Explorer) next(t Trial) []Schedule {
	return e.grow(t, func(effect.Place) bool { return true })
}

// back is next with the effects of a rollback alone.
func (e *Explorer) back(t Trial) []Schedule { return e.grow(t, effect.Place.InRollback) }

// grow is next with the effects at some places.
func (e *Explorer) grow(t Trial, at func(effect.Place) bool) []Schedule {
	var out []Schedule
	for _, call := range e.after(&t) {
		if !at(call.Place) {
			continue
		}
		for _, kind := range e.kinds(call) {
			out = append(out, append(t.Schedule[:len(t.Schedule):len(t.Schedule)], Fault{call.Place, kind}))
		}
	}
	return out
}

// kinds returns the faults that are tried at an effect.
func (e *Explorer) kinds(call effect.Call) []Kind {
	if e.rare == nil {
		e.rare = rareKinds(e.Setup.Catalog)
	}
	kinds := Faults(call, e.Setup.Catalog)
	return e.Faults.among(append(kinds, e.other[call.Place]...), e.rare)
}

// after returns the effects that a further fault can strike: those that the
// trial came to after its last one. After StillGoing there are none: the run is held
// against what that one leads to.
func (e *Explorer) after(t *Trial) []effect.Call {
	from := 0
	if n := len(t.Schedule); n > len(e.Base) {
		if t.Schedule[n-1].Kind == StillGoing {
			return nil
		}
		last := t.Schedule[n-1].Place
		from = len(t.effects)
		for i, call := range t.effects {
			if call.Place == last {
				from = i + 1
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(t.effects[from:]), func(call effect.Call) bool {
		return slices.ContainsFunc(t.Schedule, func(f Fault) bool { return f.Place == call.Place })
	})
}

// all tries schedules on the workers and hands over what they led to, in any
// order and from one goroutine at a time. done says which were tried; where ctx
// ended these are not all.
func (e *Explorer) all(ctx context.Context, schedules []Schedule, before int, take func(i int, t Trial)) (done []bool, err error) {
	done = make([]bool, len(schedules))
	failed := len(schedules) // the first that could not be tried
	var mu sync.Mutex
	var group sync.WaitGroup
	var at atomic.Int64
	for range max(e.Workers, 1) {
		group.Go(func() {
			for {
				i := int(at.Add(1)) - 1
				if i >= len(schedules) || ctx.Err() != nil {
					return
				}
				if e.Progress != nil && i%64 == 0 {
					e.Progress(before+i, before+len(schedules))
				}
				t, tryErr := e.Try(ctx, schedules[i])
				mu.Lock()
				switch {
				case ctx.Err() != nil: // cut short: it tells nothing
				case tryErr == nil:
					done[i] = true
					take(i, t)
				case i < failed:
					failed, err = i, fmt.Errorf("schedule %s: %w", schedules[i], tryErr)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return done, err
}
