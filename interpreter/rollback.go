package interpreter

import (
	"context"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// rollsBack reports whether the run is in a rollback, or one is asked for.
func (k *walk) rollsBack() bool {
	return k.past.Rolling() || k.past.Request != nil || k.inbox.rollbackAsked()
}

func canceled(ev effect.Event) *effect.Stop {
	return &effect.Stop{Cause: effect.Canceled, Err: errors.New("canceled by " + ev.Body.By + because(ev.Body.Reason))}
}

// errNothingRegistered is why a run that was to be rolled back just ends.
var errNothingRegistered = errors.New("a rollback was asked for, and the run had registered none with on_rollback: it ends where it stands")

// rollBack runs the registered rollbacks, newest first. Attempts that were
// made before are walked again, answered by the journal; the last one goes on
// where it stopped. A rollback that fails does not keep the others from
// running, unless people say so.
func (k *walk) rollBack(ctx context.Context, cause error) Outcome {
	if s := k.recorder.BeginRollback(); s != nil {
		return k.stopped(ctx, s)
	}
	before := k.past.Attempts
	attempts := before
	if before == 0 || k.past.Request != nil || k.inbox.rollbackAsked() {
		attempts++
	}
	done := map[int]bool{} // by registration
	var failures []error
	for attempt := 1; attempt <= attempts; attempt++ {
		if attempt > before {
			if err := k.beginAttempt(ctx, attempt, cause); err != nil {
				return k.stopped(ctx, effect.AsStop(stopFor(err)))
			}
		}
		failures = nil
		for _, rb := range k.script.Rollbacks() {
			if done[rb.Index] {
				continue
			}
			err := k.runRollback(k.heartbeat.soft, attempt, rb)
			if s := effect.AsStop(err); s != nil {
				return k.stopped(ctx, s)
			}
			if err != nil {
				failures = append(failures, fmt.Errorf("the rollback registered at %s failed: %w", rb.Where, err))
				if k.script.Abandoned() {
					break
				}
				continue
			}
			done[rb.Index] = true
		}
	}
	if err := k.recorder.Finish(); err != nil {
		return k.stopped(ctx, effect.AsStop(err))
	}
	if err := k.recorder.Flush(ctx); err != nil {
		return k.stopped(ctx, effect.AsStop(err))
	}
	status := effect.StatusRolledBack
	switch {
	case len(failures) > 0:
		status = effect.StatusRollbackFailed
	case len(k.script.Rollbacks()) == 0: // nothing was taken back
		status, cause = effect.StatusCanceled, errors.Join(errNothingRegistered, cause)
	}
	if left := k.recorder.Left(); left != nil && status != effect.StatusRollbackFailed {
		// What was registered has run. Whether something is left to be taken back
		// is for a person to say.
		status, cause = effect.StatusUnknown, &effect.Stop{Cause: effect.Parked, Err: left}
	}
	out := k.settle(ctx, status, cause)
	out.Rollbacks = failures
	return out
}

// beginAttempt records that a rollback starts.
func (k *walk) beginAttempt(ctx context.Context, attempt int, cause error) error {
	body := effect.Body{Attempt: attempt, Status: effect.StatusRollingBack, Hash: k.Program}
	if cause != nil {
		body.Reason = cause.Error()
	}
	started := effect.Event{At: k.Stack.Clock.Now().UTC(), Kind: effect.RollbackStarted, Body: body}
	status := effect.Event{At: started.At, Kind: effect.StatusChanged, Body: effect.Body{Status: effect.StatusRollingBack}}
	if err := k.ledger.SetStatus(ctx, effect.StatusRollingBack, started, status); err != nil {
		return err
	}
	k.Stack.Watch.Recorded(started)
	k.inbox.rollbackBegun()
	return nil
}

// runRollback runs one registered function and marks its end, so that a
// rollback can be seen to be complete.
func (k *walk) runRollback(ctx context.Context, attempt int, rb script.Rollback) error {
	place := effect.RollbackPlace(attempt, rb.Index)
	args := map[string]any{"name": rb.Name}
	err := k.script.RunRollback(ctx, rb, place, k.asksAbout(place))
	if stop := effect.AsStop(err); stop != nil {
		if stop.Cause != effect.Exhausted {
			return err
		}
		// It fails alone: what the others take back is waiting.
		err = stop.Err
		args["exhausted"] = true
	}
	if recorded := k.past.Exhausted[place]; recorded != nil && err == nil { // a faster machine changes nothing
		err = recorded
	}
	if err != nil {
		args["error"] = err.Error()
	}
	op, _ := k.Stack.Catalog.Op(effect.OpBranchLeft)
	if _, markErr := k.recorder.Do(ctx, effect.Call{Place: place, Op: op, Args: args, Class: effect.Mark, Where: rb.Where}); markErr != nil {
		return markErr
	}
	return err
}

// asksAbout reports whether people are asked if the function of a rollback fails.
// Where it has failed already and nobody was asked, an older runbook ran it.
func (k *walk) asksAbout(place effect.Place) bool {
	return k.header.OnFailure == OnFailureAsk && (!k.past.Marks[place] || k.past.Chosen(place))
}
