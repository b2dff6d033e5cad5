package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Options are what an Engine works with. DB, Catalog, World, Clock, Random,
// Getenv and Owner are required.
type Options struct {
	DB      *journal.DB
	Catalog *effect.Catalog
	World   effect.Handler // carries out what the engine does not
	Clock   Clock
	Random  io.Reader
	Getenv  func(string) (string, bool)
	// Calendars finds those that scripts name; nil knows none.
	Calendars Calendars
	Owner     journal.Owner
	// Account is user@host of the person who gives answers; Owner's if "".
	Account string
	// Secret finds a secret by its reference ("env:TOKEN"). A resume needs it
	// for the secret parameters of the run.
	Secret func(ref string) (effect.Secret, error)
	Watch  Watcher
	// People, if set, reads who may answer out of the environment that a run has
	// pinned.
	People func(environment []byte) (effect.People, error)
	// Detach stops a run that waits for people, instead of waiting with it.
	Detach bool
	// Stopping, once closed, stops the run in good order.
	Stopping <-chan struct{}
	// Hold is how long an outcome may wait to share the commit of what follows
	// it: [DefaultHold] if zero; below zero, each is committed at once.
	Hold time.Duration
	// Wrap, if set, wraps the journal that a walk writes to; crash tests use
	// it to die at chosen places.
	Wrap func(Journal) Journal
}

// DefaultHold is a few commits long: what follows an effect at once shares its
// commit, and whoever looks on waits for nothing.
const DefaultHold = 5 * time.Millisecond

// Engine starts runs and carries them on. It holds no state of theirs: all of
// it is in the journal.
type Engine struct{ opts Options }

// New returns an Engine.
func New(opts Options) *Engine {
	if opts.Watch == nil {
		opts.Watch = nobody{}
	}
	if opts.Hold == 0 {
		opts.Hold = DefaultHold
	}
	return &Engine{opts}
}

// Outcome says how a walk ended.
type Outcome struct {
	Run    string
	Name   string
	Status effect.Status
	// Err is why the run stands where it does: a *script.Error, or a
	// *effect.Stop; nil if it succeeded.
	Err error
	// Rollbacks holds the rollbacks that failed, if any did.
	Rollbacks []error
	// Replayed and Live count effects by where their outcomes came from.
	Replayed, Live int
	// Header is that of the script, as far as the walk came to it.
	Header script.Header
}

// Start is what a new run is made of.
type Start struct {
	Main   script.Source
	Loader script.Loader
	// Params gives the canonical parameters once the header is known.
	Params func(script.Header) (map[string]any, error)
	Env    string // the configuration's environment
	// Environment, if set, is what the run is to find again of the systems that
	// it is started on, in a form of the caller's. See [PinnedEnvironment].
	Environment []byte
	By          string // who starts it: user@host
	// Plan, if set, is what the run is held to: it asks before it does what
	// the plan does not show.
	Plan *simulate.Plan
	// Emergency, if set, holds the arguments of an approve: people have to agree
	// before the run takes a lock, or does anything.
	Emergency map[string]any
	// Ready is called with the run's id when it is on disk, before its first
	// effect.
	Ready func(id string)
}

// Start creates a run and walks it. The error is nil whenever the run was
// created: how it ended is in the Outcome.
func (e *Engine) Start(ctx context.Context, s Start) (Outcome, error) {
	header, err := script.ReadHeader(ctx, script.Options{Main: s.Main, Loader: s.Loader, Catalog: e.opts.Catalog})
	if err != nil {
		return Outcome{}, err
	}
	params, err := s.Params(header)
	if err != nil {
		return Outcome{}, err
	}
	encoded, err := effect.Encode(params, e.opts.DB.Digest)
	if err != nil {
		return Outcome{}, fmt.Errorf("record the parameters: %w", err)
	}
	plan, err := pinnedPlan(s.Plan)
	if err != nil {
		return Outcome{}, fmt.Errorf("pin the plan: %w", err)
	}
	emergency, err := pinnedEmergency(s.Emergency)
	if err != nil {
		return Outcome{}, err
	}
	locks := header.Locks
	if emergency != nil { // taken once people have agreed
		locks = nil
	}
	required := requiredBy(s.Main, s.Loader)
	id, w, err := e.create(ctx, journal.NewRun{
		Name: header.Name, Script: s.Main.Name, Env: s.Env, By: s.By, Params: encoded,
		Sources: slices.Concat([]journal.Source{source(s.Main)}, required.sources(), plan, emergency, pinnedEnvironment(s.Environment)),
		Locks:   locks,
		Created: effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.RunCreated, Body: effect.Body{Text: s.Main.Name}},
	})
	if err != nil {
		return Outcome{}, err
	}
	if s.Ready != nil {
		s.Ready(id)
	}
	run, err := e.opts.DB.Find(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	people, err := e.people(s.Environment)
	if err != nil {
		return Outcome{}, err
	}
	return Walk{Run: run, Main: s.Main, Params: params, Plan: s.Plan, People: people, Emergency: s.Emergency, Stack: e.stack(w),
		Loader: &pinning{pinned: required, base: s.Loader, ledger: w, clock: e.opts.Clock}}.Carry(ctx)
}

// stack is that of a run in the real world; without a writer it is read-only.
func (e *Engine) stack(w *journal.Writer) Stack {
	o := e.opts
	s := Stack{Catalog: o.Catalog, World: o.World, Clock: o.Clock, Random: o.Random, Getenv: o.Getenv, Calendars: o.Calendars, Digest: o.DB.Digest, Watch: o.Watch,
		Detach: o.Detach, Stopping: o.Stopping, Hold: o.Hold}
	switch {
	case w == nil:
	case o.Wrap != nil:
		s.Ledger, s.Lease = wrapped{w, o.Wrap(w)}, w
	default:
		s.Ledger, s.Lease = w, w
	}
	return s
}

// wrapped is a writer whose effects go through another Journal.
type wrapped struct {
	*journal.Writer
	journal Journal
}

// Append writes effects.
func (w wrapped) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	return w.journal.Append(ctx, events...)
}

// Until asks the lease.
func (w wrapped) Until() time.Time { return w.journal.Until() }

// ResumeOptions say how a run goes on.
type ResumeOptions struct {
	// With, if set, replaces the script. It has to agree with everything
	// recorded; otherwise the error is a Stop with a *replay.Divergence, and
	// nothing has changed.
	With *script.Source
	// WithLoader finds the files that With requires.
	WithLoader script.Loader
	// Environment, if set, takes the place of the pinned one from now on.
	Environment []byte
	By          string
	// Program is the SHA-256 of the program that goes on with the run, for the record.
	Program string
	// Forget goes on although secrets that the run has read cannot be asked for:
	// what they show in is not redacted then.
	Forget bool
	// Verified, if set, is the run's record as it was verified just before.
	Verified *journal.Verified
}

// Ended is the error of a resume of a run that has ended.
type Ended struct {
	Run    string
	Status effect.Status
}

// Error says that there is nothing to resume.
func (e *Ended) Error() string {
	return fmt.Sprintf("run %s has ended: %s", e.Run, inWords(e.Status))
}

// inWords is a status in a sentence.
func inWords(s effect.Status) string { return strings.ReplaceAll(string(s), "_", " ") }

// Resume walks a run again: answered by the journal as far as it goes, and
// for real from there. id is complete. The error is nil whenever the walk
// began.
func (e *Engine) Resume(ctx context.Context, id string, o ResumeOptions) (Outcome, error) {
	run, err := e.opts.DB.Find(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	var held journal.Head // against which the script was held
	if o.With != nil {
		if held, err = e.opts.DB.Head(ctx, run.ID); err == nil {
			err = e.agrees(ctx, run, o)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	var w *journal.Writer
	if o.Verified != nil {
		w, err = e.opts.DB.AcquireVerified(ctx, o.Verified, e.opts.Owner)
	} else {
		w, err = e.opts.DB.Acquire(ctx, run.ID, e.opts.Owner)
	}
	if err != nil {
		return Outcome{}, err
	}
	k, err := e.prepare(ctx, run.ID, w)
	if err == nil && o.With != nil && k.History[len(k.History)-1].Seq != held.Seq { // somebody went on with it meanwhile
		err = e.agrees(ctx, run, o)
	}
	if err == nil && o.Environment != nil {
		if err = k.replaceEnvironment(ctx, o.Environment, o.By); err == nil {
			k.People, err = e.people(o.Environment)
		}
	}
	if err == nil && o.With != nil {
		err = k.replaceSource(ctx, *o.With, o)
	}
	if err == nil && (o.With != nil || o.Environment != nil) { // an answer sent until now is to what was replaced
		k.History, err = e.opts.DB.Events(ctx, run.ID, 0)
	}
	if err != nil {
		return Outcome{}, errors.Join(err, w.Close(context.WithoutCancel(ctx)))
	}
	k.By, k.Program, k.Forget = o.By, o.Program, o.Forget
	return k.carry(ctx)
}

// prepare reads everything that a walk of an existing run needs. A nil writer
// makes it read-only.
func (e *Engine) prepare(ctx context.Context, id string, w *journal.Writer) (*walk, error) {
	run, err := e.opts.DB.Find(ctx, id) // again: under the lease it stands still
	if err != nil {
		return nil, err
	}
	var events []effect.Event
	if w != nil {
		events = w.Past() // as Acquire has verified it
	}
	if len(events) == 0 {
		if events, err = e.opts.DB.Events(ctx, run.ID, 0); err != nil {
			return nil, err
		}
	}
	if w != nil && run.Status.Terminal() && history.Of(events).Request == nil {
		return nil, &Ended{run.ID, run.Status}
	}
	sources, err := e.opts.DB.Sources(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	past := history.Of(events)
	params, missing, err := e.revive(run.Params, past.Rolling() || past.Request != nil)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	people, err := e.people(PinnedEnvironment(sources))
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	k := newWalk(Walk{Run: run, History: events, Params: params, Missing: missing, People: people, Stack: e.stack(w)})
	pinned := pinnedSources{}
	for _, s := range sources {
		pinned[s.Name] = script.Source{Name: s.Name, Text: s.Text}
	}
	k.Loader = pinned
	if k.Plan, err = recordedPlan(pinned); err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	if k.Emergency, err = recordedEmergency(pinned); err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	main, ok := pinned[run.Script]
	if !ok {
		return nil, fmt.Errorf("run %s: the journal holds no script for it: it is damaged; `runbook audit verify` says where", run.ID)
	}
	k.Main = main
	return k, nil
}

// revive turns recorded parameters back into values; secrets are looked up
// again by their reference and have to be what they were. In a rollback those that
// are not are missing, by their digests: what is taken back without them does not
// wait for them, and the run itself may have ended them.
func (e *Engine) revive(raw json.RawMessage, rollback bool) (params map[string]any, missing map[string]error, err error) {
	v, err := effect.Decode(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("read the parameters: %w", err)
	}
	params, _ = v.(map[string]any)
	missing = map[string]error{}
	for name, p := range params {
		digest, ok := p.(effect.SecretDigest)
		if !ok {
			continue
		}
		if e.opts.Secret == nil {
			continue // its digest serves a read-only replay
		}
		secret, err := e.opts.Secret(digest.Name)
		switch {
		case err != nil:
			err = fmt.Errorf("the secret parameter %s: %w", name, err)
		case e.opts.DB.Digest(secret) != digest.Digest:
			err = fmt.Errorf("the secret parameter %s (%s) is not what it was when the run started: set it to the old value, or start a new run", name, digest.Name)
		default:
			params[name] = secret
			continue
		}
		if !rollback { // it ends as a run whose secrets cannot be asked for: it can go on
			return nil, nil, &effect.Stop{Cause: effect.Interrupted, Err: fmt.Errorf("%v; nothing was done; a rollback does without it", err)}
		}
		missing[digest.Digest] = err
	}
	return params, missing, nil
}

// Dir loads the files below a script's folder.
type Dir = script.Dir
