package booktest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Suffix is how the names of test files end.
const Suffix = "_test.lua"

// Options say with what tests are run. Catalog is required.
type Options struct {
	Catalog *effect.Catalog
	People  effect.People    // who may be asked; nil takes names as they stand
	Only    *regexp.Regexp   // the tests to run, by name; nil runs all
	Cover   *script.Coverage // counts what the runbooks do; may be nil
	Workers int              // for explorations; at least one
	// Done, if set, is told of each test when it has ended.
	Done func(*Test)
}

// Test is one test and what became of it.
type Test struct {
	Name      string
	Where     effect.Position
	Took      time.Duration
	Failures  []Failure
	Log       []string
	Runs      int // that were simulated
	Schedules int // that were explored
}

// Passed reports whether every expectation was met.
func (t *Test) Passed() bool { return len(t.Failures) == 0 }

// Failure is an expectation that was not met, or the error that ended a test.
type Failure struct {
	Where   effect.Position
	Message string
	Hint    string
	// Diff tells expected from got, a line each, beginning with "- ", "+ " or
	// two spaces.
	Diff []string
	// Run is the timeline of the run that the expectation is about; RunName
	// says which that is.
	RunName string
	Run     []string
}

// Run runs the tests of one file, in the order in which they stand in it. The
// runbooks and scenarios that it names are looked for in fsys, beside it. The
// error is a *script.Error if the file itself fails, or a *effect.Stop when
// ctx ended; the tests that ended before come with it.
func Run(ctx context.Context, fsys fs.FS, name string, opts Options) ([]*Test, error) {
	text, err := script.ReadFS(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("read tests: %w", err)
	}
	s := &suite{opts: opts, files: files{fsys, path.Dir(name)}, loading: true, names: map[string]effect.Position{}}
	src := script.Source{Name: path.Base(name), Text: text}
	_, err = script.Evaluate(ctx, src, s.files, map[string]script.Func{"runbook": s.runbook, "test": s.declare, "print": s.print})
	if err != nil {
		return nil, err
	}
	s.loading = false
	var done []*Test
	for _, d := range s.declared {
		if opts.Only != nil && !opts.Only.MatchString(d.test.Name) {
			continue
		}
		if err := s.run(ctx, d); err != nil {
			return done, err
		}
		done = append(done, d.test)
		if opts.Done != nil {
			opts.Done(d.test)
		}
	}
	return done, nil
}

// suite is one file of tests.
type suite struct {
	opts  Options
	files files

	mu       sync.Mutex
	loading  bool
	declared []declared
	names    map[string]effect.Position
	books    []*book
	current  *running
}

type declared struct {
	test *Test
	fn   *script.Callback
}

// running is the test under way.
type running struct {
	test *Test
	runs []*run
	// explored holds what book.explore returned.
	explored []*exploration
}

// runbook is the global runbook "FILE": it opens one.
func (s *suite) runbook(ctx context.Context, _ effect.Position, args []any) (any, error) {
	name, ok := one(args).(string)
	if !ok {
		return nil, &effect.FieldError{Problem: "runbook wants the name of a file", Hint: `write local book = runbook "blue-green.lua"`}
	}
	b, err := openBook(ctx, s, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books = append(s.books, b)
	return b.table(), nil
}

// declare is the global test(name, fn).
func (s *suite) declare(_ context.Context, at effect.Position, args []any) (any, error) {
	const usage = `write test("name", function(t) … end)`
	if len(args) != 2 {
		return nil, &effect.FieldError{Problem: "test wants a name and a function", Hint: usage}
	}
	name, named := args[0].(string)
	fn, ok := args[1].(*script.Callback)
	if !named || name == "" || !ok {
		return nil, &effect.FieldError{Problem: "test wants a name and a function", Hint: usage}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.loading {
		return nil, &effect.FieldError{Problem: "test stands inside another test", Hint: "move it to the top of the file"}
	}
	if first, twice := s.names[name]; twice {
		return nil, &effect.FieldError{Problem: fmt.Sprintf("there are two tests %q", name), Hint: "the other stands at " + first.String()}
	}
	s.names[name] = at
	s.declared = append(s.declared, declared{&Test{Name: name, Where: at}, fn})
	return nil, nil
}

// print adds to the log of the test under way.
func (s *suite) print(_ context.Context, _ effect.Position, args []any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		s.current.test.Log = append(s.current.test.Log, words(args))
	}
	return nil, nil
}

// run runs one test. The error is a stop of the whole.
func (s *suite) run(ctx context.Context, d declared) error {
	began := time.Now()
	r := &running{test: d.test}
	s.mu.Lock()
	s.current = r
	s.mu.Unlock()
	_, err := d.fn.Call(ctx, (&expecting{s, r}).table())
	s.mu.Lock()
	s.current = nil
	s.mu.Unlock()
	d.test.Took = time.Since(began)
	var failed *script.Error
	stop := effect.AsStop(err)
	switch {
	case ctx.Err() != nil:
		return &effect.Stop{Cause: effect.Interrupted}
	case errors.As(err, &failed):
		f := Failure{Where: failed.Where, Message: failed.Message, Hint: failed.Hint}
		for _, frame := range failed.Stack {
			if frame.Where != failed.Where {
				f.Diff = append(f.Diff, "  "+frame.Where.String()+": in "+frame.Function)
			}
		}
		d.test.Failures = append(d.test.Failures, f)
	case stop != nil:
		d.test.Failures = append(d.test.Failures, Failure{Where: d.test.Where, Message: stop.Error()})
	case err != nil:
		d.test.Failures = append(d.test.Failures, Failure{Where: d.test.Where, Message: err.Error()})
	}
	return nil
}

// under returns the test under way.
func (s *suite) under(what string) (*running, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, &effect.FieldError{Problem: what + " belongs into a test", Hint: `write test("name", function(t) … end) around it`}
	}
	return s.current, nil
}

// one returns the only argument, or nil.
func one(args []any) any {
	if len(args) == 1 {
		return args[0]
	}
	return nil
}
