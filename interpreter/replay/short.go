package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Short is the error of a call that was cut short on a person's word. The
// Handler below a Recorder returns it for what the backend said then.
type Short struct {
	Why string // "canceled by kim, and cut short after 10s without a sign of life"
	Err error  // the backend's
}

// Error says both.
func (s *Short) Error() string { return s.Why + ": " + s.Err.Error() }

// Unwrap returns the backend's error.
func (s *Short) Unwrap() error { return s.Err }

// shortened records a write that was cut short. For a rollback it is recorded
// as history.OutcomeCutShort, and the rollback begins without its outcome, unless the
// backend can say what it is; otherwise the outcome is unknown as any other.
func (r *Recorder) shortened(ctx context.Context, call effect.Call, short *Short) (effect.Result, error) {
	said := effect.AsError(short.Err)
	r.mu.Lock()
	forRollback := r.cut.made && !r.rolling
	outcome := history.OutcomeUnknown
	if forRollback {
		outcome = history.OutcomeCutShort
	}
	err := r.append(context.Background(), r.event(effect.EffectObserved, call, effect.Body{Op: call.Op.String(), Where: call.Where,
		Attempt: call.Attempt, Outcome: string(outcome), Reason: short.Why + ": " + said.Message}))
	if err == nil && forRollback {
		r.leave(call)
	}
	r.mu.Unlock()
	if err != nil {
		return effect.Result{}, err
	}
	if forRollback {
		return r.withoutOutcome(ctx, call)
	}
	stop := stopOf(ctx)
	return effect.Result{}, &effect.Stop{Cause: stop.Cause, Err: fmt.Errorf(
		"%w; %s at %s (effect %s) was cut short: its outcome is not known, and a rollback or resume %s",
		stop, call.Op, call.Where, call.Place, settles(call.Recovery))}
}

// leave takes note of a write that a rollback does not wait for; r.mu is held.
func (r *Recorder) leave(call effect.Call) {
	delete(r.unsettled, call.Place)
	why := "it was cut short for the rollback, which has run"
	args, err := effect.Encode(call.Args, r.opts.Digest)
	if err != nil {
		why += "; " + err.Error()
	}
	r.cut.left = append(r.cut.left, &Unknown{Place: call.Place, Op: call.Op.String(), Where: call.Where, Args: args, Why: errors.New(why), Left: true})
}

// withoutOutcome ends the branch of a write that was cut short for a rollback,
// unless its outcome is found out without asking people.
func (r *Recorder) withoutOutcome(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Recovery != effect.Observe && call.Recovery != effect.Forgo {
		return effect.Result{}, leftHere()
	}
	done, res, err := r.resolve(ctx, call, 0, nil)
	s := effect.AsStop(err)
	switch {
	case s != nil && s.Cause != effect.RollingBack:
		return effect.Result{}, s
	case done && s == nil, !done: // it is known now
		r.mu.Lock()
		r.cut.found(call.Place)
		r.mu.Unlock()
	}
	if !done {
		return effect.Result{}, cutHere() // it was not applied, and is not sent again
	}
	return res, err
}

// Left returns a write that was cut short for the rollback and of which nobody
// knows whether it happened; nil if there is none.
func (r *Recorder) Left() *Unknown {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.cut.left) == 0 {
		return nil
	}
	return r.cut.left[0]
}
