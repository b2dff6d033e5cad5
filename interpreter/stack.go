package interpreter

import (
	"context"
	"io"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Walk is one pass through one script: the run as far as it is recorded, the
// script, and the stack that its effects pass through. Carry makes it.
type Walk struct {
	Run     journal.Run
	History []effect.Event // of the run, so far
	Main    script.Source
	Loader  script.Loader
	Params  map[string]any // canonical
	By      string         // who takes the run up again: user@host
	People  effect.People  // who may answer what the run asks
	// Program is the SHA-256 of the program that takes it up, which is recorded; may
	// be empty.
	Program string
	// Missing says of secret parameters, by their digests, why they are not known in
	// a rollback.
	Missing map[string]error
	// Forget is as in [ResumeOptions].
	Forget bool
	// Emergency, if set, holds the arguments of the approve that the run begins with.
	Emergency map[string]any
	// Plan, if set, is what the run is held to.
	Plan  *simulate.Plan
	Stack Stack
}

// Stack is what a walk is wired to. A run, a read-only replay and a rehearsal
// differ in it and in nothing else. Catalog, World, Clock, Random, Getenv and
// Digest are required.
type Stack struct {
	Catalog *effect.Catalog
	World   effect.Handler // carries out what the engine does not
	Clock   Clock
	Random  io.Reader
	Getenv  func(string) (string, bool)
	// Calendars finds those that scripts name; nil knows none.
	Calendars Calendars
	Digest    func(effect.Secret) string // the digest of a secret, as it is recorded
	// Ledger takes what is recorded. Without one the walk is read-only: it
	// ends where the record does, with a Stop whose cause is EndOfRecord.
	Ledger Ledger
	// Lease is the right to write to the ledger, kept up while the walk is
	// under way, and the inbox of what others send. Without one nobody else
	// writes to it.
	Lease Lease
	// Hold is how long an outcome may wait to share the commit of what follows
	// it; zero commits each at once.
	Hold  time.Duration
	Watch Watcher // may be nil
	// Detach stops a walk that waits for people, instead of waiting with it.
	Detach bool
	// Stopping, once closed, stops the walk in good order.
	Stopping <-chan struct{}
	// Route, if set, makes the Handler below the Recorder of the one that
	// carries out the engine's own effects and the one for the rest. Left out,
	// each call goes to the one that it is for.
	Route func(control, world effect.Handler) effect.Handler
	// Above, if set, makes the Handler that the script asks instead of the
	// Recorder, which it stands above.
	Above func(recorder effect.Handler) effect.Handler
	// Answered says which effects Above answers although History holds them; nil
	// for none.
	Answered func(effect.Place) bool
	// Equip, if set, adds to the options of the script before it is compiled.
	Equip func(o *script.Options)
	// Ended, if set, is told how a walk of a script came out, before the script is
	// closed.
	Ended func(s *script.Script, out Outcome)
}

// Journal is what a walk writes effects to.
type Journal = replay.Journal

// Ledger is all that a walk needs of the journal of the run that it carries: a
// *journal.Writer, or the memory of a rehearsal.
type Ledger interface {
	Journal
	// SetStatus records the status in which the walk leaves the run.
	SetStatus(ctx context.Context, st effect.Status, events ...effect.Event) error
	Lock(ctx context.Context, names []string) error
	AddSource(ctx context.Context, s journal.Source, ev effect.Event) error
}

// Lease is the right to carry a run.
type Lease interface {
	Renew(ctx context.Context) error
	// Inbox returns what others sent since the last time.
	Inbox(ctx context.Context) ([]effect.Event, error)
	Close(ctx context.Context) error
}

// flushing records what a walk still holds back before what follows it.
type flushing struct {
	Ledger
	recorder *replay.Recorder
}

// SetStatus records how the walk goes on or ends.
func (f flushing) SetStatus(ctx context.Context, st effect.Status, events ...effect.Event) error {
	if err := f.recorder.Flush(ctx); err != nil {
		return err
	}
	return f.Ledger.SetStatus(ctx, st, events...)
}

// Carry walks the run to where it ends or stops. The error is nil whenever the
// walk began: how it ended is in the Outcome.
func (w Walk) Carry(ctx context.Context) (Outcome, error) {
	return newWalk(w).carry(ctx)
}

// unwritten is the ledger of a read-only walk: what becomes of the run is
// recorded nowhere, and nothing may begin that is not recorded yet.
type unwritten struct{}

// Append takes nothing: the record ends here.
func (unwritten) Append(context.Context, ...effect.Event) ([]effect.Event, error) {
	return nil, &effect.Stop{Cause: effect.EndOfRecord}
}

// Until returns zero: nothing may leave.
func (unwritten) Until() time.Time { return time.Time{} }

// SetStatus lets a walk end, and keeps a rollback from starting.
func (unwritten) SetStatus(_ context.Context, _ effect.Status, events ...effect.Event) error {
	for _, ev := range events {
		if ev.Kind == effect.RollbackStarted {
			return &effect.Stop{Cause: effect.EndOfRecord}
		}
	}
	return nil
}

// Lock does nothing: a reader needs no locks.
func (unwritten) Lock(context.Context, []string) error { return nil }

// AddSource takes nothing.
func (unwritten) AddSource(context.Context, journal.Source, effect.Event) error {
	return &effect.Stop{Cause: effect.EndOfRecord}
}
