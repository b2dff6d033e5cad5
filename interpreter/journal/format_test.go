package journal

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func newDB(t *testing.T) (*DB, *Writer) {
	t.Helper()
	db, err := Open(t.Context(), filepath.Join(t.TempDir(), "runbook.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w, err := db.Create(t.Context(), NewRun{ID: "run-a", Created: effect.Event{Kind: effect.RunCreated}}, Self())
	if err != nil {
		t.Fatal(err)
	}
	return db, w
}

// raw opens the file past the journal.
func raw(t *testing.T, path string) *sql.Conn {
	t.Helper()
	db, err := sql.Open("sqlite3", dsn(path, ""))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); _ = db.Close() })
	return conn
}

func exec(t *testing.T, c *sql.Conn, query string, args ...any) {
	t.Helper()
	if _, err := c.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, q querier, query string) (n int64) {
	t.Helper()
	if err := q.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPragmas reads them through the pools that the journal itself uses.
func TestPragmas(t *testing.T) {
	db, _ := newDB(t)
	for pragma, want := range map[string]int64{"synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1,
		"user_version": 2, "application_id": applicationID} {
		if got := number(t, db.conn, "PRAGMA "+pragma); got != want {
			t.Errorf("writer: %s is %d, not %d", pragma, got, want)
		}
		if got := number(t, db.read, "PRAGMA "+pragma); got != want {
			t.Errorf("reader: %s is %d, not %d", pragma, got, want)
		}
	}
	if got := number(t, db.read, "PRAGMA query_only"); got != 1 {
		t.Errorf("readers can write")
	}
	var mode string
	if err := db.conn.QueryRowContext(t.Context(), "PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode %q, %v", mode, err)
	}
	if max := db.write.Stats().MaxOpenConnections; max != 1 {
		t.Errorf("%d connections may write", max)
	}
}

func TestCloseMergesTheLog(t *testing.T) {
	db, _ := newDB(t)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(db.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", suffix, err)
		}
	}
}

func TestMigration(t *testing.T) {
	db, w := newDB(t)
	if _, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := fs.ReadFile(migrations, "migrations/0001_journal.sql")
	if err != nil {
		t.Fatal(err)
	}
	second, err := fs.ReadFile(migrations, "migrations/0002_lock_env.sql")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"migrations/0001_journal.sql":  {Data: first},
		"migrations/0002_lock_env.sql": {Data: second},
		"migrations/0003_notes.sql":    {Data: []byte("CREATE TABLE notes (text TEXT); INSERT INTO notes SELECT id FROM runs;")},
		"migrations/0004_broken.sql":   {Data: []byte("ALTER TABLE notes ADD COLUMN more TEXT; CREATE TABLE runs (x)")},
	}
	ctx := context.Background()
	conn := raw(t, db.path)
	if err := migrate(ctx, conn, db.path, files); err == nil || !strings.Contains(err.Error(), "0004_broken") {
		t.Fatalf("a broken step: %v", err)
	}
	if v := number(t, conn, "PRAGMA user_version"); v != 3 {
		t.Errorf("version %d after the third of four", v)
	}
	if n := number(t, conn, "SELECT count(*) FROM pragma_table_info('notes')"); n != 1 {
		t.Errorf("the broken step left %d columns", n)
	}
	files["migrations/0004_broken.sql"].Data = []byte("ALTER TABLE notes ADD COLUMN more TEXT")
	for range 2 { // the second time there is nothing to do
		if err := migrate(ctx, conn, db.path, files); err != nil {
			t.Fatal(err)
		}
	}
	if n := number(t, conn, "SELECT count(*) FROM events") + 10*number(t, conn, "SELECT count(*) FROM notes"); n != 12 {
		t.Errorf("%d rows", n)
	}

	// This program knows two steps and refuses what four have made.
	for _, readOnly := range []bool{false, true} {
		_, err = Open(ctx, db.path, Options{ReadOnly: readOnly})
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "format 4") {
			t.Errorf("a newer journal: %v", err)
		}
	}
	if v := number(t, conn, "PRAGMA user_version"); v != 4 {
		t.Errorf("version %d after refusal", v)
	}
	if err := checkVersion(ctx, conn, db.path, fstest.MapFS{}); !errors.Is(err, ErrNewer) {
		t.Errorf("no steps known: %v", err)
	}
	files["migrations/0005_more.sql"] = &fstest.MapFile{}
	if err := checkVersion(ctx, conn, db.path, files); !errors.Is(err, ErrOlder) {
		t.Errorf("a reader of an older journal: %v", err)
	}
	delete(files, "migrations/0003_notes.sql")
	if _, err := migrationSteps(files); err == nil {
		t.Error("a missing step was not noticed")
	}
}

func TestForeignDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	exec(t, raw(t, path), "CREATE TABLE customers (name TEXT)")
	for _, readOnly := range []bool{false, true} {
		if _, err := Open(t.Context(), path, Options{ReadOnly: readOnly}); !errors.Is(err, ErrForeign) {
			t.Errorf("another program's database: %v", err)
		}
	}
}

func TestUnknownKindAndVersion(t *testing.T) {
	for _, change := range []string{"kind = 'effect.dreamt'", "version = 2"} {
		db, w := newDB(t)
		if _, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged}); err != nil {
			t.Fatal(err)
		}
		exec(t, raw(t, db.path), "UPDATE events SET "+change+" WHERE seq = 2")
		_, err := db.Events(t.Context(), "run-a", 0)
		var unknown *UnknownKindError
		if !errors.As(err, &unknown) || unknown.Run != "run-a" || unknown.Seq != 2 || unknown.Kind == "" {
			t.Errorf("%s: %v", change, err)
		}
		_, err = db.Send(t.Context(), "run-a", effect.Event{Kind: effect.CancelRequested}, nil)
		if !errors.As(err, &unknown) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: send: %v", change, err)
		}
	}
}

// TestNewerProgramsRun: its record is as it was written, and this program does
// not go on from what it cannot read.
func TestNewerProgramsRun(t *testing.T) {
	db, w := newDB(t)
	db.kinds["effect.dreamt"] = "effect.dreamt"
	if _, err := w.Append(t.Context(), effect.Event{Kind: "effect.dreamt"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	delete(db.kinds, "effect.dreamt")
	for what, err := range map[string]error{"acquire": second(db.Acquire(t.Context(), "run-a", Self())),
		"send": second(db.Send(t.Context(), "run-a", effect.Event{Kind: effect.CancelRequested}, nil))} {
		var unknown *UnknownKindError
		if !errors.As(err, &unknown) || unknown.Kind != "effect.dreamt" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if report, err := db.Verify(t.Context(), ""); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestUnreadableBody(t *testing.T) {
	db, _ := newDB(t)
	exec(t, raw(t, db.path), "UPDATE events SET body = '{'")
	if _, err := db.Events(t.Context(), "run-a", 0); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "event 1 of run run-a") {
		t.Errorf("an unreadable body: %v", err)
	}
}

// TestRewrittenChain recomputes all hashes after a change, which only the
// digest of the head betrays.
func TestRewrittenChain(t *testing.T) {
	db, w := newDB(t)
	ctx := t.Context()
	if _, err := w.Append(ctx, effect.Event{Kind: effect.Logged, Body: effect.Body{Text: "truth"}}, effect.Event{Kind: effect.Logged}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	conn := raw(t, db.path)
	exec(t, conn, `UPDATE events SET body = '{"text":"fiction"}' WHERE seq = 2`)
	var l link
	for seq := range 3 {
		var r row
		err := conn.QueryRowContext(ctx, "SELECT "+eventColumns+" FROM events WHERE seq = ?", seq+1).Scan(r.fields()...)
		if err != nil {
			t.Fatal(err)
		}
		l = l.next("run-a", &r)
		exec(t, conn, "UPDATE events SET hash = ? WHERE seq = ?", l.hash[:], seq+1)
	}
	report, err := db.Verify(ctx, "run-a")
	if err != nil || len(report.Faults) != 1 || report.Faults[0].Seq != 3 {
		t.Errorf("a rewritten chain: %v, %v", report, err)
	}
	exec(t, conn, "UPDATE runs SET head_hash = ?", l.hash[:])
	report, err = db.Verify(ctx, "run-a")
	if err != nil || len(report.Faults) != 1 || !strings.HasPrefix(report.Faults[0].What, "runs:") {
		t.Errorf("a rewritten chain and head: %v, %v", report, err)
	}
}

// TestCutTailIsNotVouchedFor shows that a runner does not vouch for what somebody left.
func TestCutTailIsNotVouchedFor(t *testing.T) {
	db, w := newDB(t)
	if _, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	exec(t, raw(t, db.path), "DELETE FROM events WHERE seq = 2")
	if _, err := db.Acquire(t.Context(), "run-a", Self()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("acquire a run with a cut tail: %v", err)
	}
}

func TestKey(t *testing.T) {
	ctx := t.Context()
	db, w := newDB(t)
	secret := effect.NewSecret("token", "hunter2")
	before := db.Digest(secret)
	if err := errors.Join(w.Close(ctx), db.Close()); err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(db.keyPath())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"missing": "", "another": strings.Repeat("0", 64) + "\n", "no key": "hello", "short": "00"} {
		if err := os.Remove(db.keyPath()); err != nil {
			t.Fatal(err)
		}
		if text != "" {
			if err := os.WriteFile(db.keyPath(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for _, readOnly := range []bool{false, true} {
			db, err := Open(ctx, db.path, Options{ReadOnly: readOnly})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := db.Keyed(); !errors.Is(err, ErrKey) {
				t.Errorf("%s: %v", name, err)
			}
			if events, err := db.Events(ctx, "run-a", 0); err != nil || len(events) != 1 {
				t.Errorf("%s: events: %v", name, err)
			}
			if s := db.Digest(secret); s == before || s == db.Digest(secret) {
				t.Errorf("%s: digest %s", name, s)
			}
			if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) != 1 {
				t.Errorf("%s: verify: %v, %v", name, report, err)
			}
			if _, err := db.Acquire(ctx, "run-a", Self()); !errors.Is(err, ErrKey) && !errors.Is(err, ErrReadOnly) {
				t.Errorf("%s: acquire: %v", name, err)
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := os.WriteFile(db.keyPath(), own, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db, err = Open(ctx, db.path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.Keyed(); err != nil || db.Digest(secret) != before {
		t.Errorf("with its own key: %v", err)
	}
}

// TestKeyOfAnUnusedJournal: a key that was lost before the first run is made
// anew.
func TestKeyOfAnUnusedJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "runbook.db")
	for range 2 {
		db, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Keyed(); err != nil {
			t.Error(err)
		}
		if err := errors.Join(db.Close(), os.Remove(path+".key")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDatabase(t *testing.T) {
	ctx := t.Context()
	db, w := newDB(t)
	exec(t, db.conn, "PRAGMA max_page_count = 20")
	acknowledged := 1
	var err error
	for err == nil {
		if _, err = w.Append(ctx, effect.Event{Kind: effect.Logged, Body: effect.Body{Text: strings.Repeat("x", 500)}}); err == nil {
			acknowledged++
		}
	}
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("full: %v", err)
	}
	two := []effect.Event{{Kind: effect.Logged, Body: effect.Body{Text: strings.Repeat("x", 9000)}}, {Kind: effect.Logged}}
	if _, err := w.Append(ctx, two...); !errors.Is(err, ErrFull) {
		t.Errorf("two events on a full disk: %v", err)
	}
	if events, err := db.Events(ctx, "run-a", 0); err != nil || len(events) != acknowledged || acknowledged < 3 {
		t.Errorf("%d acknowledged, %d there, %v", acknowledged, len(events), err)
	}
	exec(t, db.conn, "PRAGMA max_page_count = 1000000")
	if got, err := w.Append(ctx, two...); err != nil || got[0].Seq != int64(acknowledged)+1 {
		t.Errorf("after room was made: %v, %v", got, err)
	}
	if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

func TestBusy(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the busy timeout")
	}
	db, w := newDB(t)
	conn := raw(t, db.path)
	exec(t, conn, "BEGIN IMMEDIATE")
	_, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged})
	if !errors.Is(err, ErrBusy) || !strings.Contains(err.Error(), "stuck backup") {
		t.Errorf("busy: %v", err)
	}
	exec(t, conn, "ROLLBACK")
	if _, err := w.Append(t.Context(), effect.Event{Kind: effect.Logged}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAwkwardPaths(t *testing.T) {
	for _, name := range []string{"a b.db", "what?.db", "50%.db", "x#y.db", "ü&_sync=off.db"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := Open(t.Context(), path, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := number(t, db.conn, "PRAGMA synchronous"); got != 2 {
			t.Errorf("%s: synchronous %d", name, got)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
