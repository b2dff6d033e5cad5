package journaltest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func testFencing(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	w := Create(t, db, "run-a")
	check(t, w.Close(ctx))
	w2 := must(db.Acquire(ctx, "run-a", journal.Self()))(t)
	fenced := func(what string, err error) {
		t.Helper()
		var e *journal.FencedError
		if !errors.As(err, &e) || !errors.Is(err, journal.ErrFenced) || e.By.PID == 0 || e.Now != 2 {
			t.Errorf("%s by the runner before: %v", what, err)
		}
	}
	_, err := w.Append(ctx, Done("1"))
	fenced("append", err)
	_, err = w.Append(ctx, Done("1"), Done("2"))
	fenced("append of two", err)
	fenced("status", w.SetStatus(ctx, effect.StatusSucceeded))
	fenced("renewal", w.Renew(ctx))
	fenced("lock", w.Lock(ctx, []string{"a"}))
	fenced("source", w.AddSource(ctx, journal.Source{Name: "x"}, effect.Event{Kind: effect.SourceChanged}))
	check(t, w.Close(ctx)) // takes nothing from the new runner
	must(w2.Append(ctx, Done("1")))(t)
	if events := must(db.Events(ctx, "run-a", 1))(t); len(events) != 1 || events[0].Epoch != 2 {
		t.Errorf("events: %v", events)
	}
}

func testRelease(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	for i, st := range []effect.Status{effect.StatusWaiting, effect.StatusUnknown, effect.StatusInterrupted, effect.StatusSucceeded,
		effect.StatusFailed, effect.StatusRolledBack, effect.StatusRollbackFailed, effect.StatusCanceled} {
		id := fmt.Sprintf("run-%d", i)
		w := Create(t, db, id)
		check(t, w.Lock(ctx, []string{id}))
		check(t, w.SetStatus(ctx, effect.StatusRollingBack))
		if !w.Valid() {
			t.Errorf("%s: rolling back gave the lease up", st)
		}
		check(t, w.SetStatus(ctx, st, effect.Event{At: At(1), Kind: effect.Logged}))
		if _, err := w.Append(ctx, Done("1")); !errors.Is(err, journal.ErrFenced) {
			t.Errorf("append after %s: %v", st, err)
		}
		run := must(db.Find(ctx, id))(t)
		if run.Status != st || run.Holder != nil || w.Valid() {
			t.Errorf("after %s: %+v", st, run)
		}
		events := must(db.Events(ctx, id, 1))(t)
		if len(events) != 3 || events[1].Kind != effect.Logged || events[2].Body.Status != st {
			t.Errorf("events after %s: %v", st, events)
		}
		other := Create(t, db, id+"-other")
		err := other.Lock(ctx, []string{id})
		var locked *journal.LockedError
		if st.Terminal() != (err == nil) || err != nil && !errors.As(err, &locked) {
			t.Errorf("lock after %s: %v", st, err)
		}
	}
	w := Create(t, db, "own-words")
	check(t, w.SetStatus(ctx, effect.StatusFailed,
		effect.Event{At: At(1), Kind: effect.StatusChanged, Body: effect.Body{Status: effect.StatusFailed, Reason: "no luck"}}))
	if events := must(db.Events(ctx, "own-words", 1))(t); len(events) != 1 || events[0].Body.Reason != "no luck" {
		t.Errorf("the caller's own status.changed: %v", events)
	}
}

func testLocks(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	a, b := Create(t, db, "run-a"), Create(t, db, "run-b")
	check(t, a.Lock(ctx, []string{"traffic/web", "db/main"}))
	check(t, a.Lock(ctx, []string{"traffic/web"})) // again
	var locked *journal.LockedError
	if err := b.Lock(ctx, []string{"aaa", "traffic/web"}); !errors.As(err, &locked) || locked.Name != "traffic/web" ||
		locked.Run != "run-a" || locked.RunName != "blue-green" || locked.Owner.PID == 0 || locked.Since.IsZero() {
		t.Fatalf("second lock: %v", err)
	}
	check(t, Create(t, db, "run-c").Lock(ctx, []string{"aaa"})) // b took none
	check(t, a.Close(ctx))
	if err := b.Lock(ctx, []string{"db/main"}); !errors.As(err, &locked) {
		t.Errorf("a run that nobody holds lost its lock: %v", err)
	}
	a = must(db.Acquire(ctx, "run-a", journal.Self()))(t)
	check(t, a.Lock(ctx, []string{"traffic/web"}))
	check(t, a.SetStatus(ctx, effect.StatusSucceeded))
	check(t, b.Lock(ctx, []string{"db/main", "traffic/web"}))
}

func testAcquireRace(t *testing.T, db *journal.DB) {
	w := Create(t, db, "run-a")
	check(t, w.Close(t.Context()))
	const racers = 12
	errs := make(chan error, racers)
	for range racers {
		go func() {
			_, err := db.Acquire(t.Context(), "run-a", journal.Self())
			errs <- err
		}()
	}
	won := 0
	for range racers {
		err := <-errs
		var held *journal.HeldError
		if err == nil {
			won++
		} else if !errors.As(err, &held) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d acquired", won, racers)
	}
}

func testRefusedCreate(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	first, second, elsewhere := New("run-a"), New("run-b"), New("run-c")
	first.Locks, second.Locks, elsewhere.Locks = []string{"traffic/web"}, []string{"db/main", "traffic/web"}, []string{"traffic/web"}
	elsewhere.Env = "stage"
	must(db.Create(ctx, first, journal.Self()))(t)
	var locked *journal.LockedError
	if _, err := db.Create(ctx, second, journal.Self()); !errors.As(err, &locked) || locked.Run != "run-a" || locked.Env != "prod" || locked.Died {
		t.Errorf("a run that needs a lock of another: %v", err)
	}
	var missing *journal.NotFoundError
	if _, err := db.Find(ctx, "run-b"); !errors.As(err, &missing) {
		t.Errorf("the refused run: %v", err)
	}
	must(db.Create(ctx, elsewhere, journal.Self()))(t)
	second.Locks = []string{"db/main"}
	must(db.Create(ctx, second, journal.Self()))(t)
}

func testDeadLock(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	gone := journal.Self()
	gone.PID = 1<<22 + 1 // beyond the kernel's largest
	if gone.Boot == "" {
		t.Skip("this system has no /proc to look into")
	}
	n := New("run-a")
	n.Locks = []string{"traffic/web"}
	must(db.Create(ctx, n, gone))(t)
	n = New("run-b")
	n.Locks = []string{"traffic/web"}
	var locked *journal.LockedError
	_, err := db.Create(ctx, n, journal.Self())
	if !errors.As(err, &locked) || !locked.Died || locked.Holder == nil || locked.Heard.IsZero() ||
		!strings.Contains(err.Error(), "died") || !strings.Contains(err.Error(), "resume it") {
		t.Errorf("the lock of a dead runner: %v", err)
	}
	check(t, must(db.Acquire(ctx, "run-a", journal.Self()))(t).SetStatus(ctx, effect.StatusWaiting))
	if _, err := db.Create(ctx, n, journal.Self()); !errors.As(err, &locked) || locked.Died || locked.Holder != nil {
		t.Errorf("the lock of a run that nobody carries: %v", err)
	}
}

func testHeld(t *testing.T, db *journal.DB) {
	w := Create(t, db, "run-a")
	self := journal.Self()
	var held *journal.HeldError
	if _, err := db.Acquire(t.Context(), "run-a", self); !errors.As(err, &held) || held.Holder.PID != self.PID || held.Until.IsZero() {
		t.Fatalf("second holder: %v", err)
	}
	check(t, w.Close(t.Context()))
	check(t, w.Close(t.Context()))
	w2 := must(db.Acquire(t.Context(), "run-a", self))(t)
	if w2.Epoch() != 2 || w2.Run() != "run-a" || !w2.Valid() || w.Valid() {
		t.Errorf("epoch %d, valid %v and before %v", w2.Epoch(), w2.Valid(), w.Valid())
	}
	if _, err := db.Acquire(t.Context(), "run-a", self); !errors.As(err, &held) {
		t.Errorf("the same process acquired twice: %v", err)
	}
	var missing *journal.NotFoundError
	if _, err := db.Acquire(t.Context(), "none", self); !errors.As(err, &missing) {
		t.Errorf("acquire nothing: %v", err)
	}
}
