package mariadb

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// TestTheWholeWay dumps, restores to moments beside the live data and validates,
// with the server up and with it dead.
func TestTheWholeWay(t *testing.T) {
	l := newLab(t)
	t.Setenv("TMPDIR", t.TempDir()) // where only we can write
	b := backend(t, l.config())
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
	made := must(t, b, "backup", obj{})
	l.do("USE app; INSERT INTO orders (item) VALUES ('fig'); CREATE TABLE later (x int); CREATE USER another; FLUSH BINARY LOGS; INSERT INTO orders (item) VALUES ('kiwi')")
	before := l.pass()
	l.do("DELETE FROM app.orders") // the mistake
	if got := must(t, b, "backups", obj{}); got["earliest"] != made["ended"] || got["latest"].(float64) < made["ended"].(float64) {
		t.Errorf("listed %v of %v", got, made)
	}
	if got := must(t, b, "restore", obj{"copy": "before", "time": before}); got["backup"] != made["backup"] {
		t.Errorf("restored %v", got)
	}
	if n, live := count(t, b, "before"), l.do("SELECT count(*) FROM app.orders"); n != "5" || live != "0" {
		t.Errorf("the copy has %s rows, the live data %s", n, live)
	}
	if got := must(t, b, "validate", obj{"copy": "before", "checks": obj{"five": "SELECT count(*) = 5 FROM orders"}}); got["checks"] != 1.0 || !strings.Contains(got["detail"].(string), "in 2 tables") {
		t.Errorf("validated %v", got)
	}
	fails(t, b, "validate", obj{"copy": "before", "checks": obj{"four": "SELECT count(*) = 4 FROM orders"}}, effect.CodeUnhealthy, "the copy before does not pass the check four")
	fails(t, b, "restore", obj{"copy": "before"}, effect.CodeConflict, "a copy \"before\" already")

	l.do("INSERT INTO app.orders (item) VALUES ('last')")
	l.kill()
	fails(t, b, "exec", obj{"sql": "DELETE FROM orders"}, effect.CodeUnavailable, "does not answer")
	must(t, b, "restore", obj{"copy": "rescued"})
	if n := count(t, b, "rescued"); n != "1" {
		t.Errorf("of a dead server %s rows were rescued", n)
	}
	left, _ := filepath.Glob(l.dir + "/*/.part*")
	sockets, _ := filepath.Glob("/tmp/" + socketDir + "*")
	if len(left) > 0 || len(sockets) > 0 {
		t.Errorf("left behind: %v %v", left, sockets)
	}

	// A damaged page of the copy is found, or the server refuses it.
	file := filepath.Join(l.dir, "copies", "rescued", "data", "app", "orders.ibd")
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(strings.Repeat("damaged by the test ", 50)), 3*16384+100); err != nil {
		t.Fatal(err)
	}
	if _, e := databasetest.Invoke(t, b, "validate", obj{"copy": "rescued"}); e == nil {
		t.Error("a damaged page is valid")
	}
	// A dump that is cut short is refused before anything starts.
	dump := filepath.Join(l.dir, "backups", made["backup"].(string), dumpFile)
	if err := os.Truncate(dump, 5000); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "short"}, effect.CodeUnhealthy, "is cut short")
}

// TestALogThatEnds restores from a copy of the log that does not go on.
func TestALogThatEnds(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.config()
	c["binlogs"], c["timeout"] = l.dir+"/received", "300ms"
	b := backend(t, c)
	must(t, b, "backup", obj{})
	l.do("INSERT INTO app.orders (item) VALUES ('fig')")
	if err := os.CopyFS(l.dir+"/received", os.DirFS(l.dir+"/data")); err != nil {
		t.Fatal(err)
	}
	quiet := l.pass()
	if got := must(t, b, "restore", obj{"copy": "quiet", "time": quiet}); momentOf(got) != quiet {
		t.Errorf("the log has all until %s, and the copy is of %v", quiet, momentOf(got))
	}
	l.do("INSERT INTO app.orders (item) VALUES ('kiwi')")
	later := l.pass()
	fails(t, b, "restore", obj{"copy": "c", "time": later}, effect.CodeUnavailable, "has written more")
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeUnavailable, "mariadb-binlog --raw")
	l.kill()
	for _, args := range []obj{{"copy": "given", "time": later}, {"copy": "newest"}} {
		if got := must(t, b, "restore", args); momentOf(got) > quiet || count(t, b, args["copy"].(string)) != "4" {
			t.Errorf("%v has %s rows and is of %s", args, count(t, b, args["copy"].(string)), momentOf(got))
		}
	}
}

// momentOf is the moment of a copy, as calls say it.
func momentOf(restored obj) string {
	return time.UnixMilli(int64(restored["time"].(float64) * 1e3)).UTC().Format(time.RFC3339)
}

// TestRefusals holds what is refused, and that nothing was touched.
func TestRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	b := backend(t, l.config())
	l.do("USE app; CREATE TABLE notes (x int) ENGINE = MyISAM")
	for text, says := range map[string]string{
		"CREATE TABLE x (i int)":                              "MariaDB commits others by themselves",
		"/* now */ commit":                                    "MariaDB commits others by themselves",
		"SELECT 1 INTO OUTFILE '/tmp/x'":                      "none of a transaction",
		"SELECT 1 into/**/outfile '/tmp/x'":                   "none of a transaction",
		"/* a */ CREATE TABLE x /* b */ SELECT * FROM orders": "MariaDB commits others by themselves",
		"--\nCREATE TABLE x (i int)\nSELECT 1 AS i":           "MariaDB commits others by themselves",
		"INSERT INTO notes VALUES (1)":                        "notes, a table of the engine MyISAM",
		"DELETE FROM `NOTES`":                                 "which has no transactions",
		"/*!50000 CREATE TABLE x (i int) */":                  "none of a transaction",
		"UPDATE orders SET item = 'a' # notes":                "MyISAM", // more is refused rather than less
	} {
		fails(t, b, "exec", obj{"sql": text}, effect.CodeRefused, says)
	}
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES (NULL)"}, effect.CodeFailed, "cannot be null")
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES ('x'); DELETE FROM orders"}, effect.CodeFailed, "1064")
	fails(t, b, "exec", obj{"sql": "DELETE FROM runbook_effects"}, effect.CodeFailed, "took the note of its effect away")
	fails(t, b, "query", obj{"sql": "DELETE FROM orders"}, effect.CodeRefused, "db.exec")
	for _, text := range []string{"CREATE TABLE x (i int)", "/* a */ CREATE TABLE x /* b */ SELECT * FROM orders", "--\nCREATE TABLE x (i int)\nSELECT 1 AS i", "SELECT 1 into/**/outfile '/tmp/x'", "/*!SELECT 1*/"} {
		fails(t, b, "query", obj{"sql": text}, effect.CodeRefused, "none that only reads")
	}
	for _, text := range []string{"/**/ SELECT 1", "/***/(SELECT 1)", "/* a * b **/ # c\n-- d\n--\nSELECT 1"} {
		must(t, b, "query", obj{"sql": text})
	}
	fails(t, b, "query", obj{"sql": "SELECT sleep(30)", "timeout": "200ms"}, effect.CodeTimeout, "took longer than")
	fails(t, b, "query", obj{"sql": "SELECT 1", "copy": "z"}, effect.CodeNotFound, "none at all")
	fails(t, b, "backup", obj{"type": "incr"}, effect.CodeUnsupported, `type = "full"`)
	fails(t, b, "migrate", obj{}, effect.CodeUnsupported, "names no migrations")
	fails(t, b, "swap", obj{"copy": "b"}, effect.CodeUnsupported, "it has backups")
	for says, change := range map[string]obj{"does not let the user runbook in": {"password": "wrong"}, "has no database nowhere": {"database": "nowhere"}} {
		c := l.config()
		for k, v := range change {
			c[k] = v
		}
		code := effect.CodeRefused
		if change["database"] != nil {
			code = effect.CodeNotFound
		}
		fails(t, backend(t, c), "exec", obj{"sql": "SELECT 1"}, code, says)
	}
	within := l.config()
	within["copies"] = l.dir + "/data/copies"
	if err := New().Configure(t.Context(), within); err == nil || !strings.Contains(err.Error(), "lie in one another") {
		t.Errorf("copies within the live data: %v", err)
	}

	must(t, b, "backup", obj{})
	if err := os.MkdirAll(l.dir+"/copies", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(l.dir+"/data", l.dir+"/copies/live"); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "live"}, effect.CodeRefused, "is the live data, over which nothing is restored")
	fails(t, b, "restore", obj{"copy": "c", "backup": "full-1"}, effect.CodeNotFound, "known: full-2")
	fails(t, b, "restore", obj{"copy": "c", "time": "2020-01-01T00:00:00Z"}, effect.CodeNotFound, "no backup reaches back")
	if err := os.Remove(l.dir + "/data/bin.000001"); err != nil { // as expiry does
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeRefused, "which is not in")
	if n := l.do("SELECT count(*) FROM app.orders"); n != "3" {
		t.Errorf("the live data has %s rows", n)
	}
}

// TestStatements holds values on their way, and each exec's note.
func TestStatements(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	b := backend(t, l.config())
	for _, params := range [][]any{nil, {"apple", 10, true}} { // both protocols
		where := "item = 'apple' AND id < 10 AND paid"
		if params != nil {
			where = "item = ? AND id < ? AND paid = ?"
		}
		got := must(t, b, "query", obj{"sql": `SELECT id, item, 9007199254740993 AS big, cast(18446744073709551615 AS unsigned) AS huge, cast(1.5 AS decimal(5,2)) AS half, cast('0.1234567890123456789' AS decimal(30,19)) AS fine,
 1e10 AS wide, x'ff00' AS bytes, timestamp '2026-01-31 03:00:00' AS at, NULL AS none FROM orders WHERE ` + where, "params": params, "max_rows": 1})
		want := obj{"rows": []any{obj{"id": 1.0, "item": "apple", "big": "9007199254740993", "huge": "18446744073709551615", "half": 1.5, "fine": "0.1234567890123456789",
			"wide": 1e10, "bytes": "FF00", "at": "2026-01-31 03:00:00"}}, "count": 1.0, "truncated": false}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if got := must(t, b, "query", obj{"sql": "SELECT seq FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, (SELECT 1 AS seq) c", "max_rows": 2}); got["truncated"] != true || got["count"] != 2.0 {
		t.Errorf("the first of many rows: %v", got)
	}
	if got := must(t, b, "exec", obj{"sql": "INSERT INTO orders (item, paid) VALUES (?, ?), (?, NULL)", "params": []any{"fig; '", true, 7}}); got["rows"] != 2.0 {
		t.Errorf("inserted %v", got)
	}
	req := request(t, "exec", "once", obj{"sql": "UPDATE orders SET paid = NOT coalesce(paid, false)"})
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.NotApplied {
		t.Errorf("before: %+v, %v", seen, err)
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
	if n := l.do("SELECT count(*) FROM app.orders WHERE paid"); n != "3" {
		t.Errorf("%s orders are paid: it was carried out more than once", n)
	}
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.Applied || seen.Value.(obj)["rows"] != 5.0 {
		t.Errorf("after: %+v, %v", seen, err)
	}

	c := l.config()
	c["migrate"] = migrations(t)
	b = backend(t, c)
	for _, step := range []struct{ args, want obj }{
		{obj{"to": 1}, obj{"from": 0.0, "to": 1.0, "applied": []any{"1"}}},
		{obj{}, obj{"from": 1.0, "to": 3.0, "applied": []any{"2", "3"}}},
		{obj{"to": 1}, obj{"from": 3.0, "to": 1.0, "applied": []any{"3 down", "2 down"}}},
	} {
		if got := must(t, b, "migrate", step.args); !reflect.DeepEqual(got, step.want) {
			t.Errorf("migrate %v: %v, want %v", step.args, got, step.want)
		}
	}
	fails(t, b, "migrate", obj{"to": 7}, effect.CodeFailed, "there is no migration to 7")

	// Connections that are idle while the command runs are ended, as by
	// wait_timeout or on the way.
	client := "mariadb --no-defaults -N -B --user=$MYSQL_USER "
	migrating := func(script string) *Backend {
		c["migrate"] = obj{"command": []any{"sh", "-c", script}, "versions": "SELECT version FROM app.schema_versions"}
		return backend(t, c)
	}
	b = migrating(`list=$(` + client + `-e "SELECT concat('KILL ', ID, ';') FROM information_schema.PROCESSLIST WHERE ID <> connection_id()"); echo "$list" | ` + client + `--force; ` + client + `-e "INSERT INTO app.schema_versions VALUES (9)"`)
	if got := must(t, b, "migrate", obj{"to": 9}); got["to"] != 9.0 {
		t.Errorf("migrated %v", got)
	}
	// It ended well, and nobody can tell to what.
	b = migrating(client + `-e "ALTER TABLE app.schema_versions RENAME COLUMN version TO v"`)
	if e := databasetest.Fails(t, b, "migrate", obj{}, effect.CodeUnknown, "the migrations ended well, and the versions of the schema cannot be read"); e != nil && strings.Contains(e.Message, "nothing changed") {
		t.Error(e)
	}
}

// TestKilled kills the backend at moments before, within and after each change.
func TestKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.config()
	c["migrate"] = migrations(t)
	b := backend(t, c)
	l.do("CREATE TABLE app.log (effect varchar(50)) ENGINE = InnoDB")
	must(t, b, "backup", obj{})
	number, last, to := databasetest.Numbered(), "", 0.0
	for _, op := range []string{"exec", "backup", "restore", "migrate"} {
		plugintest.Kills{Backend: b, Config: c, Module: db.Module(), Op: op, System: testedOn(t), Moments: 1, Several: op == "migrate", Next: func(t *testing.T) plugintest.Round {
			key, _ := number(op)
			switch op {
			case "exec":
				return plugintest.Round{Key: key, Args: obj{"sql": "INSERT INTO log SELECT ? FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b LIMIT 30000", "params": []any{key}},
					There: func() bool { return l.do("SELECT count(*) FROM app.log WHERE effect = '"+key+"'") == "30000" }}
			case "migrate":
				to = 3 - to // there and back; nobody else tells
				return plugintest.Round{Key: key, Args: obj{"to": to}}
			case "backup":
				return plugintest.Round{Key: key, There: databasetest.Made(l.dir + "/backups/full-*-" + (&shared.Call{Key: key}).ID())}
			}
			last = key
			return plugintest.Round{Key: key, Args: obj{"copy": key}, There: databasetest.Made(l.dir + "/copies/" + key + "/data")}
		}}.Run(t)
	}
	must(t, b, "validate", obj{"copy": last})
}
