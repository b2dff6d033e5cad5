package replay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// pending is what has happened and waits for the next commit, in the order in
// which it happened.
type pending struct {
	events []effect.Event
	told   int           // how many of them Watch knows of
	owed   bool          // a value or an outcome is among them: a request may depend on it
	writes []effect.Call // whose outcomes are among them
	timer  *time.Timer   // commits them when nothing else does
}

// maxPending bounds what one commit carries. A script may set marks for as long
// as it likes without an effect that would commit them.
const maxPending = 1000

// buffer keeps a mark or a value for the next commit; r.mu is held. Watch is
// told of it behind all that came before.
func (r *Recorder) buffer(ev effect.Event) error {
	p := &r.pending
	p.events = append(p.events, ev)
	if p.told == len(p.events)-1 {
		p.told++
		r.watch(ev)
	}
	if len(p.events) >= maxPending {
		return r.append(context.Background())
	}
	return nil
}

// settle records an outcome: with the commit of what follows, where the effect
// is one that may be found out about or sent again; r.mu is held.
func (r *Recorder) settle(call effect.Call, ev effect.Event) error {
	p := &r.pending
	p.events, p.owed = append(p.events, ev), true
	if call.Class.Writes() {
		p.writes = append(p.writes, call)
	}
	if r.stop != nil || !r.mayWait(call) {
		return r.append(context.Background())
	}
	if p.timer == nil {
		p.timer = time.AfterFunc(r.opts.Hold, r.overdue)
	} else if len(p.events) == p.told+1 { // the first one that is held back
		p.timer.Reset(r.opts.Hold)
	}
	return nil
}

// mayWait reports whether the outcome of a call may be lost with the process:
// a read changes nothing, and what became of a write is found out without
// asking people.
func (r *Recorder) mayWait(call effect.Call) bool {
	if r.opts.Hold <= 0 || call.Class == effect.Irreversible {
		return false
	}
	return !call.Class.Writes() || call.Recovery == effect.Retry || call.Recovery == effect.Observe
}

// overdue commits outcomes that nothing has followed in time.
func (r *Recorder) overdue() {
	r.mu.Lock()
	if !r.pending.owed || r.stop != nil && (r.stop.Cause == effect.Unwritable || r.stop.Cause == effect.Fenced) {
		r.mu.Unlock()
		return
	}
	err := r.append(context.Background())
	r.mu.Unlock()
	if s := effect.AsStop(err); s != nil && r.opts.Broken != nil {
		r.opts.Broken(s)
	}
}

// depart commits what a request that is about to leave the process may depend
// on.
func (r *Recorder) depart(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.pending.owed {
		return nil
	}
	return r.append(context.WithoutCancel(ctx))
}

// Flush commits all that still waits. A walk is flushed before its end is
// recorded, also one whose journal could not be written before.
func (r *Recorder) Flush(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.append(ctx)
}

// Unrecorded returns how many writes have outcomes that wait for a commit.
func (r *Recorder) Unrecorded() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending.writes)
}

// append commits what is pending and then events; r.mu is held. What was
// pending stays so when it fails.
func (r *Recorder) append(ctx context.Context, events ...effect.Event) error {
	p := &r.pending
	if len(p.events)+len(events) == 0 || r.opts.Journal == nil {
		return nil
	}
	if p.timer != nil {
		p.timer.Stop()
	}
	written, err := r.opts.Journal.Append(ctx, slices.Concat(p.events, events)...)
	if err != nil {
		s := &effect.Stop{Cause: effect.Unwritable, Err: err}
		_ = errors.As(err, &s)
		s = p.lost(s)
		r.halt(s)
		return s // whatever stopped the walk before: this is why this was not written
	}
	told := p.told
	p.events, p.told, p.owed, p.writes = p.events[:0], 0, false, nil
	for _, ev := range written[told:] {
		r.watch(ev)
	}
	return nil
}

func (r *Recorder) watch(ev effect.Event) {
	if r.opts.Watch != nil {
		r.opts.Watch(ev)
	}
}

// lost says what it means that outcomes could not be written.
func (p *pending) lost(s *effect.Stop) *effect.Stop {
	if s.Cause == effect.Fenced {
		return s
	}
	err := s.Err
	for _, call := range slices.Backward(p.writes) {
		err = fmt.Errorf("%s at %s was carried out, but its outcome could not be recorded; its intent is, and the resume %s: %w",
			call.Op, call.Where, settles(call.Recovery), err)
	}
	return &effect.Stop{Cause: s.Cause, Err: err}
}
