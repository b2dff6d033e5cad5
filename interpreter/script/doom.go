package script

import (
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// join lets one more branch of a parallel{} run.
func (t *scheduler) join(parent, child *branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	parent.pending++
	t.started = append(t.started, child)
}

// doom lets branches, and the branches inside them, end before their next
// effect. It returns those that need not wait for what they wait for: sleeps,
// questions, and whatever was suspended.
func (t *scheduler) doom(branches []*branch) []*settlement {
	t.mu.Lock()
	defer t.mu.Unlock()
	var waits []*settlement
	var visit func([]*branch)
	visit = func(branches []*branch) {
		for _, b := range branches {
			if b.ended {
				continue
			}
			b.doomed = true
			switch s := b.effect; {
			case t.isSuspended(b) && s == nil: // before an effect
				waits = append(waits, &settlement{scheduler: t, branch: b, done: true})
			case t.isSuspended(b), s != nil && s.end != nil && !s.done:
				waits = append(waits, s)
			}
			if b.within != nil {
				visit(b.within.begun)
			}
		}
	}
	visit(branches)
	return waits
}

// drop ends a branch without the outcome that it waits for, unless that has come
// meanwhile. Its goroutine follows.
func (t *scheduler) drop(s *settlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.isSuspended(s.branch):
		t.release(s.branch)
	case !s.done && !s.dropped:
		s.dropped, s.branch.stopped = true, true
		t.leaving++
		s.end(&effect.Stop{Cause: effect.BranchStopped})
		t.ends(s.branch)
	}
}

// dropped reports whether the branch has ended without the outcome.
func (t *scheduler) dropped(s *settlement) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return s.dropped
}

// release ends a branch that is suspended, as if it had come to its end. The
// caller holds mu.
func (t *scheduler) release(b *branch) {
	t.suspended = slices.DeleteFunc(t.suspended, func(o suspension) bool { return o.branch == b })
	b.stopped = true
	t.ends(b)
}

// hasStopped reports whether the failure of a branch beside it has ended a
// branch.
func (t *scheduler) hasStopped(b *branch) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return b.stopped
}

func (t *scheduler) isSuspended(b *branch) bool {
	return slices.ContainsFunc(t.suspended, func(o suspension) bool { return o.branch == b })
}
