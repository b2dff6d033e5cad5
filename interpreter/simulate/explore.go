package simulate

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Runner carries a run from its start to its end in a world: it resumes it
// after each crash, answers for the operator, and tries a failed rollback once
// more.
type Runner interface {
	Rehearse(ctx context.Context, w *World, s Schedule) (Ending, error)
}

// Explorer runs a script under many schedules.
type Explorer struct {
	Runner Runner
	Setup  Setup
	// Base holds faults that strike in every schedule, as a scenario has them.
	Base    Schedule
	Depth   int // faults in one schedule beside those of Base, at most; 1 or 2
	Workers int
	// Limit bounds the schedules; zero means no bound.
	Limit int
	// Progress, if set, is told how far it is.
	Progress func(done, known int)
}

// Trial is what one schedule led to.
type Trial struct {
	Schedule Schedule
	Ending   Ending
	Broken   []Violation
	// Recovery is how long the rollback took, from its start to the end of the
	// run, crashes and resumes included; zero without one.
	Recovery time.Duration
	Took     time.Duration // virtual, of the whole run
	// Missed holds the faults that never struck: the run did not come there.
	Missed  []Fault
	Entries []Entry
	effects []effect.Call
}

// Explored is what an exploration found.
type Explored struct {
	Schedules int
	Outcomes  map[string]int // how many schedules ended like this
	Worst     Trial          // the longest recovery
	Failures  []Trial        // schedules that broke an invariant: shortest first, one for each way to break it
	Broken    int            // schedules that broke one
	Baseline  Trial          // without a fault
	Truncated bool           // Limit was reached
	Wall      time.Duration
}

// Explore runs the script without a fault, then with one fault at every
// effect, then, with Depth 2, with a second one at every effect that came
// after. The result does not depend on the number of workers.
func (e *Explorer) Explore(ctx context.Context) (*Explored, error) {
	began := time.Now()
	base, err := e.Try(ctx, e.Base)
	if err != nil {
		return nil, err
	}
	out := &Explored{Outcomes: map[string]int{}, Baseline: base}
	trials := []Trial{base}
	level := []Trial{base}
	known := 1
	for depth := 1; depth <= max(e.Depth, 1); depth++ {
		var schedules []Schedule
		for _, t := range level {
			schedules = append(schedules, e.next(t)...)
		}
		if e.Limit > 0 && known+len(schedules) > e.Limit {
			schedules, out.Truncated = schedules[:max(e.Limit-known, 0)], true
		}
		known += len(schedules)
		if level, err = e.all(ctx, schedules, len(trials), known, depth == max(e.Depth, 1)); err != nil {
			return nil, err
		}
		trials = append(trials, level...)
	}
	out.collect(trials)
	out.Wall = time.Since(began)
	return out, nil
}

// next returns the schedules that have one fault more than the trial's, at an
// effect that it came to after its last one.
func (e *Explorer) next(t Trial) []Schedule {
	from := 0
	if n := len(t.Schedule); n > len(e.Base) {
		last := t.Schedule[n-1].Place
		from = len(t.effects)
		for i, call := range t.effects {
			if call.Place == last {
				from = i + 1
			}
		}
	}
	var out []Schedule
	for _, call := range t.effects[from:] {
		if slices.ContainsFunc(t.Schedule, func(f Fault) bool { return f.Place == call.Place }) {
			continue
		}
		for _, kind := range Faults(call) {
			out = append(out, append(t.Schedule[:len(t.Schedule):len(t.Schedule)], Fault{call.Place, kind}))
		}
	}
	return out
}

// all tries schedules on the workers; the trials come back in the schedules'
// order.
func (e *Explorer) all(ctx context.Context, schedules []Schedule, done, known int, last bool) ([]Trial, error) {
	trials := make([]Trial, len(schedules))
	errs := make([]error, len(schedules))
	var mu sync.Mutex
	var group sync.WaitGroup
	at := 0
	for range max(e.Workers, 1) {
		group.Go(func() {
			for {
				mu.Lock()
				i := at
				at++
				if e.Progress != nil && i < len(schedules) && i%64 == 0 {
					e.Progress(done+i, known)
				}
				mu.Unlock()
				if i >= len(schedules) || ctx.Err() != nil {
					return
				}
				trials[i], errs[i] = e.Try(ctx, schedules[i])
				if last { // nothing grows from it: what is not shown is let go
					trials[i].effects = nil
					if len(trials[i].Broken) == 0 {
						trials[i].Entries, trials[i].Ending.Events = nil, nil
					}
				}
			}
		})
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("schedule %s: %w", schedules[i], err)
		}
	}
	return trials, nil
}

// Try runs the script under one schedule.
func (e *Explorer) Try(ctx context.Context, s Schedule) (Trial, error) {
	w := NewWorld(e.Setup)
	end, err := e.Runner.Rehearse(ctx, w, s)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Schedule: s, Ending: end, Broken: w.End(end), Entries: w.Entries(), effects: w.Effects(),
		Took: w.timeline.Now().Sub(e.Setup.Start)}
	t.Recovery = recovery(end.Events)
	for _, f := range s {
		if w.faults[f.Place] == "" {
			t.Missed = append(t.Missed, f)
		}
	}
	return t, nil
}

// recovery is the time from the first rollback's start to the end.
func recovery(events []effect.Event) time.Duration {
	for _, ev := range events {
		if ev.Kind == effect.RollbackStarted {
			return events[len(events)-1].At.Sub(ev.At)
		}
	}
	return 0
}

// Outcome names how a trial came out, so that like ones can be counted.
func (t *Trial) Outcome() string {
	text := string(t.Ending.Status)
	if len(t.Broken) > 0 {
		var names []string
		for _, v := range t.Broken {
			names = append(names, v.Invariant)
		}
		text += ", broken: " + strings.Join(names, "; ")
	}
	return text
}

func (x *Explored) collect(trials []Trial) {
	x.Schedules = len(trials)
	first := map[string]int{}
	for i := range trials {
		t := &trials[i]
		outcome := t.Outcome()
		x.Outcomes[outcome]++
		if t.Recovery > x.Worst.Recovery {
			x.Worst = *t
		}
		if len(t.Broken) == 0 {
			continue
		}
		x.Broken++
		for _, v := range t.Broken {
			if _, seen := first[v.Invariant]; !seen {
				first[v.Invariant] = i
			}
		}
	}
	var shown []int
	for _, i := range first {
		shown = append(shown, i)
	}
	sort.Ints(shown)
	for n, i := range shown {
		if n == 0 || shown[n-1] != i {
			x.Failures = append(x.Failures, trials[i])
		}
	}
}

// TimedFact is one effect of a trial's timeline, for machines.
type TimedFact struct {
	At     float64         `json:"at"` // when it ended, in seconds since the start
	Place  string          `json:"place"`
	Op     string          `json:"op"`
	Where  effect.Position `json:"where,omitzero"`
	Change []effect.Change `json:"changes,omitempty"`
	Error  *effect.Error   `json:"error,omitempty"`
	Fault  Kind            `json:"fault,omitempty"`
}

// Timeline returns what the world saw in the trial, in order.
func (t *Trial) Timeline() []TimedFact {
	list := []TimedFact{}
	if len(t.Ending.Events) == 0 {
		return list
	}
	start := t.Ending.Events[0].At
	for _, e := range t.Entries {
		list = append(list, TimedFact{seconds(e.At.Sub(start)), e.Place, e.Op, e.Where, e.Changes, e.Err, e.Fault})
	}
	return list
}
