package simulate

import (
	"fmt"
	"slices"
	"strings"
)

// rollbacks gathers, for each rollback that single faults lead to, the faults
// that can strike it, on top of the first fault that leads to it. Rollbacks that
// do the same, after the same changes, are one. What it gathers does not depend on the order in which
// trials end.
type rollbacks map[string]rollback

type rollback struct {
	trial     int
	schedules []Schedule
}

// add takes a trial, and the schedules that have one fault more, in its rollback.
func (r rollbacks) add(trial int, t *Trial, next []Schedule) {
	if slices.ContainsFunc(t.Schedule, func(f Fault) bool { return f.Place.InRollback() }) {
		return // it is struck already
	}
	effects := t.effects
	if len(next) == 0 && trial >= 0 {
		return
	}
	var does strings.Builder
	for _, e := range t.Entries { // from where it sets out
		for _, c := range e.Changes {
			if !e.Place.InRollback() {
				fmt.Fprintln(&does, c)
			}
		}
	}
	for _, call := range effects {
		if call.Place.InRollback() {
			fmt.Fprintln(&does, call.Place, call.Op, call.Where, call.Args)
		}
	}
	if was, known := r[does.String()]; !known || trial < was.trial {
		r[does.String()] = rollback{trial, next}
	}
}

// all returns the schedules in the order of their trials.
func (r rollbacks) all() []Schedule {
	var first []rollback
	for _, b := range r {
		first = append(first, b)
	}
	slices.SortFunc(first, func(a, b rollback) int { return a.trial - b.trial })
	var out []Schedule
	for _, b := range first {
		out = append(out, b.schedules...)
	}
	return out
}
