package simulate

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Trial is what one schedule led to.
type Trial struct {
	Schedule Schedule
	Ending   Ending
	Broken   []Violation
	Accepted []Violation // findings that the runbook accepts
	// Recovery is how long the rollback took, from its start to the end of the
	// run, crashes and resumes included; zero without one.
	Recovery time.Duration
	Took     time.Duration // virtual, of the whole run
	// Missed holds the faults that never struck.
	Missed  []Miss
	Entries []Entry
	effects []effect.Call
	bad     []string // parts that faults made bad
	unseen  []string
}

// Try runs the script under one schedule.
func (e *Explorer) Try(ctx context.Context, s Schedule) (Trial, error) {
	w, end, err := e.rehearse(ctx, s)
	if err != nil {
		return Trial{}, err
	}
	t := Trial{Schedule: s, Ending: end, Broken: w.End(end), Entries: w.entries, effects: w.effects, // which nothing adds to any more
		Took: w.timeline.Now().Sub(e.Setup.Start), Missed: w.Missed(s)}
	t.Accepted, t.unseen = w.accepted, unseen(end.Events)
	for i := range end.Events {
		if end.Events[i].Kind == effect.RollbackStarted {
			t.Recovery = end.Events[len(end.Events)-1].At.Sub(end.Events[i].At)
			break
		}
	}
	t.bad = slices.Sorted(maps.Keys(w.bad))
	if len(s) <= len(e.Base) {
		e.judgeBaseline(&t)
	}
	return t, nil
}

// rehearse runs the script under one schedule, from where its first fault
// strikes if that can be.
func (e *Explorer) rehearse(ctx context.Context, s Schedule) (*World, Ending, error) {
	if e.film != nil {
		w, end, ok, err := e.film.Rehearse(ctx, e.Setup, s)
		if ok || err != nil {
			return w, end, err
		}
	}
	w := NewWorld(e.Setup)
	end, err := e.Runner.Rehearse(ctx, w, s)
	return w, end, err
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

// TimedFact is one effect of a trial's timeline, for machines.
type TimedFact struct {
	At     float64             `json:"at"` // when it ended, in seconds since the start
	Place  effect.Place        `json:"place"`
	Op     string              `json:"op"`
	Where  effect.Position     `json:"where,omitzero"`
	Change []effect.Prediction `json:"changes,omitempty"`
	Error  *effect.Error       `json:"error,omitempty"`
	Fault  Kind                `json:"fault,omitempty"`
}

// Timeline returns what the world saw in the trial, in order.
func (t *Trial) Timeline() []TimedFact {
	list := []TimedFact{}
	if len(t.Ending.Events) == 0 {
		return list
	}
	start := t.Ending.Events[0].At
	for _, e := range t.Entries {
		list = append(list, TimedFact{seconds(e.At.Sub(start)), e.Place, e.Op, e.Where, e.Predictions(), e.Err, e.Fault})
	}
	return list
}
