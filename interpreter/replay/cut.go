package replay

import (
	"context"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// cut is where the main chunk of a run that is rolled back ends: in every
// branch before the first effect that had not begun when the cut was made.
//
// It is a fact of the record, which is why a run, its resume and its replay
// register the same rollbacks. What had begun before the cut is finished and
// stands in the journal; nothing that came after it does. So a branch is cut
// before the first effect that the journal does not hold, whoever walks it.
type cut struct {
	made    bool
	ctx     context.Context // ends when the cut is made
	end     context.CancelCauseFunc
	reached map[effect.Place]int // registrations in this walk, by line of control
	left    []*Unknown           // writes that were cut short for the rollback
}

func newCut() cut {
	c := cut{reached: map[effect.Place]int{}}
	c.ctx, c.end = context.WithCancelCause(context.Background())
	return c
}

func (c *cut) make() {
	c.made = true
	c.end(cutHere())
}

// leaves reports whether a write was cut short and its outcome is not known.
func (c *cut) leaves(place effect.Place) bool {
	return slices.ContainsFunc(c.left, func(u *Unknown) bool { return u.Place == place })
}

// found says that the outcome of a write which was left is known after all.
func (c *cut) found(place effect.Place) {
	c.left = slices.DeleteFunc(c.left, func(u *Unknown) bool { return u.Place == place })
}

// cutHere stops a branch at the cut.
func cutHere() *effect.Stop { return &effect.Stop{Cause: effect.RollingBack} }

// leftHere stops a branch at a write that has begun and is not waited for.
func leftHere() *effect.Stop { return &effect.Stop{Cause: effect.RollingBack, Left: true} }

// Cut ends the main chunk for a rollback. What is under way is finished and
// recorded, sleeps and questions apart, which end; the branches go on to where
// they ask for an effect that has not begun. Marks that stand before it are
// still made: what is registered for the effect under way is registered.
func (r *Recorder) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut.make()
	r.signal()
}

// ending reports whether the main chunk begins nothing any more; r.mu is held.
func (r *Recorder) ending() bool { return !r.rolling && (r.cut.made || r.hist.Rolling()) }

// cutBefore returns the stop of a call that would begin, if the main chunk
// begins nothing any more. It does not wait for other branches.
func (r *Recorder) cutBefore() *effect.Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return r.stop
	}
	if r.ending() {
		return cutHere()
	}
	return nil
}

// beyondCut reports whether a registration stands beyond the cut of a rollback
// that has started: its line of control had fewer of them. Counted, not looked
// up by its place, because a log line more in an edited script moves places.
// r.mu is held.
func (r *Recorder) beyondCut(place effect.Place) bool {
	line := place.Line()
	r.cut.reached[line]++
	return r.hist.Rolling() && !r.rolling && r.cut.reached[line] > r.hist.Registered[line]
}

// untilCut derives a context that ends at the cut. Waits of a rollback are not
// cut.
func (r *Recorder) untilCut(ctx context.Context) (until context.Context, release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rolling {
		return ctx, func() {}
	}
	until, cancel := context.WithCancelCause(ctx)
	unhook := context.AfterFunc(r.cut.ctx, func() { cancel(context.Cause(r.cut.ctx)) })
	return until, func() {
		unhook()
		cancel(nil)
	}
}
