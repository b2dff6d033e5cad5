package journal

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// group is an open journal with a writer for each of n runs.
func group(t testing.TB, n int) (*DB, []*Writer) {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "runbook.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	writers := make([]*Writer, n)
	for i := range writers {
		if writers[i], err = db.Create(t.Context(), NewRun{ID: fmt.Sprintf("run-%d", i), Name: "group",
			Created: effect.Event{At: time.Now(), Kind: effect.RunCreated}}, Self()); err != nil {
			t.Fatal(err)
		}
	}
	return db, writers
}

// gather lets each writer append while the connection is taken, so that all
// come together, and returns what each was told and how many commits there were.
func gather(t *testing.T, db *DB, writers []*Writer) (errs []error, commits int64) {
	t.Helper()
	var count atomic.Int64
	err := db.conn.Raw(func(c any) error {
		c.(*sqlite3.SQLiteConn).RegisterCommitHook(func() int { count.Add(1); return 0 })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	errs = make([]error, len(writers))
	var all sync.WaitGroup
	db.commits.lock()
	for i, w := range writers {
		all.Go(func() {
			intent, done := step("1", time.Now())
			_, errs[i] = w.Append(t.Context(), intent, done)
		})
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		db.commits.mu.Lock()
		n := len(db.commits.queue)
		db.commits.mu.Unlock()
		if n == len(writers) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d wait", n, len(writers))
		}
	}
	db.commits.unlock()
	all.Wait()
	return errs, count.Load()
}

func verified(t *testing.T, db *DB) {
	t.Helper()
	if report, err := db.Verify(t.Context(), ""); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

// TestRunsShareACommit: what comes together is committed together.
func TestRunsShareACommit(t *testing.T) {
	db, writers := group(t, 6)
	errs, commits := gather(t, db, writers)
	if err := errors.Join(errs...); err != nil || commits != 1 {
		t.Errorf("%d commits, %v", commits, err)
	}
	verified(t, db)
}

// TestOneThatFailsAlone: a run that was lost costs the others in its commit
// nothing.
func TestOneThatFailsAlone(t *testing.T) {
	db, writers := group(t, 5)
	lost := writers[2]
	if err := lost.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	other, err := db.Acquire(t.Context(), lost.Run(), Self())
	if err != nil {
		t.Fatal(err)
	}
	errs, _ := gather(t, db, writers)
	for i, err := range errs {
		if (i == 2) != errors.Is(err, ErrFenced) || i != 2 && err != nil {
			t.Errorf("run %d: %v", i, err)
		}
		events, err := db.Events(t.Context(), writers[i].Run(), 0)
		if want := 3; err != nil || i != 2 && len(events) != want || i == 2 && len(events) != 1 {
			t.Errorf("run %d has %d events, %v", i, len(events), err)
		}
	}
	intent, done := step("1", time.Now())
	if _, err := other.Append(t.Context(), intent, done); err != nil {
		t.Error(err)
	}
	verified(t, db)
}

// BenchmarkRunsTogether lets eight runs of one process append at once, and
// compares with one that appends alone. x-one is the speed of all together in
// units of that.
func BenchmarkRunsTogether(b *testing.B) {
	const runs, each = 8, 20
	_, writers := group(b, runs)
	burst := func(w *Writer) {
		for range each {
			intent, done := step("1", time.Now())
			if _, err := w.Append(b.Context(), intent, done); err != nil {
				b.Error(err)
			}
		}
	}
	var together, alone time.Duration
	for b.Loop() {
		began := time.Now()
		var all sync.WaitGroup
		for _, w := range writers {
			all.Go(func() { burst(w) })
		}
		all.Wait()
		between := time.Now()
		burst(writers[0])
		together += between.Sub(began)
		alone += time.Since(between)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(runs*float64(alone)/float64(together), "x-one")
	b.ReportMetric(runs*each*float64(b.N)/together.Seconds(), "appends/s")
	b.ReportMetric(each*float64(b.N)/alone.Seconds(), "alone/s")
}
