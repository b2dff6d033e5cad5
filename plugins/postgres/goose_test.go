package postgres

import (
	"context"
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

// TestGoose carries migrations out by the library: forth and back, to one that does
// not work, killed at any moment, and while the server goes on with what is killed.
func TestGoose(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	t.Run("forth and back", func(t *testing.T) { gooseForthAndBack(t, l, a) })
	t.Run("killed", func(t *testing.T) { gooseKilled(t, l, a) })
	t.Run("orphan", func(t *testing.T) { gooseOrphan(t, l, a) })
}

// gooseIn returns a backend whose migrations are in a directory, noted in a table of
// its own.
func gooseIn(t *testing.T, l *lab, a *cluster, dir, table string) (*Backend, obj) {
	t.Helper()
	c := l.config(a)
	c["goose"] = obj{"dir": dir, "table": table}
	return backend(t, c), c
}

func gooseForthAndBack(t *testing.T, l *lab, a *cluster) {
	dir := databasetest.Goose(t, map[string][2]string{
		"00001_a":    {"CREATE TABLE a (x int);", "DROP TABLE a;"},
		"00002_b":    {"CREATE TABLE b (x int); INSERT INTO b VALUES (1);", "DROP TABLE b;"},
		"00003_bare": {"CREATE INDEX CONCURRENTLY by_x ON b (x);", "DROP INDEX CONCURRENTLY by_x;"},
	})
	b, _ := gooseIn(t, l, a, dir, "public.forth")
	if got := must(t, b, "migrations", obj{}); got["version"] != 0.0 || len(got["pending"].([]any)) != 3 {
		t.Errorf("before: %v", got)
	}
	for _, step := range []struct{ args, want obj }{
		{obj{"to": 1}, obj{"from": 0.0, "to": 1.0, "applied": []any{"1"}}},
		{obj{}, obj{"from": 1.0, "to": 3.0, "applied": []any{"2", "3"}}},
		{obj{"to": 1}, obj{"from": 3.0, "to": 1.0, "applied": []any{"3 down", "2 down"}}},
	} {
		if got := must(t, b, "migrate", step.args); !reflect.DeepEqual(got, step.want) {
			t.Errorf("migrate %v: %v, want %v", step.args, got, step.want)
		}
	}
	fails(t, b, "migrate", obj{"to": 7}, effect.CodeNotFound, "there is no migration to version 7; the newest is 3")
	databasetest.GooseFile(t, dir, "00002_b", "CREATE TABLE b (x int); INSERT INTO nowhere VALUES (1);", "DROP TABLE b;")
	fails(t, b, "migrate", obj{}, effect.CodeFailed, `00002_b.sql (up): relation "nowhere" does not exist (42P01); nothing of it stays`)
	if n := a.do("SELECT count(*) FROM pg_tables WHERE tablename = 'b'"); n != "0" {
		t.Errorf("%s tables stayed", n)
	}
	databasetest.GooseFile(t, dir, "00002_b", "CREATE TABLE b (x int);", "DROP TABLE b;")
	databasetest.GooseFile(t, dir, "00003_bare", "ALTER TABLE b ADD COLUMN y int;\nINSERT INTO nowhere VALUES (1);", "SELECT 1;")
	fails(t, b, "migrate", obj{}, effect.CodeFailed, "before it went well: 00002_b.sql; it runs outside of a transaction: what its statements did before stays")
	if n := a.do("SELECT count(*) FROM pg_attribute WHERE attrelid = 'b'::regclass AND attname = 'y'"); n != "1" {
		t.Errorf("%s of its columns stayed", n)
	}
	if err := os.Remove(filepath.Join(dir, "00003_bare.sql")); err != nil {
		t.Fatal(err)
	}

	// The server ends the session within a migration: that is no word about it.
	databasetest.GooseFile(t, dir, "00004_cut", "CREATE TABLE cut (x int); SELECT pg_terminate_backend(pg_backend_pid());", "DROP TABLE cut;")
	fails(t, b, "migrate", obj{}, effect.CodeUnknown, "whether it was carried out is not known")
}

func gooseKilled(t *testing.T, l *lab, a *cluster) {
	dir, last, moments := t.TempDir(), 0, 4
	if testing.Short() {
		moments = 1
	}
	b, c := gooseIn(t, l, a, dir, "killed")
	plugintest.Kills{Backend: b, Config: c, Module: db.Module(), Op: "migrate", System: testedOn(t), Moments: moments, Several: true,
		Next: func(t *testing.T) plugintest.Round {
			for range 3 {
				last++
				databasetest.GooseFile(t, dir, fmt.Sprintf("%05d_more", last), fmt.Sprintf("CREATE TABLE t%d AS SELECT generate_series(1, 20000) AS x;", last), fmt.Sprintf("DROP TABLE t%d;", last))
			}
			newest := last
			key := fmt.Sprint("goose-", newest)
			return plugintest.Round{Key: key, There: func() bool {
				return a.do(fmt.Sprintf("SELECT count(*) FROM pg_tables WHERE tablename = 't%d'", newest)) == "1"
			}, After: func() {
				if n := a.do("SELECT count(*) || ' ' || count(DISTINCT version_id) FROM killed WHERE version_id > 0"); n != fmt.Sprintf("%d %d", newest, newest) {
					t.Errorf("%s: %s versions, want %d, each once", key, n, newest)
				}
			}}
		}}.Run(t)
}

// gooseOrphan kills the backend while the server carries a migration out, which goes
// on: until it is over nobody says that it did not happen.
func gooseOrphan(t *testing.T, l *lab, a *cluster) {
	dir := databasetest.Goose(t, map[string][2]string{"00001_wait": {"ALTER TABLE orders ADD COLUMN note text;", "ALTER TABLE orders DROP COLUMN note;"}})
	_, c := gooseIn(t, l, a, dir, "orphan")
	c["timeout"] = "5s"
	b := backend(t, c)
	j := &job{shared.Quiet(t.Context()), b.settings.Unnamed}
	held, e := j.connect(j.nodes["a"])
	if e != nil {
		t.Fatal(e)
	}
	defer held.close()
	for _, text := range []string{"BEGIN", "LOCK TABLE orders IN SHARE MODE"} {
		if _, err := held.run(t.Context(), text, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	req := request(t, "migrate", "orphan", obj{})
	plugintest.Kill(t, "postgres", c, req, func() {
		a.await("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER%'", "1")
	})
	if seen, err := b.Observe(t.Context(), req); err == nil || effect.AsError(err).Code != effect.CodeUnknown || !strings.Contains(err.Error(), "still carries out") {
		t.Errorf("while the server goes on: %+v, %v", seen, err)
	}
	if _, err := held.run(t.Context(), "ROLLBACK", nil, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waiting)
	defer cancel()
	for {
		seen, err := b.Observe(ctx, req)
		if err == nil && seen.State == effect.NotApplied { // the transaction ended with its session
			break
		}
		if e := effect.AsError(err); seen.State == effect.Applied || e == nil || e.Code != effect.CodeUnknown || ctx.Err() != nil {
			t.Fatalf("once it is over: %+v, %v", seen, err)
		}
	}
	if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["to"] != 1.0 {
		t.Errorf("repeated: %v, %v", v, err)
	}
}
