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

// TestStalledWriter: a lease that ran out is this process's to renew until
// somebody takes the run over; from then on it writes nothing.
func TestStalledWriter(t *testing.T) {
	ctx := t.Context()
	db, clock := openWithClock(t)
	w := journaltest.Create(t, db, "run-a")
	clock.move(journal.LeaseTTL - time.Second/2)
	if w.Valid() {
		t.Error("valid half a second before the end")
	}
	if _, err := w.Append(ctx, journaltest.Done("1")); err != nil || !w.Valid() {
		t.Errorf("append within the lease: %v, valid %v", err, w.Valid())
	}
	clock.move(journal.LeaseTTL - 2*time.Second)
	if !w.Valid() {
		t.Error("not valid within a renewed lease")
	}
	clock.move(time.Hour)
	if w.Valid() || !w.Until().IsZero() {
		t.Error("valid past the lease")
	}
	if err := w.Renew(ctx); err != nil || !w.Valid() {
		t.Errorf("renew a lease that nobody took: %v, valid %v", err, w.Valid())
	}
	clock.move(time.Hour)
	if _, err := w.Append(ctx, journaltest.Done("2"), journaltest.Done("3")); err != nil || !w.Valid() {
		t.Errorf("append past a lease that nobody took: %v, valid %v", err, w.Valid())
	}
	clock.move(journal.LeaseTTL)
	w2, err := db.Acquire(ctx, "run-a", elsewhere())
	if err != nil || w2.Epoch() != 2 || len(w2.Past()) != 4 {
		t.Fatalf("acquire after the lease: %v", err)
	}
	for what, err := range map[string]error{
		"append":        errOf(w.Append(ctx, journaltest.Done("4"))),
		"append of two": errOf(w.Append(ctx, journaltest.Done("4"), journaltest.Done("5"))),
		"status":        w.SetStatus(ctx, effect.StatusFailed),
		"lock":          w.Lock(ctx, []string{"a"}),
		"renew":         w.Renew(ctx),
		"add a source":  w.AddSource(ctx, journal.Source{Name: "x"}, effect.Event{Kind: effect.SourceChanged}),
		"append again":  errOf(w.Append(ctx, journaltest.Done("4"))),
	} {
		var fenced *journal.FencedError
		if !errors.As(err, &fenced) || fenced.Now != 2 || fenced.By.Host != "elsewhere" {
			t.Errorf("%s after the takeover: %v", what, err)
		}
	}
	if w.Valid() {
		t.Error("valid after the takeover")
	}
	if err := w2.Close(ctx); err != nil {
		t.Fatal(err)
	}
	var fenced *journal.FencedError
	if _, err := w2.Append(ctx, journaltest.Done("4")); !errors.As(err, &fenced) || fenced.Now != fenced.Epoch {
		t.Errorf("append after the run was given up: %v", err)
	}
	if events, err := db.Events(ctx, "run-a", 0); err != nil || len(events) != 4 {
		t.Errorf("events: %v, %v", events, err)
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
