package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Unknown is why a run is parked: an effect was begun, and neither the journal
// nor its backend can say whether it happened.
type Unknown struct {
	Place effect.Place
	Op    string
	Where effect.Position
	Args  json.RawMessage
	Why   error
	// Left says that it was cut short for the rollback, which has run: it is not
	// carried out again, whatever became of it.
	Left bool
}

// Error says what has to be looked at.
func (u *Unknown) Error() string {
	return fmt.Sprintf("%s: %s (effect %s) was begun and its outcome is unknown: %v", u.Where, u.Op, u.Place, u.Why)
}

// Unwrap returns the reason.
func (u *Unknown) Unwrap() error { return u.Why }

// resolve settles an unknown outcome by the op's recovery. done says that the
// call has its result; otherwise it is to be sent (again). doubt is what the
// attempt before said, if this runner made it.
func (r *Recorder) resolve(ctx context.Context, call effect.Call, sent int, doubt error) (done bool, res effect.Result, err error) {
	recovery := call.Recovery
	if sent >= maxAttempts && recovery == effect.Retry && call.Op.RaisesUnknown && doubt != nil {
		failure := *effect.AsError(doubt)
		failure.Retryable = false
		kind, body, err := r.outcomeBody(call, effect.Result{}, &failure)
		if err != nil {
			return true, effect.Result{}, err
		}
		res, err := r.close(call, kind, body)
		return true, res, err
	}
	if sent >= maxAttempts {
		recovery = effect.Ask
	}
	switch recovery {
	case effect.Retry:
		return false, effect.Result{}, nil
	case effect.Observe:
		return r.observe(ctx, call)
	case effect.Forgo:
		value := json.RawMessage(`{}`)
		res, err := r.close(call, effect.EffectResolved, effect.Body{Op: call.Op.String(), Outcome: string(history.OutcomeForgone),
			Value: value, Where: call.Where, Reason: "its outcome is unknown, and " + call.Op.String() + " is neither repeated nor asked about"})
		return true, res, err
	}
	why := errUnsettled
	if doubt != nil {
		why = errors.New(effect.AsError(doubt).Message)
	}
	return true, effect.Result{}, r.park(call, why)
}

// observe asks the backend whether the call was applied.
func (r *Recorder) observe(ctx context.Context, call effect.Call) (bool, effect.Result, error) {
	if _, err := r.revealed(ctx, &call, true); err != nil {
		return true, effect.Result{}, err
	}
	if err := r.depart(ctx); err != nil {
		return true, effect.Result{}, err
	}
	inquiry := call
	inquiry.Verb = effect.VerbObserve
	seen, err := r.opts.Next.Do(ctx, inquiry)
	if s := effect.AsStop(err); s != nil {
		return true, effect.Result{}, s
	}
	if err != nil && ctx.Err() != nil {
		return true, effect.Result{}, stopOf(ctx)
	}
	body := effect.Body{Op: call.Op.String(), Where: call.Where, Outcome: string(seen.Observed), Attempt: call.Attempt}
	if err != nil {
		body.Outcome, body.Reason = string(history.OutcomeUnknown), effect.AsError(err).Message
	}
	switch seen.Observed {
	case effect.Applied:
		secret := guarded(call.Op, seen.Value)
		r.secrets.learn(r.opts.Digest, secret)
		if body.Value, err = r.encode(secret); err != nil {
			body.Error = stamped(effect.Errorf(effect.CodeInternal, "%s was applied, but its observed value cannot be recorded: %v", call.Op, err), call)
		}
		res, err := r.close(call, effect.EffectObserved, body)
		return true, res, err
	case effect.NotApplied:
		r.mu.Lock()
		defer r.mu.Unlock()
		if err := r.append(context.WithoutCancel(ctx), r.event(effect.EffectObserved, call, body)); err != nil {
			return true, effect.Result{}, err
		}
		return false, effect.Result{}, nil
	}
	why := errUnsettled
	switch {
	case body.Reason != "" && effect.AsError(err).Code == effect.CodeUnknown: // it was asked, and says why it cannot tell
		why = errors.New(body.Reason)
	case body.Reason != "":
		why = fmt.Errorf("its backend could not be asked: %s", body.Reason)
	}
	return true, effect.Result{}, r.park(call, why)
}

// park stops the run until an operator says what happened; a rollback for which
// the write was cut short goes on.
func (r *Recorder) park(call effect.Call, why error) error {
	args, err := effect.Encode(call.Args, r.opts.Digest)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut.leaves(call.Place) {
		return leftHere()
	}
	return r.halt(&effect.Stop{Cause: effect.Parked,
		Err: &Unknown{Place: call.Place, Op: call.Op.String(), Where: call.Where, Args: args, Why: why}})
}
