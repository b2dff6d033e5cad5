package script

import (
	"slices"
	"sync"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// baton decides which branch may run Lua. All Lua of a script shares one
// state, so exactly one branch holds the baton; effects are waited for without
// it.
//
// Two queues say who is next. Branches that were just started, and a parent
// whose last branch ended, come first; then come branches whose effect has an
// outcome, in the order of their outcomes. What enters the first queue is
// decided by Lua alone, so the order in which branches run is a function of
// the order of outcomes and of nothing else. That is what makes a replay see
// shared variables change as they did.
type baton struct {
	mu        sync.Mutex
	holder    *branch   // who has the baton, or was promised it while its effect returns
	started   []*branch // first queue
	settled   []*branch // second queue
	away      int       // branches inside Handler.Do without the baton
	suspended *effect.Stop
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
	baton  *baton
	branch *branch
	done   bool // guarded by baton.mu
}

// settle is what a call's Settled does.
func (s *settlement) settle() {
	s.baton.mu.Lock()
	defer s.baton.mu.Unlock()
	s.enqueue()
	s.baton.dispatch()
}

func (s *settlement) enqueue() {
	if !s.done {
		s.done = true
		s.baton.settled = append(s.baton.settled, s.branch)
	}
}

// dispatch gives a free baton to the next in line, or finds that nothing will
// ever happen again. The caller holds mu.
func (t *baton) dispatch() {
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
	if t.away > 0 && t.idle != nil {
		t.told = true
		t.idle(t.away)
	}
	// Whoever is left waits for branches that are suspended, or may not go on.
	if t.away == 0 && !t.closed {
		t.closed = true
		close(t.over)
	}
}

// begin gives the baton to the outermost branch.
func (t *baton) begin(b *branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = append(t.started, b)
	t.dispatch()
}

// leave lets go of the baton for an effect.
func (t *baton) leave(b *branch) *settlement {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.holder = nil
	t.away++
	b.away = true
	t.dispatch()
	return &settlement{baton: t, branch: b}
}

// back says that an effect returned with an outcome. The branch still has to
// wait for its turn.
func (t *baton) back(s *settlement) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away--
	s.branch.away = false
	s.enqueue()
	t.dispatch()
}

// withdraw says that an effect ended in a stop: the branch has no turn to
// come.
func (t *baton) withdraw(s *settlement, stop *effect.Stop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.away--
	s.branch.away = false
	s.done = true
	t.remove(s.branch)
	t.record(stop)
	t.dispatch()
}

// fork lets go of the baton until children have ended.
func (t *baton) fork(parent *branch, children []*branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	parent.pending = len(children)
	t.started = append(t.started, children...)
	t.holder = nil
	t.dispatch()
}

// exit is the last word of a branch's goroutine. ended says that the branch
// came to its end, rather than being stopped on the way.
func (t *baton) exit(b *branch, ended bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.away { // the handler ended the goroutine, as a failing test does
		t.away--
		t.record(&effect.Stop{Cause: effect.Interrupted})
	}
	t.remove(b)
	if ended && b.parent == nil {
		t.ended = true
	}
	if ended && b.parent != nil {
		if b.parent.pending--; b.parent.pending == 0 {
			t.started = append(t.started, b.parent)
		}
	}
	t.dispatch()
}

// remove takes a branch out of the line. The caller holds mu.
func (t *baton) remove(b *branch) {
	if t.holder == b {
		t.holder = nil
	}
	same := func(other *branch) bool { return other == b }
	t.settled = slices.DeleteFunc(t.settled, same)
	t.started = slices.DeleteFunc(t.started, same)
}

// stop records a stop that a branch met while it holds the baton.
func (t *baton) stop(stop *effect.Stop) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.record(stop)
}

// record keeps the first stop of either kind: waiting suspends one branch, any
// other cause ends the script. The caller holds mu.
func (t *baton) record(stop *effect.Stop) {
	kind := &t.stopped
	if stop.Cause == effect.Waiting {
		kind = &t.suspended
	}
	if *kind == nil {
		*kind = stop
	}
}
