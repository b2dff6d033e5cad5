package simulate

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Filmer is a Runner that can film a run without faults, so that others go on
// from a moment of it instead of from the beginning.
type Filmer interface {
	Runner
	// Film carries a run out in w and keeps the moments before the effects for
	// which at is true, at most, and as far as it can be gone on from them.
	Film(ctx context.Context, w *World, at func(effect.Place) bool) (Film, error)
}

// Film holds moments of a run without faults.
type Film interface {
	// Rehearse is what Runner.Rehearse is from the latest moment that comes before
	// all faults of the schedule, in a world that is as that of the filmed run was
	// then. ok is false if there is none.
	Rehearse(ctx context.Context, s Setup, schedule Schedule) (w *World, end Ending, ok bool, err error)
}

// Moment is a world as it was once. It serves several goroutines.
type Moment struct {
	now   time.Time
	world World // nothing in it is changed any more
}

// Freeze returns the world as it is now. ok is false if runs cannot go on from
// it: what a script's own invariants keep in mind is not part of the world.
func (w *World) Freeze() (m *Moment, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.transitions != nil || w.previous != nil || len(w.faults) > 0 {
		return nil, false
	}
	m = &Moment{now: w.timeline.Now()}
	w.copyTo(&m.world)
	return m, true
}

// World returns a new world that goes on from the moment, with room for so many
// effects.
func (m *Moment) World(s Setup, room int) *World {
	w := &World{setup: s, timeline: NewTimeline(m.now), faults: map[effect.Place]Kind{}, unfit: map[effect.Place]effect.Call{}, seen: make(map[effect.Place]bool, len(m.world.effects))}
	m.world.copyTo(w)
	w.entries, w.effects = slices.Grow(w.entries, room), slices.Grow(w.effects, room)
	for _, call := range w.effects {
		w.seen[call.Place] = true
	}
	return w
}

// copyTo copies what changes while a run is under way; what is only ever added
// to is shared as far as it is.
func (w *World) copyTo(c *World) {
	c.models = make(map[string]effect.Model, len(w.models))
	for name, model := range w.models {
		c.models[name] = model.Clone()
	}
	c.applied, c.known, c.changed = maps.Clone(w.applied), maps.Clone(w.known), maps.Clone(w.changed)
	c.bad, c.answers, c.writers = maps.Clone(w.bad), maps.Clone(w.answers), maps.Clone(w.writers)
	c.unread, c.entries, c.occurrences = slices.Clip(w.unread), slices.Clip(w.entries), slices.Clip(w.occurrences)
	c.effects, c.broken, c.accepted, c.delayed = slices.Clip(w.effects), slices.Clip(w.broken), slices.Clip(w.accepted), slices.Clone(w.delayed)
	c.locks, c.start = w.locks, w.start
	dirty := *w.dirty
	c.dirty, c.stranded, c.passed, c.only = &dirty, w.stranded, w.passed, w.only
}
