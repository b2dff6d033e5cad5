package simulate

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Beside returns the world as another run meets it, and lets both note what each
// effect looked at: the systems and the clock are the same, what each run did
// and what invariants say of it is its own. It is called before either begins;
// the clock lets one run act at a time, so that nothing else guards what they share.
func (w *World) Beside() *World {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = map[string]bool{}
	return &World{setup: w.setup, timeline: w.timeline.Beside(), models: w.models, applied: w.applied, known: w.known, changed: w.changed,
		dirty: w.dirty, start: w.start, looked: map[string]bool{}, faults: map[effect.Place]Kind{}, seen: map[effect.Place]bool{},
		bad: map[string]time.Time{}, writers: map[string]effect.Place{}, answers: map[string]any{}}
}

// Violations returns the invariants that did not hold so far.
func (w *World) Violations() []Violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Violation(nil), w.broken...)
}
