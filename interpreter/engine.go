package interpreter

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/q-ecosystem/runbook/interpreter/effect"
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
	Owner   journal.Owner
	// Secret finds a secret by its reference ("env:TOKEN"). A resume needs it
	// for the secret parameters of the run.
	Secret func(ref string) (effect.Secret, error)
	Watch  Watcher
	// Detach stops a run that waits for people, instead of waiting with it.
	Detach bool
	// Stopping, once closed, stops the run in good order.
	Stopping <-chan struct{}
	// Wrap, if set, wraps the journal that a walk writes to; crash tests use
	// it to die at chosen places.
	Wrap func(Journal) Journal
}

// Engine starts runs and carries them on. It holds no state of theirs: all of
// it is in the journal.
type Engine struct{ opts Options }

// New returns an Engine.
func New(opts Options) *Engine {
	if opts.Watch == nil {
		opts.Watch = nobody{}
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
}

// Start is what a new run is made of.
type Start struct {
	Main   script.Source
	Loader script.Loader
	// Params gives the canonical parameters once the header is known.
	Params func(script.Header) (map[string]any, error)
	Env    string // the configuration's environment
	By     string // who starts it: user@host
	// Plan, if set, is what the run is held to: it asks before it does what
	// the plan does not show.
	Plan *simulate.Plan
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
	sealed, err := effect.Encode(params, e.opts.DB.Seal)
	if err != nil {
		return Outcome{}, fmt.Errorf("record the parameters: %w", err)
	}
	id, err := uuid.NewV7FromReader(e.opts.Random)
	if err != nil {
		return Outcome{}, fmt.Errorf("make a run id: %w", err)
	}
	plan, err := pinnedPlan(s.Plan)
	if err != nil {
		return Outcome{}, fmt.Errorf("pin the plan: %w", err)
	}
	required := requiredBy(s.Main, s.Loader)
	w, err := e.opts.DB.Create(ctx, journal.NewRun{
		ID: id.String(), Name: header.Name, Script: s.Main.Name, Env: s.Env, By: s.By, Params: sealed,
		Sources: append(append([]journal.Source{source(s.Main)}, required.sources()...), plan...),
		Created: effect.Event{At: e.opts.Clock.Now().UTC(), Kind: effect.RunCreated, Body: effect.Body{Text: s.Main.Name}},
	}, e.opts.Owner)
	if err != nil {
		return Outcome{}, fmt.Errorf("create the run: %w", err)
	}
	if s.Ready != nil {
		s.Ready(id.String())
	}
	run, err := e.opts.DB.Find(ctx, id.String())
	if err != nil {
		return Outcome{}, err
	}
	k := &walk{engine: e, opts: e.opts, seal: e.opts.DB.Seal, writer: w, run: run, header: header, params: params, main: s.Main, plan: s.Plan,
		loader: &pinning{pinned: required, base: s.Loader, writer: w, clock: e.opts.Clock}}
	return k.carry(ctx)
}

// ResumeOptions say how a run goes on.
type ResumeOptions struct {
	// With, if set, replaces the script. It has to agree with everything
	// recorded; otherwise the error is a Stop with a *replay.Divergence, and
	// nothing has changed.
	With *script.Source
	// WithLoader finds the files that With requires.
	WithLoader script.Loader
	By         string
}

// Ended is the error of a resume of a run that has ended.
type Ended struct {
	Run    string
	Status effect.Status
}

// Error says that there is nothing to resume.
func (e *Ended) Error() string {
	return fmt.Sprintf("run %s has ended: %s", e.Run, e.Status)
}

// Resume walks a run again: answered by the journal as far as it goes, and
// for real from there. id is complete. The error is nil whenever the walk
// began.
func (e *Engine) Resume(ctx context.Context, id string, o ResumeOptions) (Outcome, error) {
	run, err := e.opts.DB.Find(ctx, id)
	if err != nil {
		return Outcome{}, err
	}
	if o.With != nil {
		if err := e.agrees(ctx, run, o); err != nil {
			return Outcome{}, err
		}
	}
	w, err := e.opts.DB.Acquire(ctx, run.ID, e.opts.Owner)
	if err != nil {
		return Outcome{}, err
	}
	k, err := e.prepare(ctx, run.ID, w)
	if err == nil && o.With != nil {
		err = k.replaceSource(ctx, *o.With, o)
	}
	if err != nil {
		return Outcome{}, errors.Join(err, w.Close(context.WithoutCancel(ctx)))
	}
	return k.carry(ctx)
}

// prepare reads everything that a walk of an existing run needs. A nil writer
// makes it read-only.
func (e *Engine) prepare(ctx context.Context, id string, w *journal.Writer) (*walk, error) {
	run, err := e.opts.DB.Find(ctx, id) // again: under the lease it stands still
	if err != nil {
		return nil, err
	}
	events, err := e.opts.DB.Events(ctx, run.ID, 0)
	if err != nil {
		return nil, err
	}
	if w != nil && run.Status.Terminal() && !rollbackPending(events) {
		return nil, &Ended{run.ID, run.Status}
	}
	sources, err := e.opts.DB.Sources(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	params, err := e.revive(run.Params)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	k := &walk{engine: e, opts: e.opts, seal: e.opts.DB.Seal, run: run, history: events, params: params}
	if w != nil {
		k.writer = w
	}
	pinned := pinnedSources{}
	for _, s := range sources {
		pinned[s.Name] = script.Source{Name: s.Name, Text: s.Text}
	}
	k.loader = pinned
	if k.plan, err = recordedPlan(pinned); err != nil {
		return nil, fmt.Errorf("run %s: %w", run.ID, err)
	}
	main, ok := pinned[run.Script]
	if !ok {
		return nil, fmt.Errorf("run %s: the journal holds no script for it: it is damaged; `runbook audit verify` says where", run.ID)
	}
	k.main = main
	return k, nil
}

// revive turns recorded parameters back into values; secrets are looked up
// again by their reference and have to be what they were.
func (e *Engine) revive(raw json.RawMessage) (map[string]any, error) {
	v, err := effect.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("read the parameters: %w", err)
	}
	params, _ := v.(map[string]any)
	for name, p := range params {
		sealed, ok := p.(effect.Sealed)
		if !ok {
			continue
		}
		if e.opts.Secret == nil {
			continue // its digest serves a read-only replay
		}
		secret, err := e.opts.Secret(sealed.Name)
		if err != nil {
			return nil, fmt.Errorf("the secret parameter %s: %w", name, err)
		}
		if e.opts.DB.Seal(secret) != sealed.Digest {
			return nil, fmt.Errorf("the secret parameter %s (%s) is not what it was when the run started: set it to the old value, or start a new run", name, sealed.Name)
		}
		params[name] = secret
	}
	return params, nil
}

// Dir loads the files beside a script.
type Dir string

// Load reads lib/slo.lua for the module "lib.slo".
func (d Dir) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	if !filepath.IsLocal(name) {
		return script.Source{}, fmt.Errorf("require %q: only files beside the script can be required", module)
	}
	text, err := readRegular(filepath.Join(string(d), name))
	return script.Source{Name: name, Text: text}, err
}
