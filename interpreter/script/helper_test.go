package script

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// recorder answers effects and keeps what it saw, one line each.
type recorder struct {
	mu    sync.Mutex
	lines []string
	calls []effect.Call
	// answer gives the outcome of a call that is not a mark; nil for nothing.
	answer func(ctx context.Context, call effect.Call) (any, error)
}

func (r *recorder) Do(ctx context.Context, call effect.Call) (effect.Result, error) {
	r.mu.Lock()
	args, err := effect.Encode(call.Args, func(effect.Secret) string { return "digest" })
	if err != nil {
		args = []byte(err.Error())
	}
	line := fmt.Sprintf("%s %s %s", call.Place, call.Op, args)
	r.lines = append(r.lines, strings.TrimSuffix(line, " {}"))
	r.calls = append(r.calls, call)
	r.mu.Unlock()
	if r.answer == nil || call.Class == effect.Mark {
		return effect.Result{}, nil
	}
	v, err := r.answer(ctx, call)
	return effect.Result{Value: v}, err
}

// seen returns what was logged by print, or all effects.
func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.lines...)
}

func (r *recorder) printed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, c := range r.calls {
		if c.Op.String() == effect.OpLog {
			text, _ := c.Args["text"].(string)
			out = append(out, text)
		}
	}
	return out
}

// files is a Loader of texts in memory.
type files map[string]string

func (f files) Load(module string) (Source, error) {
	text, ok := f[module]
	if !ok {
		return Source{}, fmt.Errorf("load %s: %w", module, fs.ErrNotExist)
	}
	return Source{Name: strings.ReplaceAll(module, ".", "/") + ".lua", Text: []byte(text)}, nil
}

func testCatalog(t testing.TB) *effect.Catalog {
	t.Helper()
	vault := effect.Module{Name: "vault", Ops: []effect.Op{
		{Module: "vault", Name: "read", Class: effect.Read},
		{Module: "vault", Name: "use", Class: effect.Write, Args: []effect.Field{
			{Name: "token", Type: effect.String, Secret: true}, {Name: "data", Type: effect.Any}}},
	}}
	modules := append(stdlib.Modules(), effect.Control(), vault)
	catalog, err := effect.NewCatalog(modules...)
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}

const header = `runbook { name = "test" } `

// newScript compiles a text; the header, on its first line, is added if there
// is none.
func newScript(t testing.TB, text string, h effect.Handler, change ...func(*Options)) *Script {
	t.Helper()
	if !strings.Contains(text, "runbook {") {
		text = header + text
	}
	opts := Options{Main: Source{Name: "main.lua", Text: []byte(text)}, Catalog: testCatalog(t), Handler: h}
	for _, c := range change {
		c(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// run runs a text and fails the test if it hangs.
func run(t testing.TB, s *Script) error {
	t.Helper()
	return within(t, func() error { return s.Run(context.Background()) })
}

func within(t testing.TB, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		t.Fatal("the script does not end")
		return nil
	}
}

func errorOf(t testing.TB, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T (%v), want an *Error", err, err)
	}
	return e
}
