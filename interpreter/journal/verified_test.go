package journal_test

import (
	"errors"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// TestAcquireVerified: who takes up a run that was verified just before gets all
// that was written since, and nothing that was not.
func TestAcquireVerified(t *testing.T) {
	ctx := t.Context()
	db := openNew(t)
	w := journaltest.Create(t, db, "run-a")
	if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	before, err := db.Verified(ctx, "run-a")
	if err != nil || len(before.Events()) != 2 || before.Run().ID != "run-a" {
		t.Fatalf("%v, %v", before, err)
	}
	if _, err := db.Send(ctx, "run-a", effect.Event{At: journaltest.At(3), Kind: effect.CancelRequested}, nil); err != nil {
		t.Fatal(err)
	}
	w, err = db.AcquireVerified(ctx, before, journal.Self())
	if err != nil {
		t.Fatal(err)
	}
	if past := w.Past(); len(past) != 3 || past[2].Kind != effect.CancelRequested {
		t.Errorf("the past is %v", past)
	}
	var held *journal.HeldError
	if _, err := db.AcquireVerified(ctx, before, journal.Self()); !errors.As(err, &held) {
		t.Errorf("while it is held: %v", err)
	}
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if before, err = db.Verified(ctx, "run-a"); err != nil {
		t.Fatal(err)
	}
	behind(t, db.Path(), "UPDATE events SET at = at + 1 WHERE seq = 3")
	var tampered *journal.TamperedError
	if _, err := db.Verified(ctx, "run-a"); !errors.As(err, &tampered) {
		t.Errorf("verified although it was changed: %v", err)
	}
	behind(t, db.Path(), "DELETE FROM events WHERE seq = 3")
	if _, err := db.AcquireVerified(ctx, before, journal.Self()); !errors.As(err, &tampered) {
		t.Errorf("acquired although its end was cut off since: %v", err)
	}
}
