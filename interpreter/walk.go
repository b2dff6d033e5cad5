package interpreter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Journal is what a walk writes effects to.
type Journal = replay.Journal

// ledger is all that a walk needs of the run that it holds: a *journal.Writer,
// or a simulation's memory.
type ledger interface {
	Journal
	standing
	lease
}

// standing is what a run has beside its effects.
type standing interface {
	SetStatus(ctx context.Context, st effect.Status, events ...effect.Event) error
	Lock(ctx context.Context, names []string) error
	AddSource(ctx context.Context, s journal.Source, ev effect.Event) error
}

// lease is the right to carry the run, and the ear for what others post.
type lease interface {
	Renew(ctx context.Context) error
	News(ctx context.Context) ([]effect.Event, error)
	Close(ctx context.Context) error
}

// walk is one walk through one script.
type walk struct {
	engine  *Engine
	opts    Options
	writer  ledger // nil: read-only
	run     journal.Run
	history []effect.Event
	header  script.Header
	params  map[string]any
	main    script.Source
	loader  script.Loader
	seal    func(effect.Secret) string
	sim     *simulated     // nil for a walk in the real world
	plan    *simulate.Plan // which the run is held to; nil without one

	keeper   *keeper
	control  *control
	recorder *replay.Recorder
	script   *script.Script
}

// carry walks the run to where it ends or stops, records that, and gives up
// the lease.
func (k *walk) carry(ctx context.Context) (Outcome, error) {
	after := context.WithoutCancel(ctx) // what is recorded although ctx has ended
	k.control = newControl(k.opts, k.history)
	k.keeper = keep(ctx, k)
	k.control.latest = k.keeper.latest
	defer k.keeper.close()

	if s := cancelPending(k.history); s != nil {
		return k.stopped(after, s), nil
	}
	status := effect.StatusRunning
	if rollbackAttempts(k.history) > 0 {
		status = effect.StatusRollingBack
	}
	if k.run.Status != effect.StatusRunning && k.run.Status != effect.StatusRollingBack && !rollbackPending(k.history) {
		if err := k.writer.SetStatus(ctx, status); err != nil {
			return k.ended(after, stopFor(err)), nil
		}
	}
	if err := k.open(k.keeper.hard, replay.Options{Journal: k.journal(), NoNewEffects: k.noNewEffects()}); err != nil {
		return k.ended(after, err), nil
	}
	defer k.script.Close()

	err := k.script.Run(k.keeper.context())
	if effect.AsStop(err) == nil {
		if diverged := k.recorder.Finish(); diverged != nil {
			err = diverged
		}
	}
	return k.ended(after, err), nil
}

// open makes the stack of Handlers and compiles the script.
func (k *walk) open(ctx context.Context, o replay.Options) error {
	var secrets []effect.Secret
	for _, p := range k.params {
		secrets = collect(p, secrets)
	}
	o.Run, o.History, o.Now, o.Seal, o.Watch, o.Hard = k.run.ID, k.history, k.opts.Clock.Now, k.seal, k.opts.Watch.Recorded, ctx
	world := redacting{secrets, k.opts.World}
	o.Next = watching{k.opts.Watch, router{k.control, world}}
	if k.sim != nil {
		o.Next = k.sim.stack(k.control, world)
	}
	k.recorder = replay.New(o)
	so := script.Options{Main: k.main, Loader: k.loader, Catalog: k.opts.Catalog, Handler: k.guarded(), OnHeader: k.onHeader}
	if k.sim != nil {
		k.sim.equip(&so)
	}
	var err error
	k.script, err = script.New(so)
	return err
}

// router divides effects between the engine and the world.
type router struct{ control, world effect.Handler }

// Do hands the call to whoever carries it out.
func (r router) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	if call.Op.Module == effect.ControlModule {
		return r.control.Do(ctx, call)
	}
	return r.world.Do(ctx, call)
}

func (k *walk) journal() Journal {
	var j Journal = writing{k.writer}
	if k.opts.Wrap != nil {
		j = k.opts.Wrap(j)
	}
	return j
}

// onHeader takes the locks that the runbook names and returns the parameters
// of the run, which were checked when it started.
func (k *walk) onHeader(ctx context.Context, h script.Header) (map[string]any, error) {
	k.header = h
	if k.writer == nil || len(h.Locks) == 0 {
		return k.params, nil
	}
	if err := k.writer.Lock(ctx, h.Locks); err != nil {
		return nil, stopFor(err)
	}
	return k.params, nil
}

// noNewEffects stops the main chunk of a run that is to be rolled back at the
// place that it had come to.
func (k *walk) noNewEffects() effect.Cause {
	if rollbackPending(k.history) {
		return effect.RollingBack
	}
	return ""
}

// ended decides what becomes of the run after its main chunk, and records it.
func (k *walk) ended(ctx context.Context, err error) Outcome {
	if k.recorder != nil {
		if flushErr := k.recorder.Flush(ctx); flushErr != nil && effect.AsStop(err) == nil {
			err = flushErr
		}
	}
	stop := effect.AsStop(err)
	switch {
	case stop != nil && stop.Cause == effect.RollingBack, k.recorder != nil && err == nil && k.rollsBack():
		return k.rollBack(ctx, nil)
	case stop != nil && stop.Cause != effect.Exhausted:
		return k.stopped(ctx, stop)
	case err == nil:
		return k.settle(ctx, effect.StatusSucceeded, nil)
	}
	return k.failed(ctx, err)
}

// failed does what the header's on_failure says.
func (k *walk) failed(ctx context.Context, err error) Outcome {
	if k.script == nil || len(k.script.Rollbacks()) == 0 && !k.rollsBack() {
		return k.settle(ctx, effect.StatusFailed, err)
	}
	policy := k.header.OnFailure
	if k.rollsBack() && !k.askedToRollBack() {
		policy = onFailureRollback
	}
	switch policy {
	case onFailureStop:
		return k.settle(ctx, effect.StatusFailed, err)
	case onFailureAsk:
		answer := k.askToRollBack(err)
		if s := effect.AsStop(answer); s != nil && s.Cause != effect.RollingBack {
			return k.stopped(ctx, s)
		} else if s == nil && answer != nil && !k.rollsBack() {
			return k.settle(ctx, effect.StatusFailed, err)
		}
	}
	return k.rollBack(ctx, err)
}

// rollbackQuestion is the place of the question whether to roll back.
const rollbackQuestion = "q1"

// askedToRollBack reports whether the question stands in the journal, so that
// a replay has to come to it as well.
func (k *walk) askedToRollBack() bool {
	return slices.ContainsFunc(k.history, func(ev effect.Event) bool {
		return ev.Kind == effect.QuestionAsked && ev.Place == rollbackQuestion
	})
}

// askToRollBack asks people whether a failed run is to be rolled back; nil is
// a yes.
func (k *walk) askToRollBack(failure error) error {
	op, _ := k.opts.Catalog.Op(effect.OpApprove)
	args, err := op.Check(map[string]any{"title": "roll back?", "detail": failure.Error()})
	if err != nil {
		return err
	}
	_, err = k.recorder.Do(k.keeper.context(), effect.Call{Place: rollbackQuestion, Op: op, Args: args,
		Class: op.Class, Recovery: op.Recovery, Where: k.header.Where})
	return err
}

// Values of the header's on_failure.
const (
	onFailureRollback = "rollback"
	onFailureAsk      = "ask"
	onFailureStop     = "stop"
)

// stopped records a walk that was cut short.
func (k *walk) stopped(ctx context.Context, s *effect.Stop) Outcome {
	switch s.Cause {
	case effect.Waiting:
		return k.settle(ctx, effect.StatusWaiting, s)
	case effect.Parked:
		return k.settle(ctx, effect.StatusUnknown, s)
	case effect.Canceled:
		return k.settle(ctx, effect.StatusCanceled, s)
	case effect.LockHeld:
		if k.run.Status.Terminal() { // a rollback that could not begin
			return k.settle(ctx, k.run.Status, s)
		}
		if k.begun() { // an edited script names a lock that the run has not
			return k.settle(ctx, effect.StatusInterrupted, s)
		}
		return k.settle(ctx, effect.StatusCanceled, s)
	case effect.Fenced: // the journal is no longer ours to write
		return k.outcome(k.run.Status, s)
	case effect.Unwritable:
		out := k.outcome(effect.StatusInterrupted, s)
		_ = k.writer.Close(ctx) // it may be writable again; the lease ends by itself if not
		return out
	}
	return k.settle(ctx, effect.StatusInterrupted, s)
}

// begun reports whether the run has come to an effect.
func (k *walk) begun() bool {
	return slices.ContainsFunc(k.history, func(ev effect.Event) bool {
		return ev.Body.Op != "" && !(ev.Body.Class == effect.Value || ev.Body.Class == effect.Mark)
	})
}

// settle records the status in which the walk leaves the run.
func (k *walk) settle(ctx context.Context, status effect.Status, why error) Outcome {
	body := effect.Body{Status: status}
	var scriptErr *script.Error
	switch {
	case errors.As(why, &scriptErr):
		body.Error = recorded(scriptErr)
	case why != nil:
		body.Reason = why.Error()
	}
	ev := effect.Event{At: k.opts.Clock.Now().UTC(), Kind: effect.StatusChanged, Body: body}
	if err := k.writer.SetStatus(ctx, status, ev); err != nil {
		s := effect.AsStop(stopFor(err))
		if s.Cause == effect.Fenced { // whoever holds the run now says how it ends
			return k.outcome(k.run.Status, s)
		}
		return k.outcome(effect.StatusInterrupted, &effect.Stop{Cause: s.Cause,
			Err: fmt.Errorf("record that the run is %s: %w", status, errors.Join(err, why))})
	}
	k.opts.Watch.Recorded(ev)
	return k.outcome(status, why)
}

// recorded is the form in which a script's failure stands in the journal.
func recorded(e *script.Error) *effect.Error {
	if e.Effect != nil {
		return e.Effect
	}
	return &effect.Error{Code: effect.CodeRaised, Message: e.Message, Where: e.Where, Hint: e.Hint}
}

func (k *walk) outcome(status effect.Status, why error) Outcome {
	out := Outcome{Run: k.run.ID, Name: k.run.Name, Status: status, Err: why}
	if k.recorder != nil {
		out.Live, out.Replayed = k.recorder.Live(), k.recorder.Replayed()
	}
	return out
}

// writing makes a journal's errors Stops.
type writing struct{ w Journal }

// Append writes events.
func (w writing) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	written, err := w.w.Append(ctx, events...)
	if err != nil {
		return nil, stopFor(err)
	}
	return written, nil
}

// Until asks the lease.
func (w writing) Until() time.Time { return w.w.Until() }

// stopFor says what a journal's error means for the run.
func stopFor(err error) error {
	var fenced *journal.FencedError
	var locked *journal.LockedError
	switch {
	case effect.AsStop(err) != nil:
		return err
	case errors.As(err, &fenced):
		return &effect.Stop{Cause: effect.Fenced, Err: err}
	case errors.As(err, &locked):
		return &effect.Stop{Cause: effect.LockHeld, Err: err}
	}
	return &effect.Stop{Cause: effect.Unwritable, Err: err}
}

// readRegular reads a file that a script may require.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	return os.ReadFile(path)
}
