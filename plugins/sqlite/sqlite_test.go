package sqlite

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// migrations returns a configuration of migrations that this test binary
// carries out, as a tool of a team does.
func migrations(t *testing.T) obj {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(t.TempDir(), "migrate")
	text := fmt.Sprintf("#!/bin/sh\nRUNBOOK_TEST_MIGRATE=1 exec %q\n", self)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return obj{"command": []any{script}, "versions": "SELECT version FROM schema_versions"}
}

func TestMain(m *testing.M) {
	if os.Getenv("RUNBOOK_TEST_MIGRATE") != "" {
		if err := migrateOnce(os.Getenv("RUNBOOK_FILE"), os.Getenv("RUNBOOK_TO")); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(plugintest.Main(m, New()))
}

// migrateOnce has three migrations.
func migrateOnce(file, target string) error {
	db, err := sql.Open("sqlite3", file+"?_txlock=immediate&_busy_timeout=5000")
	if err != nil {
		return err
	}
	defer db.Close()
	to := 3
	if target != "" {
		if to, err = strconv.Atoi(target); err != nil || to > 3 {
			return fmt.Errorf("there is no migration to %q: %v", target, err)
		}
	}
	if _, err := db.Exec("CREATE TABLE IF NOT EXISTS schema_versions (version INTEGER PRIMARY KEY)"); err != nil {
		return err
	}
	at := 0
	if err := db.QueryRow("SELECT coalesce(max(version), 0) FROM schema_versions").Scan(&at); err != nil {
		return err
	}
	for ; at < to; at++ {
		if _, err := db.Exec(fmt.Sprintf("BEGIN; CREATE TABLE v%d (x); INSERT INTO schema_versions VALUES (%d); COMMIT", at+1, at+1)); err != nil {
			return err
		}
	}
	for ; at > to; at-- {
		if _, err := db.Exec(fmt.Sprintf("BEGIN; DROP TABLE v%d; DELETE FROM schema_versions WHERE version = %d; COMMIT", at, at)); err != nil {
			return err
		}
	}
	return nil
}

// TestTheWholeWay backs up, restores beside, validates and swaps.
func TestTheWholeWay(t *testing.T) {
	for _, mode := range []string{"wal", "delete"} {
		t.Run(mode, func(t *testing.T) {
			live := file(t, mode)
			b := backend(t, config(live))
			made := must(t, b, "backup", obj{})
			do(t, live, "DELETE FROM orders WHERE item = 'plum'")
			got := must(t, b, "restore", obj{"copy": "before"})
			if got["backup"] != made["backup"] || got["time"] != made["began"] {
				t.Errorf("restored %v of %v", got, made)
			}
			if is := ask(t, live, "SELECT count(*) FROM orders"); is != "2" {
				t.Errorf("the live data has %s rows: the restore touched it", is)
			}
			must(t, b, "validate", obj{"copy": "before", "checks": obj{"whole": "SELECT count(*) = 3 FROM orders"}})
			fails(t, b, "validate", obj{"checks": obj{"whole": "SELECT count(*) = 3 FROM orders"}}, effect.CodeUnhealthy, "the live data does not pass the check whole")
			if got := must(t, b, "swap", obj{"copy": "before"}); !reflect.DeepEqual(got, obj{"live": "before", "kept": "before_before"}) {
				t.Errorf("swap: %v", got)
			}
			for where, want := range map[string]string{live: "3", filepath.Join(live+".copies", "before_before", "data.db"): "2"} {
				if is := ask(t, where, "SELECT count(*) FROM orders"); is != want {
					t.Errorf("%s has %s rows, want %s", where, is, want)
				}
				if is := ask(t, where, "PRAGMA journal_mode"); is != mode {
					t.Errorf("%s has the mode %s, want %s", where, is, mode)
				}
			}
			fails(t, b, "swap", obj{"copy": "before"}, effect.CodeNotFound, "before_before")
			must(t, b, "swap", obj{"copy": "before_before", "keep": "before_before"})
			if is := ask(t, live, "SELECT count(*) FROM orders"); is != "2" {
				t.Errorf("swapped back there are %s rows", is)
			}
			if left := remains(t, filepath.Dir(live)); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestRefusals holds what is refused, and that nothing was touched.
func TestRefusals(t *testing.T) {
	live := file(t, "delete")
	b := backend(t, config(live))
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
	made := must(t, b, "backup", obj{})
	must(t, b, "restore", obj{"copy": "c"})
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeConflict, "nothing was restored")
	fails(t, b, "restore", obj{"copy": "d", "backup": "full-1"}, effect.CodeNotFound, "known: full-2")
	fails(t, b, "restore", obj{"copy": "d", "time": "2020-01-01T00:00:00Z"}, effect.CodeNotFound, "no backup reaches back")
	fails(t, b, "restore", obj{"copy": "d", "time": "2999-01-01T00:00:00Z"}, effect.CodeInvalid, "has not come yet")
	fails(t, b, "restore", obj{"copy": "d", "time": made["ended"].(float64) + 0.001}, effect.CodeRefused, "no log")
	must(t, b, "restore", obj{"copy": "d", "time": made["ended"]})
	fails(t, b, "backup", obj{"type": "incr"}, effect.CodeUnsupported, `type = "full"`)
	fails(t, b, "swap", obj{"copy": "c", "keep": "d"}, effect.CodeConflict, "keep")
	fails(t, b, "swap", obj{"copy": "x"}, effect.CodeNotFound, "known: c, d")
	fails(t, b, "migrate", obj{}, effect.CodeUnsupported, "names no migrations")
	fails(t, b, "query", obj{"sql": "SELECT 1", "db": "audit"}, effect.CodeNotFound, "audit")
	fails(t, b, "query", obj{"sql": "DELETE FROM orders"}, effect.CodeRefused, "db.exec")
	fails(t, b, "query", obj{"sql": "PRAGMA journal_mode = MEMORY"}, effect.CodeRefused, "sets a pragma")
	must(t, b, "query", obj{"sql": "PRAGMA table_info(orders)"})
	fails(t, b, "query", obj{"sql": "SELECT 1; SELECT 2"}, effect.CodeInvalid, "several statements")
	fails(t, b, "exec", obj{"sql": "DELETE FROM orders; DELETE FROM lines"}, effect.CodeInvalid, "several statements")
	fails(t, b, "exec", obj{"sql": "COMMIT"}, effect.CodeRefused, "transaction")
	fails(t, b, "exec", obj{"sql": "ATTACH 'x.db' AS x"}, effect.CodeRefused, "attaches")
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES (NULL)"}, effect.CodeFailed, "NOT NULL")
	fails(t, b, "exec", obj{"sql": "INSERT INTO lines (order_id) VALUES (77)"}, effect.CodeFailed, "FOREIGN KEY")
	fails(t, b, "exec", obj{"sql": "SELEC 1"}, effect.CodeFailed, "syntax error")

	// A copy that would be the live file is refused, whatever it is called.
	same := config(live)
	same["copies"] = filepath.Dir(live)
	fails(t, backend(t, same), "restore", obj{"copy": "app.db"}, effect.CodeRefused, "is the live data")
	if is := ask(t, live, "SELECT count(*) FROM orders"); is != "3" {
		t.Errorf("the live data has %s rows", is)
	}

	// Somebody has it open, and does nothing.
	busy, err := sql.Open("sqlite3", live)
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	tx, err := busy.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM orders").Scan(&n); err != nil {
		t.Fatal(err)
	}
	slow := config(live)
	slow["timeout"] = "50ms"
	fails(t, backend(t, slow), "swap", obj{"copy": "c"}, effect.CodeRefused, "is in use; nothing was swapped")
	_ = tx.Rollback()
	if tx, err = busy.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("DELETE FROM orders"); err != nil {
		t.Fatal(err)
	}
	fails(t, backend(t, slow), "exec", obj{"sql": "DELETE FROM orders"}, effect.CodeUnavailable, "longer than 50ms")
	_ = tx.Rollback()
	_, err = invokeCanceled(t, b)
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeTimeout || !strings.Contains(e.Message, "took longer than") {
		t.Errorf("a statement without end: %v", err)
	}
}

func invokeCanceled(t *testing.T, b *Backend) (any, error) {
	return b.Invoke(t.Context(), request(t, "query", "k", obj{"sql": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n", "timeout": "50ms"}))
}

// TestDamage holds what is said of damaged files, and the way out.
func TestDamage(t *testing.T) {
	live := file(t, "wal")
	b := backend(t, config(live))
	must(t, b, "backup", obj{})
	must(t, b, "restore", obj{"copy": "good"})
	do(t, live, "PRAGMA foreign_keys=OFF; INSERT INTO lines (order_id) VALUES (77)")
	fails(t, b, "validate", obj{}, effect.CodeUnhealthy, "row 1 of lines leads to no row of orders")
	data, err := os.ReadFile(live)
	if err != nil {
		t.Fatal(err)
	}
	for i := 100; i < len(data); i++ {
		data[i] = 0xA5
	}
	if err := os.WriteFile(live, data, 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "validate", obj{}, effect.CodeUnhealthy, "damaged")
	if err := os.WriteFile(live+"-journal", []byte("of another time"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, b, "swap", obj{"copy": "good"})
	must(t, b, "validate", obj{})
	if shared.Exists(live + "-journal") {
		t.Error("what the damaged data left stands beside the new data")
	}
	if err := os.Remove(live); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "query", obj{"sql": "SELECT 1"}, effect.CodeUnavailable, live+" cannot be opened: no such file")
	if b.Health(t.Context()) == nil {
		t.Error("a file that is not there is healthy")
	}
	entries, _ := filepath.Glob(filepath.Join(filepath.Dir(live), "backups", "full-*"))
	if err := os.Truncate(entries[0], 5000); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "cut"}, effect.CodeUnhealthy, "restore another backup")
}

// TestStatements holds values on their way, and each exec's note.
func TestStatements(t *testing.T) {
	live := file(t, "wal")
	b := backend(t, config(live))
	got := must(t, b, "query", obj{"sql": "SELECT id, item, paid, 9007199254740993 AS big, 1.5 AS half, x'FF00' AS bytes, NULL AS none FROM orders -- all; of them", "max_rows": 1})
	want := obj{"rows": []any{obj{"id": 1.0, "item": "apple", "paid": true, "big": "9007199254740993", "half": 1.5, "bytes": "FF00"}}, "count": 1.0, "truncated": true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for text, rows := range map[string]float64{"INSERT INTO orders (item) VALUES (?), (?);": 2, "CREATE TABLE t (x)": 0, "UPDATE orders SET paid = 1 WHERE item IN (?, ?)": 2,
		"CREATE TRIGGER tr AFTER INSERT ON orders BEGIN SELECT 1; SELECT 2; END": 0} {
		args := obj{"sql": text}
		if strings.Contains(text, "?") {
			args["params"] = []any{"fig; '", 7}
		}
		if strings.HasPrefix(text, "UPDATE") {
			args["params"] = []any{"apple", "pear"}
		}
		if got := must(t, b, "exec", args); got["rows"] != rows {
			t.Errorf("%s changed %v rows, want %v", text, got["rows"], rows)
		}
	}
	req := request(t, "exec", "once", obj{"sql": "UPDATE orders SET paid = 0"})
	before, err := b.Observe(t.Context(), req)
	if err != nil || before.State != effect.NotApplied {
		t.Errorf("before: %+v, %v", before, err)
	}
	var wg sync.WaitGroup
	for range 4 { // as several attempts of one effect
		wg.Go(func() {
			if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["rows"] != 5.0 {
				t.Errorf("%v, %v", v, err)
			}
		})
	}
	wg.Wait()
	do(t, live, "UPDATE orders SET paid = 1")
	if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["rows"] != 5.0 {
		t.Errorf("again: %v, %v", v, err)
	}
	if is := ask(t, live, "SELECT count(*) FROM orders WHERE paid = 0"); is != "0" {
		t.Errorf("%s rows were changed a second time", is)
	}
	seen, err := b.Observe(t.Context(), req)
	if err != nil || seen.State != effect.Applied || seen.Value.(obj)["rows"] != 5.0 {
		t.Errorf("after: %+v, %v", seen, err)
	}
}

// TestBackupBesideWriters backs up while others write.
func TestBackupBesideWriters(t *testing.T) {
	live := file(t, "wal")
	do(t, live, "CREATE TABLE pairs (a, b); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000) INSERT INTO pairs SELECT i, i FROM n")
	b := backend(t, config(live))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		db, err := sql.Open("sqlite3", live+"?_busy_timeout=5000")
		if err != nil {
			t.Error(err)
			return
		}
		defer db.Close()
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := db.Exec("UPDATE pairs SET a = a + 1, b = b + 1"); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range 3 {
		must(t, b, "backup", obj{})
		name := fmt.Sprint("c", i)
		must(t, b, "restore", obj{"copy": name})
		must(t, b, "validate", obj{"copy": name, "checks": obj{"one moment": "SELECT count(*) = 40000 AND max(a - rowid) = min(a - rowid) AND max(a - b) = 0 FROM pairs"}})
	}
	close(stop)
	wg.Wait()
}

// TestMigrations runs the team's own command.
func TestMigrations(t *testing.T) {
	live := file(t, "wal")
	c := config(live)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	for _, step := range []struct {
		args obj
		want obj
	}{
		{obj{"to": 1}, obj{"from": 0.0, "to": 1.0, "applied": []any{"1"}}},
		{obj{}, obj{"from": 1.0, "to": 3.0, "applied": []any{"2", "3"}}},
		{obj{}, obj{"from": 3.0, "to": 3.0, "applied": []any{}}},
		{obj{"to": 1}, obj{"from": 3.0, "to": 1.0, "applied": []any{"3 down", "2 down"}}},
	} {
		if got := must(t, b, "migrate", step.args); !reflect.DeepEqual(got, step.want) {
			t.Errorf("migrate %v: %v, want %v", step.args, got, step.want)
		}
	}
	fails(t, b, "migrate", obj{"to": 7}, effect.CodeFailed, `there is no migration to "7"`)
}
