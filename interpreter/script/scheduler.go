package script

import (
	"context"
	"slices"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// scheduler decides which branch may run Lua. All Lua of a script shares one
// state, so exactly one branch holds the turn; effects are waited for without
// it.
//
// Two queues say who is next. Branches that were just started, and a parent
// whose last branch ended, come first; then come branches whose effect has an
// outcome, in the order of their outcomes. What enters the first queue is
// decided by Lua alone, so the order in which branches run is a function of
// the order of outcomes and of nothing else. That is what makes a replay see
// shared variables change as they did.
type scheduler struct {
	mu        sync.Mutex
	holder    *branch      // who has the turn, or was promised it while its effect returns
	started   []*branch    // first queue
	settled   []*branch    // second queue
	away      int          // branches inside Handler.Do without the turn
	leaving   int          // of them, those that have ended without waiting for it
	suspended []suspension // in the order in which they came
	stopped   *effect.Stop // no Lua runs any more
	ended     bool         // the outermost branch came to its end
	over      chan struct{}
	closed    bool      // over is closed
	idle      func(int) // see Options.Idle; may be nil
	told      bool      // idle was told of branches that wait
}

// settlement is the outcome of one effect taking its place in the queue. It
// happens once, whoever says so first.
type settlement struct {
	scheduler *scheduler
	branch    *branch
	place     effect.Place
	end       context.CancelCauseFunc // ends the wait, if it is one

	// Guarded by scheduler.mu.
	done    bool
	dropped bool // the branch has ended without the outcome
}

// suspension is a branch that met a stop which ends only itself.
type suspension struct {
	branch *branch
	stop   *effect.Stop
}

// settle is what a call's Settled does.
func (s *settlement) settle() {
	s.scheduler.mu.Lock()
	defer s.scheduler.mu.Unlock()
	s.enqueue()
	s.scheduler.dispatch()
}

func (s *settlement) enqueue() {
	if !s.done && !s.dropped {
		s.done = true
		s.scheduler.settled = append(s.scheduler.settled, s.branch)
	}
}

// dispatch gives a free turn to the next in line, or finds that nothing will
// ever happen again. The caller holds mu.
func (t *scheduler) dispatch() {
	if t.holder != nil {
		return
	}
	if t.stopped == nil {
		for _, queue := range []*[]*branch{&t.started, &t.settled} {
			if len(*queue) > 0 {
				t.holder = (*queue)[0]
				*queue = (*queue)[1:]
				if t.told {
					t.told = false
					t.idle(0)
				}
				t.holder.turn <- struct{}{}
				return
			}
		}
	}
	if t.away > 0 && t.leaving == 0 && t.idle != nil { // one that leaves still stands among those that wait
		t.told = true
		t.idle(t.away)
	}
	// Whoever is left waits for branches that are suspended, or may not go on.
	if t.away == 0 && !t.closed {
		t.closed = true
		close(t.over)
	}
}

// begin gives the turn to the outermost branch.
func (t *scheduler) begin(b *branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = append(t.started, b)
	t.dispatch()
}

// leave lets go of the turn for an effect. end cuts it short; nil if it has to
// be finished.
func (t *scheduler) leave(b *branch, place effect.Place, end context.CancelCauseFunc) *settlement {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &settlement{scheduler: t, branch: b, place: place, end: end}
	t.holder = nil
	t.away++
	b.away, b.effect = true, s
	t.dispatch()
	return s
}

// back says that an effect returned, with an outcome or a stop, and reports
// whether the branch has a turn to come.
func (t *scheduler) back(s *settlement, stop *effect.Stop) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away--
	s.branch.away = false
	defer t.dispatch()
	switch {
	case s.dropped:
		t.leaving--
		return false
	case stop != nil:
		s.done = true
		t.remove(s.branch)
		t.record(s.branch, stop)
		return false
	}
	s.branch.effect = nil
	s.enqueue()
	return true
}

// fork lets go of the turn until children have ended.
func (t *scheduler) fork(parent *branch, children []*branch) {
	// Whoever has the turn adds to children once others run.
	children = slices.Clone(children)
	t.mu.Lock()
	defer t.mu.Unlock()
	parent.pending = len(children)
	t.started = append(t.started, children...)
	t.holder = nil
	t.dispatch()
}

// exit is the last word of a branch's goroutine. ended says that the branch
// came to its end, rather than being stopped on the way.
func (t *scheduler) exit(b *branch, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.away { // the handler ended the goroutine, as a failing test does
		t.away--
		t.record(b, &effect.Stop{Cause: effect.Interrupted})
	}
	t.remove(b)
	if ended && b.parent == nil {
		t.ended = true
	}
	if b.early {
		b.stopped = true
	}
	if (ended || b.early) && b.parent != nil {
		t.ends(b)
	}
	t.dispatch()
}

// ends lets the parent of a branch go on once all its branches have ended. The
// caller holds mu.
func (t *scheduler) ends(b *branch) {
	b.ended = true
	if b.parent.pending--; b.parent.pending == 0 {
		t.started = append(t.started, b.parent)
	}
}

// remove takes a branch out of the line. The caller holds mu.
func (t *scheduler) remove(b *branch) {
	if t.holder == b {
		t.holder = nil
	}
	same := func(other *branch) bool { return other == b }
	t.settled = slices.DeleteFunc(t.settled, same)
	t.started = slices.DeleteFunc(t.started, same)
}

// stop records a stop that a branch met while it holds the turn.
func (t *scheduler) stop(b *branch, stop *effect.Stop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.record(b, stop)
}

// record keeps a stop: one kind suspends the branch, the other ends the script.
// The caller holds mu.
func (t *scheduler) record(b *branch, stop *effect.Stop) {
	switch {
	case stop.Cause.Suspends() && b.doomed: // its group waits for its end
		t.suspended = append(t.suspended, suspension{b, stop})
		t.release(b)
	case stop.Cause.Suspends():
		t.suspended = append(t.suspended, suspension{b, stop})
	case t.stopped == nil:
		t.stopped = stop
	}
}

// pause returns why branches are suspended; nil if none is. A rollback goes
// before a question, which nobody has to answer then. The caller holds mu.
func (t *scheduler) pause() *effect.Stop {
	var first *effect.Stop
	for _, s := range t.suspended {
		if first == nil || s.stop.Cause == effect.RollingBack {
			first = s.stop
		}
	}
	return first
}
