package journal_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// behind changes a journal behind the program's back.
func behind(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

// forgeries are changes that nobody may build on.
var forgeries = []struct{ name, query string }{
	{"the newest event cut", "DELETE FROM events WHERE run = 1 AND seq = (SELECT max(seq) FROM events WHERE run = 1)"},
	{"the two newest cut", "DELETE FROM events WHERE run = 1 AND seq > 2"},
	{"an event edited", "UPDATE events SET body = '{\"op\":\"other\"}' WHERE run = 1 AND seq = 2"},
	{"the newest edited", "UPDATE events SET kind = 'effect.failed' WHERE run = 1 AND seq = 4"},
	{"an event added", "INSERT INTO events SELECT run, seq + 1, at, epoch, 'question.answered', '1', version, '{\"outcome\":\"approved\",\"by\":\"ana\"}', x'00' FROM events WHERE run = 1 AND seq = 4"},
	{"the status edited", "UPDATE runs SET status = 'waiting' WHERE num = 1"},
	{"the lease edited", "UPDATE runs SET lease_until = lease_until + 1 WHERE num = 1"},
	{"a lock removed", "DELETE FROM locks WHERE run = 1"},
	{"a source edited", "UPDATE sources SET text = x'00' WHERE run = 1"},
}

// TestNothingIsWrittenBehindAForgery: whoever appends verifies first, so that
// nothing new vouches for what was changed.
func TestNothingIsWrittenBehindAForgery(t *testing.T) {
	word := effect.Event{Kind: effect.QuestionAnswered, Place: "1", Body: effect.Body{By: "ana", Outcome: "approved"}}
	for _, f := range forgeries {
		t.Run(f.name, func(t *testing.T) {
			ctx := t.Context()
			db := openNew(t)
			w := journaltest.Create(t, db, "run-a")
			if err := w.Lock(ctx, []string{"traffic/web"}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Append(ctx, journaltest.Done("1"), journaltest.Done("2"), journaltest.Done("3")); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(ctx); err != nil {
				t.Fatal(err)
			}
			behind(t, db.Path(), f.query)
			before, err := db.Verify(ctx, "run-a")
			if err != nil || len(before.Faults) == 0 {
				t.Fatalf("verify: %v, %v", before, err)
			}
			fork := journaltest.New("run-b")
			fork.Parent, fork.Forked = "run-a", effect.Event{Kind: effect.Forked}
			for what, err := range map[string]error{
				"acquire": errOf(db.Acquire(ctx, "run-a", journal.Self())),
				"send":    errOf(db.Send(ctx, "run-a", word, nil)),
				"fork":    errOf(db.Create(ctx, fork, journal.Self())),
			} {
				var tampered *journal.TamperedError
				if !errors.As(err, &tampered) || !errors.Is(err, journal.ErrCorrupt) || !strings.Contains(err.Error(), "nothing was written to it") {
					t.Errorf("%s: %v", what, err)
				}
			}
			after, err := db.Verify(ctx, "run-a")
			if err != nil || fmt.Sprint(after.Faults) != fmt.Sprint(before.Faults) {
				t.Errorf("the faults were %v and are %v, %v", before.Faults, after.Faults, err)
			}

			// A person's word lets the run go on, and stays.
			accepted, err := db.Accept(ctx, "run-a", journal.Self(), "ana", "I cut it")
			if err != nil || fmt.Sprint(accepted) != fmt.Sprint(before.Faults) {
				t.Fatalf("accepted %v, %v", accepted, err)
			}
			if again, err := db.Accept(ctx, "run-a", journal.Self(), "ana", ""); err != nil || len(again) > 0 {
				t.Errorf("accepted again: %v, %v", again, err)
			}
			if _, err := db.Send(ctx, "run-a", word, nil); err != nil {
				t.Errorf("send after the word: %v", err)
			}
			w, err = db.Acquire(ctx, "run-a", journal.Self())
			if err != nil {
				t.Fatalf("acquire after the word: %v", err)
			}
			if err := w.SetStatus(ctx, effect.StatusFailed); err != nil {
				t.Error(err)
			}
			after, err = db.Verify(ctx, "run-a")
			if err != nil || len(after.Faults) == 0 {
				t.Errorf("after the word all is well: %v", err)
			}
			said := false
			for _, f := range after.Faults {
				said = said || strings.Contains(f.What, "ana went on") && strings.Contains(f.What, before.Faults[0].What)
				if !f.Accepted {
					t.Errorf("not accepted: %s", f)
				}
			}
			if !said {
				t.Errorf("the word is not in %v", after.Faults)
			}
			// It covers what was wrong then and nothing else.
			behind(t, db.Path(), "UPDATE events SET place = '99' WHERE run = 1 AND seq = 1")
			var tampered *journal.TamperedError
			if _, err := db.Send(ctx, "run-a", word, nil); !errors.As(err, &tampered) {
				t.Errorf("a second forgery: %v", err)
			}
		})
	}
}

// TestRunnerNoticesAForgery: a runner that holds its run acts on nothing that
// was not written by the program, and appends nothing behind it.
func TestRunnerNoticesAForgery(t *testing.T) {
	for _, f := range forgeries {
		switch f.name {
		case "an event edited", "the newest edited", "a source edited":
			continue // it has read them before, and goes by what it read
		}
		t.Run(f.name, func(t *testing.T) {
			ctx := t.Context()
			db := openNew(t)
			w := journaltest.Create(t, db, "run-a")
			if err := w.Lock(ctx, []string{"traffic/web"}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Append(ctx, journaltest.Done("1"), journaltest.Done("2"), journaltest.Done("3")); err != nil {
				t.Fatal(err)
			}
			behind(t, db.Path(), f.query)
			if sent, err := w.Inbox(ctx); len(sent) > 0 {
				t.Errorf("the runner was handed %v, %v", sent, err)
			}
			var tampered *journal.TamperedError
			if err := w.Renew(ctx); !errors.As(err, &tampered) {
				t.Errorf("renew: %v", err)
			}
			if err := w.SetStatus(ctx, effect.StatusSucceeded); !errors.As(err, &tampered) {
				t.Errorf("status: %v", err)
			}
			if f.name == "an event added" {
				if _, err := w.Append(ctx, journaltest.Done("4")); !errors.As(err, &tampered) {
					t.Errorf("append: %v", err)
				}
			}
			if report, err := db.Verify(ctx, "run-a"); err != nil || len(report.Faults) == 0 {
				t.Errorf("verify: %v, %v", report, err)
			}
		})
	}
}

// TestForgedAnswerBetweenTwoTrueOnes: what was sent behind a forged row is
// refused with it.
func TestForgedAnswerIsNotPostedBehind(t *testing.T) {
	ctx := t.Context()
	db := openNew(t)
	w := journaltest.Create(t, db, "run-a")
	behind(t, db.Path(), `INSERT INTO events SELECT run, 2, at, epoch, 'question.answered', '1', version,
		'{"outcome":"approved","by":"bob"}', x'00' FROM events WHERE seq = 1`)
	_, err := db.Send(ctx, "run-a", effect.Event{Kind: effect.QuestionAnswered, Place: "1", Body: effect.Body{By: "ana"}}, nil)
	var tampered *journal.TamperedError
	if !errors.As(err, &tampered) || tampered.Faults[0].Seq != 2 {
		t.Errorf("send behind a forged row: %v", err)
	}
	if sent, err := w.Inbox(ctx); err != nil || len(sent) > 0 {
		t.Errorf("inbox: %v, %v", sent, err)
	}
}

// TestRemovedRun: of a run that somebody removed nobody says that it never was,
// nor takes another one for the newest.
func TestRemovedRun(t *testing.T) {
	db := openNew(t)
	for _, id := range []string{"run-a", "run-b"} {
		if err := journaltest.Create(t, db, id).SetStatus(t.Context(), effect.StatusSucceeded); err != nil {
			t.Fatal(err)
		}
	}
	var missing *journal.NotFoundError
	if _, err := db.Find(t.Context(), "run-x"); !errors.As(err, &missing) || missing.Removed {
		t.Errorf("a run that never was: %v", err)
	}
	if err := db.Delete(t.Context(), "run-b"); err != nil {
		t.Fatal(err)
	}
	if run, err := db.Find(t.Context(), "latest"); err != nil || run.ID != "run-a" {
		t.Errorf("after a deletion the newest is %s, %v", run.ID, err)
	}
	journaltest.Create(t, db, "run-c")
	behind(t, db.Path(), "DELETE FROM events WHERE run = 3")
	behind(t, db.Path(), "DELETE FROM runs WHERE num = 3")
	for _, word := range []string{"run-c", "latest"} {
		if _, err := db.Find(t.Context(), word); !errors.As(err, &missing) || !missing.Removed || !strings.Contains(err.Error(), "audit verify") {
			t.Errorf("%s, whose row is gone: %v", word, err)
		}
	}
}

// format1 copies a journal that the program wrote when its format was 1: runs
// that wait, whose outcome is unknown, that have ended, and one whose runner
// was killed after it had written more than its row names.
func format1(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "runbook.db")
	for from, to := range map[string]string{"testdata/format1.db": path, "testdata/format1.db.key": path + ".key"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestJournalOfFormat1(t *testing.T) {
	ctx := t.Context()
	path := format1(t)
	reader := open(t, path, journal.Options{ReadOnly: true})
	if runs, err := reader.Runs(ctx, journal.Filter{}); err != nil || len(runs) != 4 {
		t.Fatalf("a reader: %v, %v", runs, err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	db := open(t, path, journal.Options{})
	verified := func(when string) {
		t.Helper()
		if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) > 0 || report.Runs < 4 || report.Events < 17 {
			t.Errorf("verify %s: %v, %v", when, report, err)
		}
	}
	verified("as it came")
	byName := map[string]string{}
	runs, err := db.Runs(ctx, journal.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		byName[r.Name] = r.ID
	}
	for name, events := range map[string]int{"waits": 4, "dies": 5, "ends": 4, "lags": 4} {
		w, err := db.Acquire(ctx, byName[name], journal.Self())
		if err != nil {
			t.Fatalf("acquire %s: %v", name, err)
		}
		if past := w.Past(); len(past) != events {
			t.Errorf("%s has %d events", name, len(past))
		}
		if _, err := w.Append(ctx, journaltest.Done("9")); err != nil {
			t.Errorf("append to %s: %v", name, err)
		}
		if err := w.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	verified("after all were taken up")

	// The locks of then hold in their environment.
	n := journaltest.New("run-a")
	n.Env, n.Locks = "prod", []string{"traffic/web"}
	var locked *journal.LockedError
	if _, err := db.Create(ctx, n, journal.Self()); !errors.As(err, &locked) || locked.Run != byName["waits"] {
		t.Errorf("a lock of then: %v", err)
	}
	n.Env = "stage"
	if _, err := db.Create(ctx, n, journal.Self()); err != nil {
		t.Errorf("the same lock elsewhere: %v", err)
	}
	verified("after a new run")
}

// TestForgeryInAJournalOfFormat1: a row that lags behind excuses nothing but
// that.
func TestForgeryInAJournalOfFormat1(t *testing.T) {
	path := format1(t)
	behind(t, path, "UPDATE events SET body = replace(body, 'ana', 'eve')")
	db := open(t, path, journal.Options{})
	run, err := db.Find(t.Context(), "01a216a1-683c")
	if err != nil {
		t.Fatal(err)
	}
	var tampered *journal.TamperedError
	if _, err := db.Acquire(t.Context(), run.ID, journal.Self()); !errors.As(err, &tampered) {
		t.Errorf("acquire: %v", err)
	}
}
