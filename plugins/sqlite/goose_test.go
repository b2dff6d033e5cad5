package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// TestGoose carries migrations out by the library, forth and back, and stops at one
// that does not work.
func TestGoose(t *testing.T) {
	dir := databasetest.Goose(t, map[string][2]string{
		"00001_a": {"CREATE TABLE a (x int);", "DROP TABLE a;"},
		"00002_b": {"CREATE TABLE b (x int); INSERT INTO b VALUES (1);", "DROP TABLE b;"},
		"00003_c": {"CREATE TABLE c (x int);", "DROP TABLE c;"},
	})
	live := file(t, "wal")
	c := config(live)
	c["goose"] = obj{"dir": dir}
	b := backend(t, c)
	pending := func() []any { return must(t, b, "migrations", obj{})["pending"].([]any) }
	if got := pending(); len(got) != 3 || got[0].(obj)["name"] != "00001_a.sql" {
		t.Errorf("pending: %v", got)
	}
	for _, step := range []struct{ args, want obj }{
		{obj{"to": 1}, obj{"from": 0.0, "to": 1.0, "applied": []any{"1"}}},
		{obj{}, obj{"from": 1.0, "to": 3.0, "applied": []any{"2", "3"}}},
		{obj{}, obj{"from": 3.0, "to": 3.0, "applied": []any{}}},
		{obj{"to": 1}, obj{"from": 3.0, "to": 1.0, "applied": []any{"3 down", "2 down"}}},
	} {
		if got := must(t, b, "migrate", step.args); !reflect.DeepEqual(got, step.want) {
			t.Errorf("migrate %v: %v, want %v", step.args, got, step.want)
		}
	}
	if got := must(t, b, "migrations", obj{}); !reflect.DeepEqual(got["applied"], []any{1.0}) || len(pending()) != 2 {
		t.Errorf("%v", got)
	}
	fails(t, b, "migrate", obj{"to": 7}, effect.CodeNotFound, "there is no migration to version 7; the newest is 3")
	fails(t, b, "migrate", obj{"dir": filepath.Join(dir, "gone")}, effect.CodeNotFound, "cannot be read")

	databasetest.GooseFile(t, dir, "00003_c", "CREATE TABLE c (x int); INSERT INTO nowhere VALUES (1);", "DROP TABLE c;")
	fails(t, b, "migrate", obj{}, effect.CodeFailed, "00003_c.sql (up): no such table: nowhere; before it went well: 00002_b.sql; nothing of it stays")
	if err := os.Remove(filepath.Join(dir, "00003_c.sql")); err != nil {
		t.Fatal(err)
	}
	databasetest.GooseFile(t, dir, "00003_bare", "CREATE TABLE c (x int); INSERT INTO nowhere VALUES (1);", "DROP TABLE c;")
	fails(t, b, "migrate", obj{}, effect.CodeFailed, "it runs outside of a transaction: what its statements did before stays, and goose_db_version does not have it")
	if got := must(t, b, "query", obj{"sql": "SELECT count(*) AS n FROM c"})["count"]; got != 1.0 {
		t.Errorf("its first statement did not stay: %v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "00004_go.go"), []byte("package x"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "migrations", obj{}, effect.CodeUnsupported, "00004_go.go is written in Go")
}

// TestKilledGoose kills the backend at moments before, within and after migrations by
// the library: each is there wholly or not at all, and the table of versions knows.
func TestKilledGoose(t *testing.T) {
	live := file(t, "wal")
	dir := t.TempDir()
	c := config(live)
	c["goose"] = obj{"dir": dir}
	b := backend(t, c)
	const each = 3
	moments, last := 10, 0
	if testing.Short() {
		moments = 2
	}
	plugintest.Kills{Backend: b, Config: c, Module: db.Module(), Op: "migrate", System: testedOn(t), Moments: moments, Several: true,
		Next: func(t *testing.T) plugintest.Round {
			for range each {
				last++
				databasetest.GooseFile(t, dir, fmt.Sprintf("%05d_more", last), fmt.Sprintf("CREATE TABLE t%d (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO t%d SELECT hex(randomblob(20)) FROM n;", last, last), fmt.Sprintf("DROP TABLE t%d;", last))
			}
			newest := fmt.Sprint("t", last)
			key := "goose-" + newest
			there := func() bool {
				return ask(t, live, "SELECT count(*) FROM sqlite_schema WHERE name = '"+newest+"'") == "1"
			}
			after := func() {
				for n := last - each + 1; n <= last; n++ {
					if rows := ask(t, live, fmt.Sprintf("SELECT count(*) FROM t%d", n)); rows != "20000" {
						t.Errorf("%s: %s rows in t%d", key, rows, n)
					}
				}
				if twice := ask(t, live, "SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version"); twice != "0" {
					t.Errorf("%s: %s versions stand twice", key, twice)
				}
			}
			return plugintest.Round{Key: key, There: there, After: after}
		}}.Run(t)
}

// TestBareMigration: of one that has no transaction nobody says what an attempt that
// was cut short did.
func TestBareMigration(t *testing.T) {
	dir := databasetest.Goose(t, map[string][2]string{"00001_a": {"CREATE TABLE a (x int);", "DROP TABLE a;"}, "00002_bare": {"CREATE TABLE b (x int);", "DROP TABLE b;"}})
	live := file(t, "wal")
	c := config(live)
	c["goose"] = obj{"dir": dir}
	b := backend(t, c)
	must(t, b, "migrate", obj{"to": 1})
	req := request(t, "migrate", "cut-short", obj{})
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.NotApplied {
		t.Errorf("before it began: %+v, %v", seen, err)
	}
	j := &job{shared.Quiet(t.Context()), b.settings.Unnamed}
	j.Key = req.Key
	if e := j.Note(&shared.Begun{Before: []int64{1}}); e != nil { // as an attempt does that dies then
		t.Fatal(e)
	}
	if seen, err := b.Observe(t.Context(), req); err == nil || seen.State == effect.NotApplied || !strings.Contains(err.Error(), "00002_bare.sql is next and runs outside of a transaction") {
		t.Errorf("begun: %+v, %v", seen, err)
	}
	must(t, b, "migrate", obj{})
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.Applied {
		t.Errorf("once it is through: %+v, %v", seen, err)
	}
}

func TestGooseOrCommand(t *testing.T) {
	c := config(file(t, "wal"))
	c["goose"], c["migrate"] = obj{"dir": "x"}, migrations(t)
	checked, err := effect.CheckFields(New().Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	if err := New().Configure(t.Context(), checked); err == nil || !strings.Contains(err.Error(), "migrate and goose are both given") {
		t.Errorf("%v", err)
	}
}
