package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// maxAttempts bounds how often one runner sends a call whose outcome keeps
// coming back unknown; after that an operator has to look.
const maxAttempts = 3

// mark notes a step, a log line or another mark, unless it is recorded.
func (r *Recorder) mark(call effect.Call) (result effect.Result, err error) {
	if call.Op.String() == effect.OpParallel {
		return r.forked(call)
	}
	kind, body, err := markBody(call)
	if err != nil {
		return result, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return result, r.stop
	}
	if kind == effect.RollbackRegistered && r.beyondCut(call.Place) {
		return result, cutHere()
	}
	if kind == effect.BranchLeft {
		if wait, ok := call.Args["wait"].(string); ok {
			if !r.ends(effect.Place(wait)) {
				return effect.Result{Value: false}, nil // the branch goes on to its next effect
			}
			result.Value = true
		}
		if failure := r.hist.Failed[call.Place]; failure != nil && body.Error == nil {
			return result, r.diverge(call.Place, &history.Effect{Op: "the failure of the branch: " + failure.Message}, Side{})
		}
		if err := r.unclaimed(call.Place); err != nil {
			return result, err
		}
	}
	if r.hist.Marks[call.Place] || r.opts.Journal == nil {
		return result, nil
	}
	r.hist.Marks[call.Place] = true
	return result, r.buffer(r.event(kind, call, body))
}

func markBody(call effect.Call) (effect.Kind, effect.Body, error) {
	text := func(name string) string { s, _ := call.Args[name].(string); return s }
	body := effect.Body{Name: text("name"), Where: call.Where}
	if msg := text("error"); msg != "" {
		body.Error = &effect.Error{Code: effect.CodeFailed, Message: msg}
	}
	var payload any
	kind := effect.Logged
	switch call.Op.String() {
	case effect.OpStep:
		kind = effect.StepEntered
	case effect.OpStepLeft:
		kind = effect.StepLeft
	case effect.OpBranchLeft:
		kind = effect.BranchLeft
		switch {
		case call.Args["stopped"] == true:
			body.Outcome = string(history.OutcomeStopped)
		case call.Args["exhausted"] == true:
			body.Outcome = string(history.OutcomeExhausted)
		}
	case effect.OpCheckpoint:
		kind = effect.CheckpointReached
	case effect.OpRegistered:
		kind = effect.RollbackRegistered
	case effect.OpGate:
		kind, payload = effect.Gated, call.Args["values"]
	default:
		body.Name, body.Text = text("level"), text("text")
		if fields, ok := call.Args["fields"].(map[string]any); ok && len(fields) > 0 {
			payload = fields
		}
	}
	if payload != nil {
		data, err := effect.Encode(payload, nil)
		if err != nil {
			return kind, body, effect.Errorf(effect.CodeInvalid, "%v", err)
		}
		body.Value = data
	}
	return kind, body, nil
}

// value draws a value; it is recorded with the next commit.
func (r *Recorder) value(ctx context.Context, call effect.Call, args []byte) (effect.Result, error) {
	if s := r.cutBefore(); s != nil {
		return effect.Result{}, s
	}
	call.Began = r.opts.Now()
	res, err := r.opts.Next.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return effect.Result{}, s
	}
	kind, body, err := r.outcomeBody(call, res, err)
	if err != nil {
		return effect.Result{}, err
	}
	body.Args = args
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opts.Journal == nil { // the walk ends at the next effect
		return outcome(body.Value, body.Error)
	}
	r.pending.owed = true
	if err := r.buffer(r.event(kind, call, body)); err != nil {
		return effect.Result{}, err
	}
	return outcome(body.Value, body.Error)
}

// read carries a read out; its outcome is its only event.
func (r *Recorder) read(ctx context.Context, call effect.Call, args []byte) (effect.Result, error) {
	if ctx.Err() != nil {
		return effect.Result{}, stopOf(ctx)
	}
	if failure, err := r.revealed(ctx, &call, false); err != nil || failure != nil {
		return r.unsent(call, args, failure, err)
	}
	if err := r.depart(ctx); err != nil {
		return effect.Result{}, err
	}
	if call.NotAfter, call.Until = r.opts.Journal.Until(), r.opts.Journal.Until; call.NotAfter.IsZero() {
		return effect.Result{}, r.stale(call)
	}
	call.Began = r.opts.Now()
	res, err := r.opts.Next.Do(ctx, call)
	if s := effect.AsStop(err); s != nil {
		return effect.Result{}, s
	}
	if err != nil && ctx.Err() != nil { // cut short: not an outcome of the read
		return effect.Result{}, stopOf(ctx)
	}
	if short := (*Short)(nil); errors.As(err, &short) {
		return effect.Result{}, cutHere()
	}
	res.Value = guarded(call.Op, res.Value)
	kind, body, err := r.outcomeBody(call, res, err)
	if err != nil {
		return effect.Result{}, err
	}
	body.Args = args
	closed, err := r.close(call, kind, body)
	if err == nil && call.Op.ReturnsSecrets() {
		closed.Value = res.Value // the journal's own copy holds digests
	}
	return closed, err
}

// write carries a write out: intent, call, outcome. rec is nil for a new
// effect; otherwise it was begun by a runner before.
func (r *Recorder) write(ctx context.Context, call effect.Call, args []byte, rec *history.Effect) (effect.Result, error) {
	unknown := false
	var doubt error // what the last attempt said of its unknown outcome
	if rec != nil {
		call.Began, call.Attempt = rec.Began, rec.Attempt
		unknown = rec.State == history.Open
		if rec.CutShort && unknown { // by a runner that did not come to the rollback
			r.mu.Lock()
			r.leave(call)
			r.mu.Unlock()
			return r.withoutOutcome(ctx, call)
		}
	} else {
		call.Attempt = 0
	}
	for sent := 0; ; {
		if unknown {
			done, res, err := r.resolve(ctx, call, sent, doubt)
			if done {
				return res, err
			}
			if call.Recovery == effect.Observe { // it was not applied
				if err := r.notApplied(ctx, call); err != nil {
					return effect.Result{}, err
				}
			}
		}
		if ctx.Err() != nil {
			return effect.Result{}, stopOf(ctx)
		}
		failure, err := r.revealed(ctx, &call, unknown && call.Recovery == effect.Retry)
		if err != nil {
			return effect.Result{}, err
		}
		// A wait that goes on after a resume is the same wait: no new intent.
		if waiting := rec != nil && sent == 0 && call.Op.Module == effect.ControlModule; !waiting {
			call.Attempt++
			if err := r.intend(ctx, &call, args); err != nil {
				return effect.Result{}, err
			}
		}
		if failure != nil {
			return r.unsent(call, nil, failure, nil)
		}
		if call.NotAfter, call.Until = r.opts.Journal.Until(), r.opts.Journal.Until; call.NotAfter.IsZero() {
			return effect.Result{}, r.stale(call)
		}
		sent++
		bounds, release := r.bounds(ctx, call)
		res, err := r.opts.Next.Do(bounds, call)
		release()
		var short *Short
		if errors.As(err, &short) && effect.AsError(short.Err).Code == effect.CodeUnknown {
			return r.shortened(ctx, call, short)
		}
		if s := effect.AsStop(err); s != nil {
			return effect.Result{}, s
		}
		if err != nil && (r.opts.Hard.Err() != nil || short != nil) && effect.AsError(err).Code == effect.CodeUnavailable {
			return effect.Result{}, r.neverSent(ctx, call, err)
		}
		if err == nil || effect.AsError(err).Code != effect.CodeUnknown {
			kind, body, err := r.outcomeBody(call, res, err)
			if err != nil {
				return effect.Result{}, err
			}
			return r.close(call, kind, body)
		}
		if r.opts.Hard.Err() != nil {
			return effect.Result{}, &effect.Stop{Cause: stopOf(r.opts.Hard).Cause,
				Err: fmt.Errorf("%s at %s was under way: its outcome is not known; the resume %s", call.Op, call.Where, settles(call.Recovery))}
		}
		call.Report("outcome unknown: %s", effect.AsError(err).Message)
		unknown, doubt = true, effect.AsError(err)
	}
}

// unsent records the failure of an effect that did not leave, or stops. args are
// those of one without an intent.
func (r *Recorder) unsent(call effect.Call, args []byte, failure *effect.Error, stop error) (effect.Result, error) {
	if stop != nil {
		return effect.Result{}, stop
	}
	kind, body, err := r.outcomeBody(call, effect.Result{}, failure)
	if err != nil {
		return effect.Result{}, err
	}
	body.Args = args
	return r.close(call, kind, body)
}

// notApplied takes note that a write which was begun did certainly not happen.
// Where the run is to be rolled back, it is not sent after all.
func (r *Recorder) notApplied(ctx context.Context, call effect.Call) error {
	r.mu.Lock()
	delete(r.unsettled, call.Place)
	if rec := r.hist.At(call.Place); rec != nil {
		rec.State = history.Resend
		r.signal()
	}
	r.mu.Unlock()
	return r.caughtUp(ctx, call, false)
}

// neverSent records that the operator ended the run before the request had
// left, which is no failure of the effect: it is sent by the resume.
func (r *Recorder) neverSent(ctx context.Context, call effect.Call, why error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	body := effect.Body{Op: call.Op.String(), Where: call.Where, Attempt: call.Attempt,
		Outcome: string(history.OutcomeNotApplied), Reason: effect.AsError(why).Message}
	if err := r.append(context.Background(), r.event(effect.EffectObserved, call, body)); err != nil {
		return err
	}
	delete(r.unsettled, call.Place)
	switch {
	case r.opts.Hard.Err() != nil:
		return stopOf(r.opts.Hard)
	case ctx.Err() == nil && r.ending():
		return cutHere()
	}
	return stopOf(ctx)
}

// bounds chooses the context of a write: once sent it is left to finish, but a
// wait of the engine's own ends as soon as the run shall stop, or the main chunk
// is cut. release frees the context.
func (r *Recorder) bounds(ctx context.Context, call effect.Call) (bounds context.Context, release func()) {
	if call.Op.Module != effect.ControlModule {
		return r.opts.Hard, func() {}
	}
	return r.untilCut(ctx)
}

// intend records the intent. The first one fixes when the effect began.
func (r *Recorder) intend(ctx context.Context, call *effect.Call, args []byte) error {
	kind := effect.EffectIntended
	switch op := call.Op.String(); {
	case op == effect.OpSleep:
		kind = effect.TimerSet
	case effect.Asks(op):
		kind = effect.QuestionAsked
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.stop != nil:
		return r.stop
	case r.ended[call.Place]:
		return withBranch()
	}
	if call.Attempt == 1 && r.ending() { // since it was caught up
		return cutHere()
	}
	ev := r.event(kind, *call, effect.Body{Op: call.Op.String(), Args: args, Class: call.Class, Recovery: call.Recovery,
		Key: call.Key, Attempt: call.Attempt, Where: call.Where})
	if call.Began.IsZero() {
		call.Began = ev.At
	}
	if kind == effect.TimerSet && isOver(*call) {
		r.pending.owed = true
		return r.buffer(ev)
	}
	if err := r.append(context.WithoutCancel(ctx), ev); err != nil {
		return err
	}
	if kind == effect.EffectIntended {
		r.unsettled[call.Place] = true
	}
	return nil
}

// isOver reports whether a sleep ends as it begins. A resume that finds nothing of
// it sleeps anew, and that takes no time: it may share the next commit.
func isOver(call effect.Call) bool {
	until, err := effect.SleepUntil(call.Args, call.Began)
	return err == nil && !until.After(call.Began)
}

// close records the outcome and lets the branch go on, in one critical
// section: the journal's order of outcomes is the order of branches.
func (r *Recorder) close(call effect.Call, kind effect.Kind, body effect.Body) (effect.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended[call.Place] {
		return effect.Result{}, withBranch()
	}
	// What happened is recorded even when the run is being stopped.
	if err := r.settle(call, r.event(kind, call, body)); err != nil {
		return effect.Result{}, err
	}
	r.live++
	if call.Op.Module == effect.ControlModule && call.Place.Line() != "" {
		r.waited[call.Place] = true
	}
	delete(r.unsettled, call.Place)
	if rec := r.hist.At(call.Place); rec != nil { // begun by a runner before
		rec.State = history.Closed
		r.signal()
	}
	settled(call)
	return outcome(body.Value, body.Error)
}

// settles says what a resume does about an unknown outcome.
func settles(r effect.Recovery) string {
	switch r {
	case effect.Retry:
		return "sends it again with the same key"
	case effect.Observe:
		return "asks the backend whether it happened"
	case effect.Forgo:
		return "goes on without it"
	}
	return "asks you what happened"
}

// outcomeBody encodes what the next Handler returned.
func (r *Recorder) outcomeBody(call effect.Call, res effect.Result, failure error) (effect.Kind, effect.Body, error) {
	body := effect.Body{Op: call.Op.String(), Class: call.Class, Attempt: call.Attempt, Where: call.Where}
	if failure != nil {
		body.Error = stamped(effect.AsError(failure), call)
		return effect.EffectFailed, body, nil
	}
	secret := guarded(call.Op, res.Value)
	r.secrets.learn(r.opts.Digest, secret)
	value, err := r.encode(secret)
	if err != nil {
		// The effect happened; its value cannot be kept. That is the backend's
		// fault and the script's error, not a reason to do it again.
		body.Error = stamped(effect.Errorf(effect.CodeInternal, "%s succeeded, but returned what cannot be recorded: %v", call.Op, err), call)
		return effect.EffectFailed, body, nil
	}
	body.Value = value
	return effect.EffectDone, body, nil
}

func (r *Recorder) encode(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return effect.Encode(v, r.opts.Digest)
}

// stamped returns the failure as it is recorded, and as the script sees it now
// and in every replay.
func stamped(e *effect.Error, call effect.Call) *effect.Error {
	const replacement = "\uFFFD" // as JSON has it
	c := *e
	c.Message, c.Hint = strings.ToValidUTF8(c.Message, replacement), strings.ToValidUTF8(c.Hint, replacement)
	if c.Op == "" {
		c.Op = call.Op.String()
	}
	if c.Where == (effect.Position{}) {
		c.Where = call.Where
	}
	return &c
}

func (r *Recorder) stale(call effect.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.halt(&effect.Stop{Cause: effect.Fenced, Err: fmt.Errorf(
		"%s at %s was not sent: this runner stalled past its lease, and another may have taken the run over", call.Op, call.Where)})
}

// errUnsettled is the reason why a run is parked.
var errUnsettled = errors.New("nobody knows whether it happened")
