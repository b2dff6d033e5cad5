package script

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// Defaults of Options.
const (
	DefaultBudget  = 1500 * time.Millisecond
	DefaultMemory  = 128 << 20
	DefaultEffects = 100_000
)

// Options say what a script consists of and where its effects go.
type Options struct {
	Main    Source
	Loader  Loader          // finds required files; nil if there are none
	Catalog *effect.Catalog // every module, effect.Control() included
	Handler effect.Handler
	// OnHeader is called when the script reaches runbook{}, with its header.
	// What it returns, in canonical form, becomes the global params. A nil
	// OnHeader gives every parameter its default. A *effect.Stop ends the
	// script there.
	OnHeader func(ctx context.Context, h Header) (map[string]any, error)
	// Run is the id of the run, which the script finds in the global run.
	Run string
	// Budget is how long Lua may compute between two effects, and about how
	// long without them in all.
	Budget time.Duration
	// Memory is how much the heap of the process may grow during an execution, in
	// bytes.
	Memory uint64
	// Effects is how many effects an execution may have, marks (steps, log lines)
	// included.
	Effects int
	// Idle, if set, is told when no branch can go on before one of the given
	// number of branches has the outcome of its effect, and told zero when one
	// goes on. A virtual clock moves by it. It is called under a lock and
	// returns at once.
	Idle func(away int)
	// Around, if set, runs the composites that the main chunk calls, which run by
	// themselves without it.
	Around func(ctx context.Context, c Composed) (any, error)
	// World, if set, is the simulated world that the script's invariants are
	// held against.
	World effect.Observatory
	// Cache, if set, keeps compiled files for the next Script.
	Cache *Cache
	// Cover, if set, counts the statements that run.
	Cover *Coverage
}

// Script is a compiled script and its Lua state. Its methods may not be called
// while Run or RunRollback is under way.
type Script struct {
	opts    Options
	sources []Source // main, then required files in the order of loading
	chunk   *lua.FunctionProto

	base       *lua.LState // owns the state that all threads share; runs nothing
	globals    *lua.LTable // what a script finds by name
	readonly   map[*lua.LTable]*lua.LTable
	modules    map[string]lua.LValue // what require returned
	secretMeta *lua.LTable
	null       *lua.LUserData // json.null
	zones      map[string]*time.Location
	listMeta   *lua.LTable // of tables that are lists while they are empty
	errorText  *lua.LFunction
	errorJoin  *lua.LFunction

	lua    context.Context // ends when no Lua may run any more
	cancel context.CancelCauseFunc

	cur       *branch                 // holds the turn; belongs to whoever does
	resumed   map[*lua.LState]*branch // coroutines that were resumed and have not yielded
	ran       bool
	header    *Header
	decision  string // that ends the run: rollback or abort
	abandoned bool   // see Abandoned
	rollbacks []registered
	overran   bool // the script took too much before any rollback
	overruns  overruns
	leftOver  []leftOver          // guarded by scheduler.mu while the script runs
	subjects  map[string]*subject // of which something is desired, by module and arguments

	invariants []invariant

	eval *evaluation // nil for a runbook
}

// Rollback is a function that the script registered with on_rollback, or as undo.
type Rollback struct {
	Name  string // as given, or the step it stands in
	Where effect.Position
	Index int // 1 for the first that was registered
}

type registered struct {
	Rollback
	fn *lua.LFunction
}

// init bounds what one assignment to a table can allocate, to 16 MiB. gopher-lua
// keeps the bound in a variable of its own.
func init() { lua.MaxArrayIndex = 1 << 20 }

// New compiles a script. Text that is not Lua gives an *Error with its line.
func New(opts Options) (*Script, error) { return assemble(opts, nil) }

func assemble(opts Options, eval *evaluation) (*Script, error) {
	if opts.Catalog == nil || opts.Handler == nil {
		return nil, errors.New("new script: a catalog and a handler are needed")
	}
	if opts.Budget <= 0 {
		opts.Budget = DefaultBudget
	}
	if opts.Memory == 0 {
		opts.Memory = DefaultMemory
	}
	if opts.Effects <= 0 {
		opts.Effects = DefaultEffects
	}
	chunk, err := opts.Cache.compile(opts.Main, opts.Cover)
	if err != nil {
		return nil, err
	}
	s := &Script{opts: opts, sources: []Source{opts.Main}, chunk: chunk,
		readonly: map[*lua.LTable]*lua.LTable{}, modules: map[string]lua.LValue{}, subjects: map[string]*subject{}, resumed: map[*lua.LState]*branch{}, eval: eval}
	s.lua, s.cancel = context.WithCancelCause(context.Background())
	// Stacks start small: most scripts need little, and explorations make many.
	s.base = lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: 256, MinimizeStackMemory: true,
		RegistrySize: 256, RegistryGrowStep: 1024, RegistryMaxSize: 1 << 16})
	s.base.G.MainThread = s.base
	s.base.G.CurrentThread = s.base
	s.openLibraries()
	return s, nil
}

// Run runs the script. It returns nil, an *Error if the script failed, or the
// *effect.Stop that ended it. It can be called once.
func (s *Script) Run(ctx context.Context) error {
	if s.ran {
		return errors.New("run script: it has run already")
	}
	s.ran = true
	err := s.execute(ctx, s.base.NewFunctionFromProto(s.chunk), "", false)
	s.overran = tookTooMuch(err)
	if err == nil && s.header == nil {
		return &Error{Message: "the script has no runbook{} header", Hint: language.HeaderExample,
			Where: effect.Position{File: s.opts.Main.Name, Line: 1}}
	}
	return err
}

// Rollbacks returns what on_rollback and undo registered, newest first: the order in
// which they are to run.
func (s *Script) Rollbacks() []Rollback {
	all := s.registrations()
	list := make([]Rollback, 0, len(all))
	for _, r := range slices.Backward(all) {
		list = append(list, r.Rollback)
	}
	return list
}

// RunRollback runs one registered rollback after Run has returned. Its effects
// stand inside place. With ask, people are asked what becomes of it if it fails.
// It returns as Run does.
func (s *Script) RunRollback(ctx context.Context, r Rollback, place effect.Place, ask bool) error {
	all := s.registrations()
	if r.Index < 1 || r.Index > len(all) {
		return errors.New("run rollback: there is none of that index")
	}
	s.abandoned = false
	fn := all[r.Index-1].fn
	if ask {
		fn = s.asking(all[r.Index-1])
	}
	attempt, _, _ := place.Rollback()
	over := s.overruns.of(attempt, s.overran)
	if err := over.refuse(r, all[r.Index-1].fn); err != nil {
		return err
	}
	err := s.execute(ctx, fn, place, true)
	over.add(all[r.Index-1].fn, err)
	return err
}

// Sources returns the files that were loaded so far: the script, then what it
// required, in that order.
func (s *Script) Sources() []Source { return append([]Source(nil), s.sources...) }

// Close frees the script. It may be called more than once.
func (s *Script) Close() {
	s.cancel(&effect.Stop{Cause: effect.Interrupted})
	s.rollbacks, s.leftOver = nil, nil
}

// lines returns the text of a loaded file by lines.
func (s *Script) lines(file string) []string {
	for _, src := range s.sources {
		if src.Name == file {
			return strings.Split(string(src.Text), "\n")
		}
	}
	return nil
}
