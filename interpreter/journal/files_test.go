package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

func TestNoRegularFile(t *testing.T) {
	dir := t.TempDir()
	pipe, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "link")
	if err := errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink("/dev/null", link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/dev/null": "a device", "/dev/zero": "a device", pipe: "a named pipe", link: "a symbolic link", dir: "a directory"} {
		for _, readOnly := range []bool{false, true} {
			_, err := journal.Open(t.Context(), path, journal.Options{ReadOnly: readOnly})
			if err == nil || !strings.Contains(err.Error(), path+": it is "+want+" and no regular file; name ") {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
}

// TestLinkToAJournal: the file that a link leads to is named, and nothing is
// written beside the link.
func TestLinkToAJournal(t *testing.T) {
	db := openNew(t)
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(db.Path(), link); err != nil {
		t.Fatal(err)
	}
	_, err := journal.Open(t.Context(), link, journal.Options{})
	if want, _ := filepath.EvalSymlinks(db.Path()); err == nil || !strings.Contains(err.Error(), "name the file itself: "+want) {
		t.Errorf("got %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// TestReplaceableJournal: nobody keeps a journal where everybody can put another.
func TestReplaceableJournal(t *testing.T) {
	dir := t.TempDir()
	for mode, ok := range map[os.FileMode]bool{0o777: false, 0o777 | os.ModeSticky: true, 0o755: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		db, err := journal.Open(t.Context(), filepath.Join(dir, "runbook.db"), journal.Options{})
		if ok != (err == nil) || !ok && !errors.Is(err, journal.ErrReplaceable) {
			t.Errorf("mode %v: %v", mode, err)
		}
		if err != nil {
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("left in the folder: %v", left)
			}
			continue
		}
		if err := errors.Join(db.Close(), os.Remove(db.Path()), os.Remove(db.Path()+".key")); err != nil {
			t.Error(err)
		}
	}
}

func TestExposedFiles(t *testing.T) {
	for _, suffix := range []string{"", ".key", "-wal", "-shm"} {
		for _, mode := range []os.FileMode{0o644, 0o602, 0o660, 0o666} {
			db := openNew(t) // open, so that all files are there
			path := db.Path() + suffix
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			for _, readOnly := range []bool{false, true} {
				_, err := journal.Open(t.Context(), db.Path(), journal.Options{ReadOnly: readOnly})
				if !errors.Is(err, journal.ErrExposed) || !strings.Contains(err.Error(), "chmod 600 '"+path+"'") {
					t.Errorf("%s with %o: %v", suffix, mode, err)
				}
			}
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			if again, err := journal.Open(t.Context(), db.Path(), journal.Options{}); err != nil {
				t.Errorf("mended: %v", err)
			} else if err := again.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestExposedJournalAtRest: a refusal leaves nothing behind that is refused next,
// and names all that is to be mended.
func TestExposedJournalAtRest(t *testing.T) {
	db, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "runbook.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	key := db.Path() + ".key"
	if err := errors.Join(os.Chmod(db.Path(), 0o644), os.Chmod(key, 0o640)); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		_, err := journal.Open(t.Context(), db.Path(), journal.Options{ReadOnly: readOnly})
		if !errors.Is(err, journal.ErrExposed) || !strings.Contains(err.Error(), "chmod 600 '"+db.Path()+"' '"+key+"'") {
			t.Errorf("%v", err)
		}
	}
	if err := errors.Join(os.Chmod(db.Path(), 0o600), os.Chmod(key, 0o600)); err != nil {
		t.Fatal(err)
	}
	again, err := journal.Open(t.Context(), db.Path(), journal.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestTakenAway: a journal that is deleted or replaced under a run takes
// nothing more; what has happened is in the copy that is left.
func TestTakenAway(t *testing.T) {
	intent := effect.Event{At: journaltest.At(1), Kind: effect.EffectIntended, Place: "2", Body: effect.Body{Op: "traffic.split"}}
	for _, c := range []struct {
		name string
		take func(path string) error
	}{
		{"deleted", func(p string) error { return errors.Join(os.Remove(p), os.Remove(p+"-wal"), os.Remove(p+"-shm")) }},
		{"deleted with its key", func(p string) error { return errors.Join(os.Remove(p), os.Remove(p+".key")) }},
		{"the log deleted", func(p string) error { return os.Remove(p + "-wal") }},
		{"replaced", func(p string) error {
			return errors.Join(os.WriteFile(p+".new", []byte("backup"), 0o600), os.Rename(p+".new", p))
		}},
		{"moved away", func(p string) error { return os.Rename(p, p+".old") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			db := openNew(t)
			w := journaltest.Create(t, db, "run-a")
			if err := c.take(db.Path()); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time adds nothing
				if err := w.Renew(ctx); !errors.Is(err, journal.ErrGone) {
					t.Errorf("renew: %v", err)
				}
			}
			_, err := w.Append(ctx, intent)
			if !errors.Is(err, journal.ErrGone) || !strings.Contains(err.Error(), "mv '"+db.Path()+".rescued-") {
				t.Fatalf("append: %v", err)
			}
			copies, err := filepath.Glob(db.Path() + ".rescued-*")
			if err != nil || len(copies) == 0 {
				t.Fatalf("copies: %v, %v", copies, err)
			}
			back := filepath.Join(t.TempDir(), "back.db")
			key := copies[0] + ".key"
			if _, err := os.Stat(key); err != nil {
				key = db.Path() + ".key"
			}
			if err := errors.Join(os.Rename(copies[0], back), os.Rename(key, back+".key")); err != nil {
				t.Fatal(err)
			}
			again := open(t, back, journal.Options{})
			if events, err := again.Events(ctx, "run-a", 0); err != nil || len(events) != 1 {
				t.Errorf("the copy holds %v, %v", events, err)
			}
			if report, err := again.Verify(ctx, ""); err != nil || len(report.Faults) > 0 {
				t.Errorf("verify the copy: %v, %v", report, err)
			}
		})
	}
}

// TestOutcomeIsRescued: what has happened is recorded in the copy, and what was
// to follow it is not.
func TestOutcomeIsRescued(t *testing.T) {
	ctx := t.Context()
	db := openNew(t)
	w := journaltest.Create(t, db, "run-a")
	if err := os.Remove(db.Path()); err != nil {
		t.Fatal(err)
	}
	_, err := w.Append(ctx, journaltest.Done("1"), effect.Event{At: journaltest.At(2), Kind: effect.EffectIntended, Place: "2"})
	if !errors.Is(err, journal.ErrGone) {
		t.Fatal(err)
	}
	copies, _ := filepath.Glob(db.Path() + ".rescued-*")
	if len(copies) != 1 || os.Rename(copies[0], db.Path()) != nil {
		t.Fatalf("copies: %v", copies)
	}
	if err := errors.Join(os.Remove(db.Path()+"-wal"), os.Remove(db.Path()+"-shm")); err != nil {
		t.Fatal(err)
	}
	again := open(t, db.Path(), journal.Options{})
	if events, err := again.Events(ctx, "run-a", 0); err != nil || len(events) != 2 || events[1].Place != "1" {
		t.Errorf("the copy holds %v, %v", events, err)
	}
}

func TestCutToNothing(t *testing.T) {
	db := openNew(t)
	w := journaltest.Create(t, db, "run-a")
	if err := os.Truncate(db.Path(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(t.Context(), journaltest.Done("1")); !errors.Is(err, journal.ErrGone) || !strings.Contains(err.Error(), "cut to 0 bytes") {
		t.Errorf("append: %v", err)
	}
}

// TestLogCut: a log that is cut under a run is noticed before anything more is
// written; one that was brought into the database is none.
func TestLogCut(t *testing.T) {
	ctx := t.Context()
	sizes := map[string]int64{"to nothing": 0, "to its header": 32, "in a frame": 4000, "of the last frame": -1}
	for name, size := range sizes {
		t.Run(name, func(t *testing.T) {
			db := openNew(t)
			w := journaltest.Create(t, db, "run-a")
			for range 3 {
				if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
					t.Fatal(err)
				}
			}
			log := db.Path() + "-wal"
			if err := w.Renew(ctx); err != nil {
				t.Fatal(err)
			}
			if size < 0 {
				if err := w.Renew(ctx); err != nil { // so that the newest size was seen
					t.Fatal(err)
				}
				info, err := os.Stat(log)
				if err != nil {
					t.Fatal(err)
				}
				size = info.Size() - 8240
			}
			if err := os.Truncate(log, size); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := w.Append(ctx, journaltest.Done("2"))
				if !errors.Is(err, journal.ErrGone) || !strings.Contains(err.Error(), ": it was cut to") {
					t.Fatalf("append: %v", err)
				}
			}
			if copies, _ := filepath.Glob(db.Path() + ".rescued-*"); len(copies) != 1 {
				t.Fatalf("copies: %v", copies)
			} else if err := os.Rename(copies[0], db.Path()+".back"); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(db.Path()+".key", db.Path()+".back.key"); err != nil {
				t.Fatal(err)
			}
			back := open(t, db.Path()+".back", journal.Options{})
			if events, err := back.Events(ctx, "run-a", 0); err != nil || len(events) < 4 {
				t.Errorf("the copy holds %d events, %v", len(events), err)
			}
			if report, err := back.Verify(ctx, ""); err != nil || len(report.Faults) > 0 {
				t.Errorf("verify the copy: %v, %v", report, err)
			}
		})
	}
	t.Run("into the database", func(t *testing.T) {
		db := openNew(t)
		w := journaltest.Create(t, db, "run-a")
		for n := range 20 {
			if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
				t.Fatal(err)
			}
			if n%3 == 0 {
				behind(t, db.Path(), "PRAGMA wal_checkpoint(TRUNCATE)")
			}
		}
		if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) > 0 || report.Events != 21 {
			t.Errorf("verify: %v, %v", report, err)
		}
	})
}
