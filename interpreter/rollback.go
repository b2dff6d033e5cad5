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
	return rollbackAttempts(k.history) > 0 || rollbackPending(k.history) || k.keeper.rollbackAsked()
}

// rollbackAttempts counts the rollbacks that have started.
func rollbackAttempts(events []effect.Event) int {
	n := 0
	for _, ev := range events {
		if ev.Kind == effect.RollbackStarted {
			n++
		}
	}
	return n
}

// rollbackPending reports whether a rollback was requested that has not
// started, and the run was not canceled since.
func rollbackPending(events []effect.Event) bool {
	pending := false
	for _, ev := range events {
		switch ev.Kind {
		case effect.RollbackRequested:
			pending = true
		case effect.RollbackStarted, effect.CancelRequested:
			pending = false
		}
	}
	return pending
}

// cancelPending returns the cancellation that was posted to a runner which
// ended before it heard of it.
func cancelPending(events []effect.Event) *effect.Stop {
	var pending *effect.Stop
	ended := false
	for _, ev := range events {
		switch ev.Kind {
		case effect.CancelRequested:
			if !ended {
				pending = canceled(ev)
			}
		case effect.StatusChanged:
			if ended = ev.Body.Status.Terminal(); ended {
				pending = nil
			}
		}
	}
	return pending
}

func canceled(ev effect.Event) *effect.Stop {
	return &effect.Stop{Cause: effect.Canceled, Err: errors.New("canceled by " + ev.Body.By + because(ev.Body.Reason))}
}

// rollBack runs the registered rollbacks, newest first. Attempts that were
// made before are walked again, answered by the journal; the last one goes on
// where it stopped. A rollback that fails does not keep the others from
// running.
func (k *walk) rollBack(ctx context.Context, cause error) Outcome {
	if s := k.recorder.BeginRollback(); s != nil {
		return k.stopped(ctx, s)
	}
	before := rollbackAttempts(k.history)
	attempts := before
	if before == 0 || rollbackPending(k.history) || k.keeper.rollbackAsked() {
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
			err := k.runRollback(k.keeper.context(), attempt, rb)
			if s := effect.AsStop(err); s != nil {
				return k.stopped(ctx, s)
			}
			if err != nil {
				failures = append(failures, fmt.Errorf("the rollback registered at %s failed: %w", rb.Where, err))
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
	if len(failures) > 0 {
		status = effect.StatusRollbackFailed
	}
	out := k.settle(ctx, status, cause)
	out.Rollbacks = failures
	return out
}

// beginAttempt records that a rollback starts.
func (k *walk) beginAttempt(ctx context.Context, attempt int, cause error) error {
	body := effect.Body{Attempt: attempt, Status: effect.StatusRollingBack}
	if cause != nil {
		body.Reason = cause.Error()
	}
	started := effect.Event{At: k.opts.Clock.Now().UTC(), Kind: effect.RollbackStarted, Body: body}
	status := effect.Event{At: started.At, Kind: effect.StatusChanged, Body: effect.Body{Status: effect.StatusRollingBack}}
	if err := k.writer.SetStatus(ctx, effect.StatusRollingBack, started, status); err != nil {
		return err
	}
	k.opts.Watch.Recorded(started)
	k.keeper.rollbackBegun()
	return nil
}

// runRollback runs one registered function and marks its end, so that a
// rollback can be seen to be complete.
func (k *walk) runRollback(ctx context.Context, attempt int, rb script.Rollback) error {
	prefix := fmt.Sprintf("r%d.%d", attempt, rb.Index)
	err := k.script.RunRollback(ctx, rb, prefix)
	if effect.AsStop(err) != nil {
		return err
	}
	args := map[string]any{"name": rb.Name}
	if err != nil {
		args["error"] = err.Error()
	}
	op, _ := k.opts.Catalog.Op(effect.OpBranchLeft)
	if _, markErr := k.recorder.Do(ctx, effect.Call{Place: prefix, Op: op, Args: args, Class: effect.Mark, Where: rb.Where}); markErr != nil {
		return markErr
	}
	return err
}
