package interpreter_test

import (
	"crypto/rand"
	"io"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// together lets its first readers go at once, when all of them are there.
type together struct {
	mu   sync.Mutex
	left int
	all  chan struct{}
}

func (g *together) Read(p []byte) (int, error) {
	g.mu.Lock()
	if g.left--; g.left == 0 {
		close(g.all)
	}
	g.mu.Unlock()
	<-g.all
	return io.ReadFull(rand.Reader, p)
}

// TestShortIDsDiffer starts runs in one millisecond, or nearly.
func TestShortIDsDiffer(t *testing.T) {
	const runs = 16
	r := newRig(t)
	gate := &together{left: runs, all: make(chan struct{})}
	e := r.engine(func(o *interpreter.Options) { o.Random = gate })
	var wg sync.WaitGroup
	for range runs {
		wg.Go(func() {
			_, err := e.Start(patient(t), interpreter.Start{Main: script.Source{Name: "test.lua", Text: []byte(`runbook { name = "short" }`)},
				Loader: interpreter.Dir(r.dir), Params: given(nil), By: "test"})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := r.db.Runs(t.Context(), journal.Filter{})
	if err != nil || len(list) != runs {
		t.Fatalf("%d runs, %v; want %d", len(list), err, runs)
	}
	for _, run := range list {
		if found, err := r.db.Find(t.Context(), journal.Short(run.ID)); err != nil || found.ID != run.ID {
			t.Errorf("%s finds %s, %v; want %s", journal.Short(run.ID), found.ID, err, run.ID)
		}
	}
}
