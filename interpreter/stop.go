package interpreter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Request is a person's request to end a run, or to roll it back.
type Request struct {
	Run    string
	By     string
	Reason string
	// Grace is how long a call under way may show no sign of life before it is
	// cut short, its outcome unknown; nil means DefaultGrace.
	Grace *time.Duration
}

func (r Request) event(kind effect.Kind, at time.Time) effect.Event {
	grace := DefaultGrace
	if r.Grace != nil {
		grace = *r.Grace
	}
	return effect.Event{At: at.UTC(), Kind: kind, Body: effect.Body{By: r.By, Reason: r.Reason, Value: withGrace(grace)}}
}

// Cancel ends a run without a rollback. A runner that carries it at the moment
// is told, and ends it after the effects under way, of which those that hang are
// cut short; live says so. The error is an *Ended if the run has ended by itself.
func (e *Engine) Cancel(ctx context.Context, r Request) (live bool, err error) {
	id, ev := r.Run, r.event(effect.CancelRequested, e.opts.Clock.Now())
	err = e.endCanceled(ctx, id, ev, ev)
	var held *journal.HeldError
	if !errors.As(err, &held) {
		return false, err
	}
	_, err = e.opts.DB.Send(ctx, id, ev, func(events []effect.Event) error {
		if st := history.Of(events).Status; st.Terminal() {
			return &Ended{id, st}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	run, err := e.opts.DB.Find(ctx, id)
	if err != nil || e.held(run) {
		return err == nil, err
	}
	// The runner stopped before it could hear of it.
	err = e.endCanceled(ctx, id, ev)
	return errors.As(err, &held), ignored(err, &held)
}

// endCanceled ends a run that nobody carries.
func (e *Engine) endCanceled(ctx context.Context, id string, request effect.Event, events ...effect.Event) error {
	return e.exclusively(ctx, id, func(run journal.Run, w *journal.Writer) error {
		if run.Status == effect.StatusCanceled && len(events) == 0 {
			return nil // by the runner, which had heard it
		}
		if run.Status.Terminal() {
			return &Ended{run.ID, run.Status}
		}
		events = append(events, effect.Event{At: request.At, Kind: effect.StatusChanged,
			Body: effect.Body{Status: effect.StatusCanceled, By: request.Body.By, Reason: request.Body.Reason}})
		for {
			err := w.SetStatus(ctx, effect.StatusCanceled, events...)
			if !errors.Is(err, journal.ErrUnread) {
				return err
			}
			if _, err := w.Inbox(ctx); err != nil { // the later word counts
				return err
			}
		}
	})
}

// ignored is err, unless it is of the kind that target points to.
func ignored(err error, target any) error {
	if errors.As(err, target) {
		return nil
	}
	return err
}

// RequestRollback asks for a rollback; a Resume carries it out, unless a
// runner carries the run at the moment: live says so. That runner hears it
// before it records how the run ends. The error is ErrAlready if a rollback was
// asked for, or is under way.
//
// A runner finishes what is under way first, and cuts short what hangs. Asked
// again with another Grace, it goes by that.
func (e *Engine) RequestRollback(ctx context.Context, r Request) (live bool, err error) {
	run, err := e.opts.DB.Find(ctx, r.Run)
	if err != nil {
		return false, err
	}
	ev := r.event(effect.RollbackRequested, e.opts.Clock.Now())
	_, err = e.opts.DB.Send(ctx, run.ID, ev, func(events []effect.Event) error {
		switch h := history.Of(events); {
		case h.Status == effect.StatusRolledBack:
			return fmt.Errorf("run %s was rolled back at %s; there is nothing left to roll back", run.ID,
				events[len(events)-1].At.Local().Format("2006-01-02 15:04:05"))
		case h.Request != nil && r.Grace == nil, h.Status == effect.StatusRollingBack,
			h.Status == effect.StatusWaiting && h.Rolling(): // it asks what becomes of one that failed
			return ErrAlready
		case mayRegister(h):
			return nil
		}
		return fmt.Errorf("run %s has registered no rollback: it never came to an on_rollback", run.ID)
	})
	if err != nil && !errors.Is(err, ErrAlready) {
		return false, err
	}
	run, found := e.opts.DB.Find(ctx, run.ID) // it may have ended before the request
	return found == nil && e.held(run), errors.Join(err, found)
}

// mayRegister reports whether a run has something to roll back, or may turn out
// to have: one that stopped on its way registers what stands between the last
// effect and the next.
func mayRegister(h *history.History) bool {
	return len(h.Registered) > 0 || h.Status != effect.StatusSucceeded && h.Status != effect.StatusFailed && !h.Rolling()
}

// held reports whether a living runner holds the run.
func (e *Engine) held(run journal.Run) bool {
	return run.Holder != nil && !run.Holder.Gone(e.opts.Owner, e.opts.Clock.Now())
}

// exclusively runs f while this process holds the run.
func (e *Engine) exclusively(ctx context.Context, id string, f func(journal.Run, *journal.Writer) error) error {
	w, err := e.opts.DB.Acquire(ctx, id, e.opts.Owner)
	if err != nil {
		return err
	}
	run, err := e.opts.DB.Find(ctx, id)
	if err == nil {
		err = f(run, w)
	}
	return errors.Join(err, w.Close(context.WithoutCancel(ctx)))
}
