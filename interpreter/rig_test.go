package interpreter_test

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// preamble begins the scripts that tests hold as text.
const preamble = "runbook { name = 'test', summary = 'Test' }\nlocal ledger = require 'ledger'\n"

// rig is a journal, a ledger, and what engines in the test's own process need.
type rig struct {
	t    testing.TB
	dir  string
	db   *journal.DB
	book book
	opts interpreter.Options
	seen *watched
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return openRig(t, t.TempDir())
}

// openRig is newRig for what a job has left.
func openRig(t testing.TB, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, book: book(filepath.Join(dir, "book")), seen: &watched{}}
	db, err := journal.Open(t.Context(), filepath.Join(dir, "rb.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		whole(t, db)
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	h, catalog, err := openLedger(t.Context(), r.book)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	r.db = db
	r.opts = interpreter.Options{DB: db, Catalog: catalog, World: h, Clock: interpreter.SystemClock{}, Random: rand.Reader,
		Getenv: os.LookupEnv, Owner: journal.Self(), Watch: r.seen}
	return r
}

// engine returns an engine with the rig's options, changed.
func (r *rig) engine(change ...func(*interpreter.Options)) *interpreter.Engine {
	o := r.opts
	for _, c := range change {
		c(&o)
	}
	return interpreter.New(o)
}

// begin starts a run of a script.
func (r *rig) begin(e *interpreter.Engine, ctx context.Context, text string, params map[string]any) interpreter.Outcome {
	r.t.Helper()
	out, err := e.Start(ctx, interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(text)},
		Loader: interpreter.Dir(r.dir), Params: given(params), By: "test"})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// resume takes a run up, within the time that a hang is told by.
func (r *rig) resume(e *interpreter.Engine, id string) interpreter.Outcome {
	r.t.Helper()
	out, err := e.Resume(patient(r.t), id, interpreter.ResumeOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// patient is a context that turns a hang into a failure.
func patient(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience/2)
	t.Cleanup(cancel)
	return ctx
}

func (r *rig) events(id string) []effect.Event {
	r.t.Helper()
	events, err := r.db.Events(r.t.Context(), id, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	return events
}

// run returns the newest run.
func (r *rig) run() journal.Run {
	r.t.Helper()
	run, err := r.db.Find(r.t.Context(), "latest")
	if err != nil {
		r.t.Fatal(err)
	}
	return run
}

// ends verifies the status of an outcome.
func (r *rig) ends(out interpreter.Outcome, want effect.Status) {
	r.t.Helper()
	if out.Status != want {
		r.t.Fatalf("the run is %s, want %s: %v %v", out.Status, want, out.Err, out.Rollbacks)
	}
}

// operate says of each unknown outcome what the book says.
func (r *rig) operate(id string) {
	r.t.Helper()
	if err := (job{Dir: r.dir}).operate(r.t.Context(), r.engine(), r.db, id); err != nil {
		r.t.Fatal(err)
	}
}

// diverges verifies that an error is a divergence, and returns it.
func diverges(t testing.TB, err error) *replay.Divergence {
	t.Helper()
	var d *replay.Divergence
	if !errors.As(err, &d) {
		t.Fatalf("got %v, want a divergence", err)
	}
	if s := effect.AsStop(err); s == nil || s.Cause != effect.Diverged {
		t.Errorf("the cause is %+v, want a divergence", s)
	}
	return d
}

// watched remembers what a Watcher is told.
type watched struct {
	mu     sync.Mutex
	events []effect.Event
}

// Recorded remembers.
func (n *watched) Recorded(ev effect.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = append(n.events, ev)
}

func (*watched) Started(effect.Call)          {}
func (*watched) Progress(effect.Call, string) {}

// count returns how many events of a kind were recorded.
func (n *watched) count(kind effect.Kind) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := 0
	for _, ev := range n.events {
		if ev.Kind == kind {
			c++
		}
	}
	return c
}

// await waits until n events of a kind were recorded.
func (n *watched) await(t testing.TB, kind effect.Kind, count int) {
	t.Helper()
	eventually(t, "the journal holds "+string(kind), func() bool { return n.count(kind) >= count })
}

// manual is a clock that the test moves.
type manual struct {
	mu    sync.Mutex
	time  time.Time
	moved chan struct{} // closed and replaced when time moves
}

func newManual() *manual { return &manual{time: time.Now(), moved: make(chan struct{})} }

// Now returns the time.
func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.time
}

// Wait waits until the test has moved the clock so far.
func (m *manual) Wait(ctx context.Context, until time.Time) error {
	for {
		m.mu.Lock()
		now, moved := m.time, m.moved
		m.mu.Unlock()
		if !now.Before(until) {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

// advance moves the clock.
func (m *manual) advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.time = m.time.Add(d)
	close(m.moved)
	m.moved = make(chan struct{})
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
