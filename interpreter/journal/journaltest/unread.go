package journaltest

import (
	"errors"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// testUnread sends in the last instant of a run.
func testUnread(t *testing.T, db *journal.DB) {
	ctx := t.Context()
	request := effect.Event{At: At(5), Kind: effect.RollbackRequested, Body: effect.Body{By: "bob@ops"}}
	for _, st := range []effect.Status{effect.StatusSucceeded, effect.StatusWaiting, effect.StatusInterrupted} {
		w := Create(t, db, "run-"+string(st))
		must(db.Send(ctx, w.Run(), request, nil))(t)
		for range 2 {
			if err := w.SetStatus(ctx, st); !errors.Is(err, journal.ErrUnread) {
				t.Fatalf("the run gets the status %s: %v", st, err)
			}
		}
		check(t, w.SetStatus(ctx, effect.StatusRollingBack)) // it goes on
		if !w.Unread() {
			t.Error("nothing is said to be sent")
		}
		if err := w.SetStatus(ctx, st); !errors.Is(err, journal.ErrUnread) {
			t.Fatalf("met, but not heard, the run gets the status %s: %v", st, err)
		}
		if unread := must(w.Inbox(ctx))(t); len(unread) != 1 || w.Unread() {
			t.Errorf("unread: %v, more: %v", unread, w.Unread())
		}
		check(t, w.SetStatus(ctx, st))
		if run := must(db.Find(ctx, w.Run()))(t); run.Status != st || run.Holder != nil {
			t.Errorf("the run is %s, held by %v", run.Status, run.Holder)
		}
	}
}
