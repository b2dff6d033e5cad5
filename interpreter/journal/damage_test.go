package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// use opens a journal and does with it what a resume does, and an audit. A
// fault that only the audit finds is returned as an error too.
func use(t *testing.T, path string) error {
	t.Helper()
	ctx := t.Context()
	db, err := journal.Open(ctx, path, journal.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if _, err = db.Events(ctx, "run-b", 0); err != nil {
		return err
	}
	w, err := db.Acquire(ctx, "run-b", journal.Self())
	if err != nil {
		return err
	}
	if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
		return err
	}
	report, err := db.Verify(ctx, "")
	for _, f := range report.Faults {
		err = errors.Join(err, errors.New(f.String()))
	}
	return err
}

func TestDamagedFile(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(data []byte) []byte
		want   error // nil: any error, so that it shows
	}{
		{"the header overwritten", func(d []byte) []byte { copy(d, "hello, I am a text file"); return d }, journal.ErrCorrupt},
		{"a text file", func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 500)) }, journal.ErrCorrupt},
		{"cut in half", func(d []byte) []byte { return d[:len(d)/2] }, journal.ErrCorrupt},
		{"cut in a page", func(d []byte) []byte { return d[:len(d)-1000] }, nil},
		{"pages of zeros", func(d []byte) []byte { clear(d[4096:]); return d }, journal.ErrCorrupt},
		{"the schema garbled", func(d []byte) []byte {
			return bytes.Replace(d, []byte("CREATE TABLE events"), []byte("CREATE TABLE evxnts"), 1)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := smallJournal(t)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damaged := c.damage(data)
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			err = use(t, path)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			var e *journal.Error
			if errors.As(err, &e) && errors.Is(err, journal.ErrCorrupt) && !strings.Contains(err.Error(), "restore a backup") {
				t.Errorf("%v does not say what to do", err)
			}
		})
	}
}

// TestRandomDamage flips bytes anywhere in the file. Nothing may crash, and
// what is read without an error and verified without a fault is the truth.
func TestRandomDamage(t *testing.T) {
	ctx := t.Context()
	path := smallJournal(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	truth := read(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	rounds, found := 150, 0
	for range rounds {
		damaged := append([]byte{}, data...)
		for range 8 {
			damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		}
		other := filepath.Join(t.TempDir(), "copy.db")
		key, err := os.ReadFile(path + ".key")
		if err := errors.Join(err, os.WriteFile(other, damaged, 0o600), os.WriteFile(other+".key", key, 0o600)); err != nil {
			t.Fatal(err)
		}
		db, err := journal.Open(ctx, other, journal.Options{ReadOnly: true})
		if err != nil {
			found++
			continue
		}
		report, verifyErr := db.Verify(ctx, "")
		events, eventsErr := db.Events(ctx, "run-a", 0)
		_ = db.Close()
		if verifyErr != nil || eventsErr != nil || len(report.Faults) > 0 {
			found++
			continue
		}
		if !reflect.DeepEqual(events, truth) {
			t.Errorf("no fault, and not what was written: %v", events)
		}
	}
	t.Logf("%d of %d showed; the others struck bytes that say nothing", found, rounds)
}

func read(t *testing.T, path string) []effect.Event {
	t.Helper()
	db := open(t, path, journal.Options{ReadOnly: true})
	events, err := db.Events(t.Context(), "run-a", 0)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func TestReadOnlyOpen(t *testing.T) {
	ctx := t.Context()
	path := smallJournal(t)
	writer := open(t, path, journal.Options{})
	reader := open(t, path, journal.Options{ReadOnly: true})
	w := journaltest.Create(t, writer, "run-live")
	if run, err := reader.Find(ctx, "latest"); err != nil || run.ID != "run-live" {
		t.Errorf("what another process writes is not seen: %v, %v", run, err)
	}
	if a, err := reader.Changed(ctx); err != nil {
		t.Error(err)
	} else if _, err := w.Append(ctx, journaltest.Done("1")); err != nil {
		t.Error(err)
	} else if b, err := reader.Changed(ctx); err != nil || a == b {
		t.Errorf("changed: %d, %d, %v", a, b, err)
	}
	secret := effect.NewSecret("x", "y")
	if reader.Digest(secret) != writer.Digest(secret) {
		t.Error("a reader digests otherwise")
	}
	for what, err := range map[string]error{
		"create":  errOf(reader.Create(ctx, journaltest.New("run-x"), journal.Self())),
		"acquire": errOf(reader.Acquire(ctx, "run-b", journal.Self())),
		"send":    errOf(reader.Send(ctx, "run-b", effect.Event{Kind: effect.CancelRequested}, nil)),
		"delete":  reader.Delete(ctx, "run-b"),
	} {
		if !errors.Is(err, journal.ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := journal.Open(ctx, path+"-none", journal.Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing journal: %v", err)
	}
	if _, err := os.Stat(path + "-none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a reader created it: %v", err)
	}
	empty := filepath.Join(t.TempDir(), "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Open(ctx, empty, journal.Options{ReadOnly: true}); err == nil || !strings.Contains(err.Error(), "nothing was ever recorded in it; start a run") {
		t.Errorf("an empty file: %v", err)
	}
}

func TestUseAfterClose(t *testing.T) {
	db, err := journal.Open(t.Context(), filepath.Join(t.TempDir(), "runbook.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := journaltest.Create(t, db, "run-a")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"append": errOf(w.Append(t.Context(), journaltest.Done("1"))),
		"status": w.SetStatus(t.Context(), effect.StatusFailed),
		"inbox":  errOf(w.Inbox(t.Context())),
		"events": errOf(db.Events(t.Context(), "run-a", 0)),
		"find":   errOf(db.Find(t.Context(), "run-a")),
		"verify": errOf(db.Verify(t.Context(), "")),
		"poll":   errOf(db.Changed(t.Context())),
	} {
		if err == nil {
			t.Errorf("%s works on a closed journal", what)
		}
	}
}
