package rehearse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Options say what is rehearsed, and in which world. Main and Catalog are
// required.
type Options struct {
	Main    script.Source
	Loader  script.Loader
	Catalog *effect.Catalog
	People  effect.People // of the configuration; nil takes the names that are asked as they stand
	// Calendars finds those of the configuration that the scenario does not have; nil
	// for none.
	Calendars interpreter.Calendars
	// Header is the script's, if the caller has read it; nil reads it.
	Header *script.Header
	// Scenario is the world that the run meets; nil is one of defaults.
	Scenario *Scenario
	// Params gives the canonical parameters once the header is known; nil takes
	// those of the scenario.
	Params func(h script.Header, s *Scenario) (map[string]any, error)
	Cache  *script.Cache    // keeps compiled files; nil makes one
	Cover  *script.Coverage // counts the statements that run; may be nil
	// Live, if set, makes it a dry run.
	Live *Live
	// Past, if set, is the beginning of the run, as Engine.PastOf returns it: what is
	// recorded there is answered by it, and the world is met from then on.
	Past []effect.Event
}

// Live is what a dry run has of real systems. Nothing but reads and
// predictions passes to them.
type Live struct {
	Handler  effect.Handler
	Backends map[string]string // what carries a module ("traffic"), or an op of one that several carry ("notify.page")
	Env      string            // the name of the environment
	Now      time.Time         // when the dry run begins, if the scenario does not say
	Getenv   func(string) (string, bool)
}

// Rehearsal is a script beside the world in which it is rehearsed.
type Rehearsal struct {
	Header   script.Header
	Params   map[string]any
	Scenario *Scenario
	Setup    simulate.Setup
	Runner   *Runner
	live     Live
	past     []effect.Event
}

// Result is what a rehearsed run came to.
type Result struct {
	World  *simulate.World
	Ending simulate.Ending
	Broken []simulate.Violation // invariants that did not hold
}

// New reads the script's header, its parameters and the world that it meets.
// The error is a *script.Error with file and line, a *effect.FieldError about
// the scenario, or what Params returned.
func New(ctx context.Context, o Options) (*Rehearsal, error) {
	r := &Rehearsal{Scenario: o.Scenario, past: o.Past}
	if r.Scenario == nil {
		r.Scenario = &Scenario{}
	}
	if o.Params == nil {
		o.Params = func(h script.Header, s *Scenario) (map[string]any, error) { return s.Resolve(h.Params, nil) }
	}
	if o.Cache == nil {
		o.Cache = script.NewCache()
	}
	var err error
	if o.Header != nil {
		r.Header = *o.Header
	} else if r.Header, err = script.ReadHeader(ctx, script.Options{Main: o.Main, Loader: o.Loader, Catalog: o.Catalog}); err != nil {
		return nil, err
	}
	if r.Params, err = o.Params(r.Header, r.Scenario); err != nil {
		return nil, err
	}
	if r.Setup, err = r.Scenario.Setup(o.Catalog); err != nil {
		return nil, err
	}
	r.Setup.Accepts = r.Header.Accepts
	r.Setup.Lacks, r.Setup.Meant = o.People.Lacks, o.People.Meant
	r.Runner = &Runner{Main: o.Main, Loader: o.Loader, Catalog: o.Catalog, Params: r.Params, Getenv: r.Scenario.Getenv, Calendars: r.Scenario.calendars(o.Calendars), Cache: o.Cache, Cover: o.Cover}
	if o.Live != nil {
		r.connect(*o.Live)
	}
	return r, nil
}

// connect lets the world be read from real systems.
func (r *Rehearsal) connect(l Live) {
	r.live = l
	if r.Setup.Start.Equal(DefaultStart()) && !l.Now.IsZero() { // nobody said when
		r.Setup.Start = l.Now
	}
	r.Runner.Getenv = func(name string) (string, bool) {
		if v, ok := r.Scenario.Getenv(name); ok || l.Getenv == nil {
			return v, ok
		}
		return l.Getenv(name)
	}
	guard := simulate.NewReadOnly(r.Runner.Catalog, l.Handler)
	r.Setup.Preview = guard
	r.Setup.Live = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if l.Backends[call.Op.Module] == "" {
			return effect.Result{}, simulate.ErrNotLive
		}
		return guard.Do(ctx, call)
	})
}

// backend names what carries the ops by which a module is touched.
func (l Live) backend(t *simulate.Touched) string {
	var names []string
	for _, op := range t.Ops {
		name, ok := l.Backends[op]
		if !ok {
			return l.Backends[t.Module]
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Schedule returns the faults that the scenario lets strike.
func (r *Rehearsal) Schedule(ctx context.Context) (simulate.Schedule, error) {
	s, err := r.Scenario.Schedule(ctx, r.Runner, r.Setup)
	if err != nil && r.Scenario.Name != "" {
		err = fmt.Errorf("scenario %s: %w", r.Scenario.Name, err)
	}
	return s, err
}

// Run carries the script through its world once.
func (r *Rehearsal) Run(ctx context.Context, s simulate.Schedule) (*Result, error) {
	w := simulate.NewWorld(r.Setup)
	if err := w.Prime(ctx); err != nil {
		return nil, err
	}
	m := &memory{world: w}
	if r.past != nil {
		m.status = effect.StatusRunning
		for _, ev := range r.past {
			m.add(ev)
		}
	}
	end, err := r.Runner.rehearse(ctx, w, m, s)
	if err != nil {
		return nil, err
	}
	res := &Result{w, end, w.End(end)}
	var unmended *interpreter.Unmended
	if errors.As(end.Err, &unmended) { // the run goes on once that is mended
		res.Broken = slices.DeleteFunc(res.Broken, func(v simulate.Violation) bool { return v.Invariant == simulate.RunEnds })
	}
	return res, nil
}

// Settle carries the script through its world once and lets what follows begin as
// the real systems were that it has read. What it did not come to read stays assumed.
func (r *Rehearsal) Settle(ctx context.Context) (*Result, error) {
	res, err := r.Run(ctx, nil)
	if err != nil {
		return nil, err
	}
	r.Setup, err = res.World.Learned()
	return res, err
}

// Explorer returns one that lets the script's effects fail, on top of the
// faults of a schedule. The caller says how far it goes.
func (r *Rehearsal) Explorer(base simulate.Schedule) *simulate.Explorer {
	setup := r.Setup
	setup.BadWord = simulate.BadWord(string(r.Runner.Main.Text))
	return &simulate.Explorer{Runner: r.Runner, Setup: setup, Base: base, Scripted: r.Scenario.Scripted()}
}

// Plan tells what a rehearsed run did.
func (r *Rehearsal) Plan(res *Result) (*simulate.Plan, error) {
	p := simulate.NewPlan(res.Ending.Events, res.World.Entries())
	if r.past != nil { // what it did before is no part of what it is to do
		p.Effects = slices.DeleteFunc(p.Effects, func(e simulate.Planned) bool { return e.At < 0 })
		p.Approvals = slices.DeleteFunc(p.Approvals, func(a simulate.Approval) bool { return a.At < 0 })
	}
	p.Runbook, p.Script, p.Env, p.Unread = r.Header.Name, r.Runner.Main.Name, r.live.Env, res.World.Unread()
	var err error
	if p.Params, err = simulate.EncodeByName(r.Params); err != nil {
		return nil, fmt.Errorf("record the parameters: %w", err)
	}
	p.Assumed = append(p.Assumed, res.World.Doubts()...)
	p.Sources = SourceHashes(r.Runner.Main, r.Runner.Loader)
	for i := range p.Touches {
		p.Touches[i].Backend = r.live.backend(&p.Touches[i])
	}
	p.Broken, p.Accepted = r.Setup.NewBroken(res.Broken), r.Setup.NewBroken(res.World.Accepted())
	return p, nil
}

// SourceHashes returns the SHA-256 of a script and of the files that it
// requires by name, in hex, by file name.
func SourceHashes(main script.Source, loader script.Loader) map[string]string {
	hash := func(text []byte) string {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	hashes := map[string]string{main.Name: hash(main.Text)}
	if loader == nil {
		return hashes
	}
	for _, module := range check.Requires(main, loader) {
		if s, err := loader.Load(module); err == nil {
			hashes[s.Name] = hash(s.Text)
		}
	}
	return hashes
}
