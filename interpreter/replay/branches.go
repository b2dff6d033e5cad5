package replay

import (
	"context"
	"errors"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// forked takes note of the branches that the script starts at a place, and
// returns the options with which it has started them, or did when that was
// recorded. What is recorded without them began all at once, and ran to its end.
func (r *Recorder) forked(call effect.Call) (effect.Result, error) {
	list, _ := call.Args["branches"].([]any)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return effect.Result{}, r.stop
	}
	for _, b := range list {
		if place, ok := b.(string); ok {
			r.branches[effect.Place(place)] = true
		}
	}
	recorded := r.hist.Branchings[call.Place]
	switch {
	case recorded != nil:
	case r.hist.Entered(call.Place):
		recorded = &history.Branching{}
	default:
		limit, _ := call.Args["limit"].(float64)
		options := map[string]any{"fail_fast": call.Args["fail_fast"] == true, "limit": limit}
		if r.opts.Journal != nil && !r.hist.Marks[call.Place] {
			value, err := effect.Encode(options, nil)
			if err != nil {
				return effect.Result{}, effect.Errorf(effect.CodeInvalid, "%v", err)
			}
			r.hist.Marks[call.Place] = true
			if err := r.buffer(r.event(effect.ParallelStarted, call, effect.Body{Where: call.Where, Value: value})); err != nil {
				return effect.Result{}, err
			}
		}
		return effect.Result{Value: options}, nil
	}
	return effect.Result{Value: map[string]any{"fail_fast": recorded.FailFast, "limit": float64(recorded.Limit)}}, nil
}

// reachable reports whether the recorded effect at place next can be asked for
// while the branch that asks for place at is blocked. It can when the two
// stand in different branches of one parallel{}, and the script has started
// that of next. Everything else is one line of control, in which next had to
// come before: composites inside composites and the functions of a rollback,
// too.
//
// Of branches that begin when others end nothing is said here: see [Recorder.Idle].
func (r *Recorder) reachable(next, at effect.Place) bool {
	_, branch, _, ok := next.Fork(at)
	return ok && r.branches[branch] && !r.stuck()
}

// Idle hears how many branches of the script wait for the outcomes of effects
// while none of them can go on; zero when one goes on. If all of them wait for
// records that others would have to claim, the script has gone another way.
func (r *Recorder) Idle(away int) {
	if r.away.Swap(int64(away)); away > 0 && r.blocked.Load() == int64(away) {
		go r.wake() // the script tells of it under a lock of its own
	}
}

// stuck reports whether every branch of the script is blocked in await.
func (r *Recorder) stuck() bool {
	away := r.away.Load()
	return away > 0 && r.blocked.Load() == away
}

// ends ends a wait with its branch, which the failure of one beside it stops,
// and reports whether it did: not if the wait has its outcome. Which it is
// stands in the record, so that a resume and a replay see the same. r.mu is held.
func (r *Recorder) ends(wait effect.Place) bool {
	rec := r.hist.At(wait)
	if r.waited[wait] || rec != nil && rec.State == history.Closed {
		return false
	}
	if rec != nil {
		r.claimed[rec.N] = true // its branch is about to, or has
	}
	r.ended[wait] = true
	r.signal()
	return true
}

// withBranch stops a call whose branch ended.
func withBranch() *effect.Stop { return &effect.Stop{Cause: effect.BranchStopped} }

// endsWithBranch reports whether a wait that has no outcome is one of a branch
// that was stopped.
func (r *Recorder) endsWithBranch(wait effect.Place) bool {
	if len(r.hist.Stopped) == 0 {
		return false
	}
	for line := wait.Line(); line != ""; line = line.Line() {
		if r.hist.Stopped[line] {
			return true
		}
	}
	return false
}

// untilEnded waits for the failure that has stopped the branch of a call, as
// the record says.
func (r *Recorder) untilEnded(ctx context.Context, call effect.Call) error {
	defer context.AfterFunc(ctx, r.wake)()
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := -1
	defer r.unblock(&seen)
	for {
		switch {
		case r.stop != nil:
			return r.stop
		case r.ended[call.Place]:
			return withBranch()
		case ctx.Err() != nil:
			return stopOf(ctx)
		case r.stuck():
			return r.diverge(call.Place, &history.Effect{Op: "the failure of a branch beside"}, Side{call.Op.String(), nil, call.Where})
		}
		r.block(&seen)
	}
}

// beyondFailure returns why a call that is not recorded may not be made. Its
// branch has failed in the record, and the script gone another way; or it stands
// in a rollback that was stopped for what it took, which it is again. r.mu is
// held.
func (r *Recorder) beyondFailure(call effect.Call, args []byte) error {
	for place, failure := range r.hist.Exhausted {
		if call.Place.Within(place) {
			return &effect.Stop{Cause: effect.Exhausted, Err: errors.New(failure.Message)}
		}
	}
	for line := call.Place.Line(); line != "" && len(r.hist.Failed) > 0; line = line.Line() {
		if failure := r.hist.Failed[line]; failure != nil {
			return r.diverge(call.Place, &history.Effect{Op: "the failure of the branch: " + failure.Message}, Side{call.Op.String(), args, call.Where})
		}
	}
	return nil
}
