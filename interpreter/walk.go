package interpreter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// walk is a Walk under way.
type walk struct {
	Walk
	past   *history.History // what History comes to
	ledger Ledger           // that of the stack, or unwritten
	header script.Header

	heartbeat *heartbeat
	inbox     *inbox
	control   *control
	underway  *underway
	recorder  *replay.Recorder
	script    *script.Script
	failure   error // of the main chunk, if it failed by itself
}

func newWalk(w Walk) *walk {
	if w.Stack.Watch == nil {
		w.Stack.Watch = nobody{}
	}
	k := &walk{Walk: w, ledger: w.Stack.Ledger}
	k.underway = newUnderway(nil, k.note)
	if k.ledger == nil {
		k.ledger = unwritten{}
	}
	return k
}

// note tells the Watcher what the run waits for that is no effect, if it hears
// that.
func (k *walk) note(line string) {
	if w, hears := k.Stack.Watch.(interface{ Note(line string) }); hears {
		w.Note(line)
	}
}

// carry walks the run to where it ends or stops, records that, and gives up
// the lease.
func (k *walk) carry(ctx context.Context) (Outcome, error) {
	after := context.WithoutCancel(ctx) // what is recorded although ctx has ended
	k.past = history.Of(k.History)
	k.control = newControl(k.Walk, k.past)
	k.heartbeat, k.inbox = newHeartbeat(ctx, k), &inbox{walk: k}
	k.control.latest = k.inbox.latest
	k.heartbeat.start()
	defer k.heartbeat.close()

	if ev := k.past.Cancel; ev != nil { // nobody has heard it
		return k.stopped(after, canceled(*ev)), nil
	}
	if ev := k.past.Request; ev != nil {
		k.underway.end(wanted(*ev), graceOf(*ev))
	}
	status := effect.StatusRunning
	if k.past.Rolling() {
		status = effect.StatusRollingBack
	}
	resumed := k.By != "" || k.Run.Status != effect.StatusRunning && k.Run.Status != effect.StatusRollingBack
	if resumed && k.past.Request == nil {
		ev := effect.Event{At: k.Stack.Clock.Now().UTC(), Kind: effect.StatusChanged, Body: effect.Body{Status: status, By: k.By, Hash: k.Program}}
		if err := k.ledger.SetStatus(ctx, status, ev); err != nil {
			return k.ended(after, stopFor(err)), nil
		}
	}
	if err := k.open(k.heartbeat.hard); err != nil {
		return k.ended(after, err), nil
	}
	defer k.script.Close()

	err := k.script.Run(k.heartbeat.soft)
	if effect.AsStop(err) == nil {
		k.failure = err
		if diverged := effect.AsStop(k.recorder.Finish()); diverged != nil {
			err = diverged.Because(k.failure)
		}
	}
	out := k.ended(after, err)
	if k.Stack.Ended != nil {
		k.Stack.Ended(k.script, out)
	}
	return out, nil
}

// open makes the stack of Handlers and compiles the script.
func (k *walk) open(ctx context.Context) error {
	known := redact.NewKnown(redact.Collect(k.Params)...)
	var world effect.Handler = marking{redact.Handler{Known: known, Next: checking{k.Stack.World}}}
	if k.Stack.Route != nil {
		world = k.Stack.Route(k.control, world)
	} else {
		world = router{k.control, world}
	}
	if k.Stack.Lease != nil { // somebody may ask for an end
		k.underway.next = world
		world = k.underway
	}
	o := replay.Options{Run: k.Run.ID, History: k.past, Next: watching{k.Stack.Watch, world}, Now: k.Stack.Clock.Now, Digest: k.Stack.Digest,
		Watch: k.Stack.Watch.Recorded, Hard: ctx, Cut: k.past.Request != nil, Note: k.note, Forget: k.Forget, Missing: k.Missing, Answered: k.Stack.Answered}
	if k.Stack.Ledger != nil {
		o.Journal = writing{k.Stack.Ledger, k.heartbeat.wakeUp}
		o.Hold, o.Broken = k.Stack.Hold, k.heartbeat.stop
	}
	for _, digest := range slices.Sorted(maps.Keys(k.Missing)) {
		k.note(fmt.Sprintf("%v; the rollback goes on without: texts that effects return are withheld, which could show it", k.Missing[digest]))
	}
	k.recorder = replay.New(o)
	k.ledger = flushing{k.ledger, k.recorder}
	k.inbox.cuts(k.recorder)
	top := k.guarded()
	if k.Stack.Above != nil {
		top = k.Stack.Above(top)
	}
	so := script.Options{Main: k.Main, Loader: k.Loader, Catalog: k.Stack.Catalog, Handler: learning{known, top}, OnHeader: k.onHeader,
		Run: cmp.Or(k.past.Origin, k.Run.ID)}
	if k.Stack.Equip != nil {
		k.Stack.Equip(&so)
	}
	told := so.Idle
	so.Idle = func(away int) {
		k.recorder.Idle(away)
		if told != nil {
			told(away)
		}
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

// onHeader takes the locks that the runbook names and returns the parameters
// of the run, which were checked when it started.
func (k *walk) onHeader(ctx context.Context, h script.Header) (map[string]any, error) {
	k.header = h
	if err := k.permitted(ctx); err != nil {
		return nil, err
	}
	if len(h.Locks) == 0 {
		return k.Params, nil
	}
	if err := k.ledger.Lock(ctx, h.Locks); err != nil {
		return nil, stopFor(err)
	}
	return k.Params, nil
}

// ended decides what becomes of the run after its main chunk, and records it.
func (k *walk) ended(ctx context.Context, err error) Outcome {
	if k.recorder != nil {
		err = k.flushed(ctx, err)
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

// flushed records what the main chunk, which ended with err, still held back.
func (k *walk) flushed(ctx context.Context, err error) error {
	held := k.recorder.Unrecorded()
	flushErr := k.recorder.Flush(ctx)
	stop := effect.AsStop(err)
	switch {
	case flushErr != nil && stop == nil:
		return flushErr
	case flushErr == nil && held > 0 && stop != nil && stop.Cause == effect.Unwritable: // which said that they are lost
		return &effect.Stop{Cause: stop.Cause, Err: fmt.Errorf("%w (a moment later it could be: the outcome is recorded)", stop.Err)}
	}
	return err
}

// failed does what the header's on_failure says.
func (k *walk) failed(ctx context.Context, err error) Outcome {
	if k.script == nil || len(k.script.Rollbacks()) == 0 && !k.rollsBack() {
		return k.settle(ctx, effect.StatusFailed, err)
	}
	policy := k.header.OnFailure
	if k.rollsBack() && k.past.At(rollbackQuestion) == nil {
		policy = OnFailureRollback
	}
	switch policy {
	case OnFailureStop:
		return k.settle(ctx, effect.StatusFailed, err)
	case OnFailureAsk:
		choice, stopped := k.decided(err)
		if s := effect.AsStop(stopped); s != nil && s.Cause != effect.RollingBack {
			return k.stopped(ctx, s)
		} else if s == nil && choice != script.ChoiceRollback && !k.rollsBack() {
			return k.settle(ctx, effect.StatusFailed, err)
		}
	}
	return k.rollBack(ctx, err)
}

// rollbackQuestion is the place of the question what becomes of a run that
// failed, where no step asked before.
var rollbackQuestion = effect.QuestionPlace(1)

// decided returns what people chose for a run that failed: rollback, or to leave
// it as it is. They are asked unless they said so when a step failed.
func (k *walk) decided(failure error) (string, error) {
	if choice := k.script.Decision(); choice != "" {
		return choice, nil
	}
	op, _ := k.Stack.Catalog.Op(effect.OpChoose)
	args, err := op.Check(k.header.Ask.Args("the run failed", shown(failure), script.ChoiceRollback, script.ChoiceAbort))
	if err != nil {
		return "", err
	}
	res, err := k.recorder.Do(k.heartbeat.soft, effect.Call{Place: rollbackQuestion, Op: op, Args: args,
		Class: op.Class, Recovery: op.Recovery, Where: k.header.Where})
	value, _ := res.Value.(map[string]any)
	choice, _ := value["choice"].(string)
	return choice, err
}

// shown is a failure without its place in the script, so that an edited one asks
// the same.
func shown(failure error) string {
	var e *script.Error
	if errors.As(failure, &e) {
		return e.Message
	}
	return failure.Error()
}

// Values of the header's on_failure.
const (
	OnFailureRollback = "rollback"
	OnFailureAsk      = "ask"
	OnFailureStop     = "stop"
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
		if k.Run.Status.Terminal() { // a rollback that could not begin
			return k.settle(ctx, k.Run.Status, s)
		}
		// An edited script names a lock that the run has not; or people have agreed
		// to an emergency, and need not again.
		if k.past.Began() || k.Emergency != nil {
			return k.settle(ctx, effect.StatusInterrupted, s)
		}
		return k.settle(ctx, effect.StatusCanceled, s)
	case effect.Fenced: // the journal is no longer ours to write
		return k.outcome(k.Run.Status, s)
	case effect.Unwritable:
		out := k.outcome(effect.StatusInterrupted, s)
		if k.Stack.Lease == nil {
			return out
		}
		_ = k.Stack.Lease.Close(ctx) // it may be writable again; the lease ends by itself if not
		return out
	}
	return k.settle(ctx, effect.StatusInterrupted, s)
}

// settle records the status in which the walk leaves the run. A rollback that
// was asked for in the last instant is carried out instead.
func (k *walk) settle(ctx context.Context, status effect.Status, why error) Outcome {
	body := effect.Body{Status: status}
	var scriptErr *script.Error
	switch {
	case errors.As(why, &scriptErr):
		body.Error = recorded(scriptErr)
	case why != nil:
		body.Reason = why.Error()
	}
	ev := effect.Event{At: k.Stack.Clock.Now().UTC(), Kind: effect.StatusChanged, Body: body}
	err := journal.ErrUnread
	for errors.Is(err, journal.ErrUnread) {
		if k.turnsBack(status) {
			return k.rollBack(ctx, why)
		}
		err = k.inbox.conclude(func() error {
			if k.turnsBack(status) {
				return journal.ErrUnread
			}
			return k.ledger.SetStatus(ctx, status, ev)
		})
	}
	if err != nil {
		s := effect.AsStop(stopFor(err))
		if s.Cause == effect.Fenced { // whoever holds the run now says how it ends
			return k.outcome(k.Run.Status, s)
		}
		return k.outcome(effect.StatusInterrupted, &effect.Stop{Cause: s.Cause,
			Err: fmt.Errorf("record that the run is %s: %w", status, errors.Join(err, why))})
	}
	k.Stack.Watch.Recorded(ev)
	return k.outcome(status, why)
}

// turnsBack reports whether a run that is about to get this status is rolled
// back instead. One that stops for another reason keeps the request for whoever
// takes it up.
func (k *walk) turnsBack(status effect.Status) bool {
	switch status {
	case effect.StatusSucceeded, effect.StatusFailed, effect.StatusWaiting:
		return k.script != nil && k.recorder != nil && k.inbox.rollbackAsked()
	}
	return false
}

// recorded is the form in which a script's failure stands in the journal.
func recorded(e *script.Error) *effect.Error {
	if e.Effect != nil {
		return e.Effect
	}
	return &effect.Error{Code: effect.CodeRaised, Message: e.Message, Where: e.Where, Hint: e.Hint}
}

func (k *walk) outcome(status effect.Status, why error) Outcome {
	out := Outcome{Run: k.Run.ID, Name: k.Run.Name, Status: status, Err: why, Header: k.header}
	if k.recorder != nil {
		out.Live, out.Replayed = k.recorder.Live(), k.recorder.Replayed()
	}
	return out
}

// writing makes a journal's errors Stops, and says when an append has met
// something that others sent.
type writing struct {
	w    Journal
	wake func()
}

// Append writes events.
func (w writing) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	written, err := w.w.Append(ctx, events...)
	if err != nil {
		return nil, stopFor(err)
	}
	if inbox, ok := w.w.(interface{ Unread() bool }); ok && inbox.Unread() {
		w.wake()
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
