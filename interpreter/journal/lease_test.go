package journal_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func openWithClock(t *testing.T) (*journal.DB, *clock) {
	t.Helper()
	c := &clock{t: journaltest.At(0)}
	return open(t, filepath.Join(t.TempDir(), "runbook.db"), journal.Options{Now: c.now}), c
}

// elsewhere is a process on another machine: nobody here can see it end.
func elsewhere() journal.Owner {
	o := journal.Self()
	o.ID, o.Host, o.Boot = "other", "elsewhere", "another boot"
	return o
}

func TestStalledWriterWritesNothing(t *testing.T) {
	ctx := t.Context()
	db, clock := openWithClock(t)
	w := journaltest.Create(t, db, "run-a")
	clock.move(journal.LeaseTTL - time.Second/2)
	if w.Valid() {
		t.Error("valid half a second before the end")
	}
	if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
		t.Errorf("append within the lease: %v", err)
	}
	if err := w.Renew(ctx); err != nil {
		t.Fatal(err)
	}
	clock.move(journal.LeaseTTL - 2*time.Second)
	if !w.Valid() {
		t.Error("not valid within a renewed lease")
	}
	clock.move(2 * time.Second)
	for what, err := range map[string]error{
		"append":         errOf(w.Append(ctx, journaltest.Done("2"))),
		"append of two":  errOf(w.Append(ctx, journaltest.Done("2"), journaltest.Done("3"))),
		"status":         w.SetStatus(ctx, effect.StatusFailed),
		"lock":           w.Lock(ctx, []string{"a"}),
		"renew":          w.Renew(ctx),
		"add a source":   w.AddSource(ctx, journal.Source{Name: "x"}, effect.Event{Kind: effect.SourceChanged}),
		"append, second": errOf(w.Append(ctx, journaltest.Done("2"))),
	} {
		var fenced *journal.FencedError
		if !errors.As(err, &fenced) || fenced.Now != fenced.Epoch {
			t.Errorf("%s past the lease: %v", what, err)
		}
	}
	if w.Valid() {
		t.Error("valid past the lease")
	}
	if events, err := db.Events(ctx, "run-a", 0); err != nil || len(events) != 2 {
		t.Errorf("events: %v, %v", events, err)
	}
	w2, err := db.Acquire(ctx, "run-a", elsewhere())
	if err != nil || w2.Epoch() != 2 {
		t.Fatalf("acquire after the lease: %v", err)
	}
}

func errOf[T any](_ T, err error) error { return err }

func TestTakeover(t *testing.T) {
	self := journal.Self()
	reused := self
	reused.ID, reused.Started = "reused", "1"
	unknown := self
	unknown.ID, unknown.Boot, unknown.PID = "unknown", "", 1<<22+1 // beyond the kernel's largest PID
	rebooted := self
	rebooted.ID, rebooted.Boot = "rebooted", "before"
	gone := self
	gone.ID, gone.PID = "gone", 1<<22+1
	for _, c := range []struct {
		name   string
		holder journal.Owner
		atOnce bool
	}{
		{"this process", self, false},
		{"a process elsewhere", elsewhere(), false},
		{"a process of another boot", rebooted, false},
		{"a process without a boot id", unknown, false},
		{"a process that has ended", gone, true},
		{"a process whose PID is another's now", reused, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if self.Boot == "" {
				t.Skip("this system has no /proc to look into")
			}
			db, clock := openWithClock(t)
			if _, err := db.Create(t.Context(), journaltest.New("run-a"), c.holder); err != nil {
				t.Fatal(err)
			}
			clock.move(journal.LeaseTTL - time.Nanosecond)
			_, err := db.Acquire(t.Context(), "run-a", self)
			var held *journal.HeldError
			if c.atOnce != (err == nil) || err != nil && (!errors.As(err, &held) || held.Holder != c.holder) {
				t.Errorf("before the lease ends: %v", err)
			}
			if c.atOnce {
				return
			}
			clock.move(time.Nanosecond)
			if _, err := db.Acquire(t.Context(), "run-a", self); err != nil {
				t.Errorf("after the lease has ended: %v", err)
			}
		})
	}
}
