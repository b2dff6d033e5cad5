package postgres

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestTheWholeWay backs up, restores to moments beside the live data,
// validates, and swaps there and back.
func TestTheWholeWay(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := backend(t, l.config(a))
	if got := must(t, b, "backups", obj{}); len(got["backups"].([]any)) != 0 || got["timeline"] != 1.0 {
		t.Errorf("without a backup: %v", got)
	}
	made := must(t, b, "backup", obj{})
	a.do("INSERT INTO orders (item) VALUES ('fig')")
	before := a.do("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	a.do("DELETE FROM orders") // the mistake
	if got := must(t, b, "backups", obj{}); got["earliest"] != made["ended"] || got["latest"].(float64) <= made["ended"].(float64) {
		t.Errorf("with a log: %v of %v", got, made)
	}
	got := must(t, b, "restore", obj{"copy": "before", "time": before})
	if got["backup"] != made["backup"] || got["timeline"] != 2.0 {
		t.Errorf("restored %v", got)
	}
	if got := must(t, b, "restore", obj{"copy": "now"}); got["timeline"] != 3.0 {
		t.Errorf("another copy has the same timeline: %v", got)
	}
	if n := a.do("SELECT count(*) FROM orders"); n != "0" {
		t.Errorf("the live data has %s rows: a restore touched it", n)
	}
	count := func(copy string) any {
		return must(t, b, "query", obj{"sql": "SELECT count(*) AS n FROM orders", "copy": copy})["rows"].([]any)[0].(obj)["n"]
	}
	if count("before") != 4.0 || count("now") != 0.0 {
		t.Errorf("the copies have %v and %v rows", count("before"), count("now"))
	}
	if got := must(t, b, "validate", obj{"copy": "before", "checks": obj{"four": "SELECT count(*) = 4 FROM orders"}}); !strings.Contains(got["detail"].(string), "amcheck found nothing") {
		t.Errorf("validated %v", got)
	}
	fails(t, b, "validate", obj{"copy": "now", "checks": obj{"four": "SELECT count(*) = 4 FROM orders"}}, effect.CodeUnhealthy, "the copy now does not pass the check four")

	must(t, b, "swap", obj{"copy": "before", "keep": "mistaken"})
	if n := a.do("SELECT count(*) FROM orders"); n != "4" || count("mistaken") != 0.0 {
		t.Errorf("swapped, the live data has %s rows, what was live %v", n, count("mistaken"))
	}
	if got := must(t, b, "is_primary", obj{}); !reflect.DeepEqual(got, obj{"primary": true, "node": "a", "timeline": 2.0}) {
		t.Errorf("swapped: %v", got)
	}
	// The new timeline is archived, so that its moments can be restored, too.
	a.do("INSERT INTO orders (item) VALUES ('kiwi')")
	must(t, b, "restore", obj{"copy": "later"})
	if count("later") != 5.0 {
		t.Errorf("restored from the new timeline there are %v rows", count("later"))
	}
	must(t, b, "swap", obj{"copy": "mistaken", "keep": "mistaken"})
	if n := a.do("SELECT count(*) FROM orders"); n != "0" {
		t.Errorf("swapped back, there are %s rows", n)
	}

	// With the primary gone its log is still there, and copies can be made and
	// swapped in.
	a.do("INSERT INTO orders (item) VALUES ('last')")
	a.kill()
	must(t, b, "restore", obj{"copy": "rescued"})
	if count("rescued") != 1.0 {
		t.Errorf("of a dead primary %v rows were rescued", count("rescued"))
	}
	must(t, b, "swap", obj{"copy": "rescued"})
	if n := a.do("SELECT count(*) FROM orders"); n != "1" {
		t.Errorf("rescued, there are %s rows", n)
	}
	if hidden, _ := filepath.Glob(filepath.Join(l.dir, "*", ".part*")); len(hidden) > 0 {
		t.Errorf("left behind: %v", hidden)
	}
	sockets, _ := filepath.Glob(fmt.Sprintf("/tmp/%s%d-*", socketDir, os.Getpid())) // of tests beside this one, too
	for _, dir := range sockets {
		plugintest.Until(t, dir+" is removed", func() bool {
			_, err := os.Stat(dir)
			return os.IsNotExist(err)
		})
	}
}

// TestReplication promotes a replica after its primary died with writes that
// it never received.
func TestReplication(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	r := a.replica("b")
	b := backend(t, l.config(a, r))
	for deadline := time.Now().Add(waiting); ; { // servers write a little by themselves
		got := must(t, b, "lag", obj{})
		if got["lag"] == 0.0 && got["measured"] == "primary" && reflect.DeepEqual(got["bytes"], obj{"b": 0.0}) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("lag: %v", got)
		}
	}
	if got := must(t, b, "is_primary", obj{"node": "b"}); got["primary"] != false || got["timeline"] != 1.0 {
		t.Errorf("b: %v", got)
	}
	fails(t, b, "query", obj{"sql": "INSERT INTO orders (item) VALUES ('x')", "node": "b"}, effect.CodeRefused, "only reads")
	r.do("SELECT pg_wal_replay_pause()")
	a.do("INSERT INTO orders (item) SELECT repeat('x', 1000) FROM generate_series(1, 2000)")
	got := must(t, b, "lag", obj{"node": "b"})
	if n := got["bytes"].(obj)["b"].(float64); n < 1<<20 || got["lag"].(float64) <= 0 {
		t.Errorf("a replica that stands still: %v", got)
	}
	r.do("SELECT pg_wal_replay_resume()")
	a.await("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()", "1")

	// What comes after this the replica never receives.
	r.do("ALTER SYSTEM SET primary_conninfo = ''")
	r.do("SELECT pg_reload_conf()")
	a.await("SELECT count(*) FROM pg_stat_replication", "0")
	from := lsn(r.do("SELECT pg_last_wal_replay_lsn()"))
	a.do("INSERT INTO orders (item) VALUES ('lost')")
	end := lsn(a.do("SELECT pg_current_wal_flush_lsn()"))
	a.kill()
	if got := must(t, b, "lag", obj{}); got["measured"] != "replicas" || got["lag"].(float64) < 0 {
		t.Errorf("without the primary: %v", got)
	}
	fails(t, b, "exec", obj{"sql": "DELETE FROM orders"}, effect.CodeUnavailable, "node a (127.0.0.1:"+a.port+") does not answer: dial")
	fails(t, b, "is_primary", obj{"node": "a"}, effect.CodeUnavailable, "check that the server runs")
	req := request(t, "promote", "p", obj{"node": "b"})
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.NotApplied {
		t.Errorf("before: %+v, %v", seen, err)
	}
	v, err := b.Invoke(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.(obj); got["primary"] != "b" || got["timeline"] != 2.0 || got["lost"] != float64(end-from) {
		t.Errorf("promoted: %v; lost were %d bytes", got, end-from)
	}
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.Applied {
		t.Errorf("after: %+v, %v", seen, err)
	}
	if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["timeline"] != 2.0 {
		t.Errorf("again: %v, %v", v, err)
	}
	must(t, b, "exec", obj{"sql": "DELETE FROM orders WHERE item = 'apple'"})
	if n := r.do("SELECT count(*) FROM orders WHERE item IN ('lost', 'apple')"); n != "0" {
		t.Errorf("the new primary has %s of what it cannot have", n)
	}
	// The old primary comes back: two take writes, and the newer timeline counts.
	a.start()
	if got := must(t, b, "is_primary", obj{}); got["node"] != "b" {
		t.Errorf("two primaries: %v", got)
	}
	if got := must(t, b, "is_primary", obj{"node": "a"}); got["primary"] != true {
		t.Errorf("the old one: %v", got)
	}
	// A node without data on this machine: nobody knows what was lost.
	far := l.config(a, r)
	far["nodes"].(obj)["b"] = obj{"address": "127.0.0.1:" + r.port}
	fails(t, backend(t, far), "swap", obj{"copy": "x"}, effect.CodeNotFound, "copy")
}

// TestRefusals holds what is refused, what servers say, and that nothing was
// touched.
func TestRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	c := l.config(a)
	b := backend(t, c)
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
	made := must(t, b, "backup", obj{})
	fails(t, b, "restore", obj{"copy": "c", "backup": "full-1"}, effect.CodeNotFound, "known: full-2")
	fails(t, b, "restore", obj{"copy": "c", "time": "2020-01-01T00:00:00Z"}, effect.CodeNotFound, "no backup reaches back")
	fails(t, b, "restore", obj{"copy": "c", "time": "2999-01-01T00:00:00Z"}, effect.CodeInvalid, "has not come yet")
	fails(t, b, "backup", obj{"type": "incr"}, effect.CodeUnsupported, `type = "full"`)
	fails(t, b, "swap", obj{"copy": "c"}, effect.CodeNotFound, "none at all")
	fails(t, b, "validate", obj{"copy": "c"}, effect.CodeNotFound, "none at all")
	fails(t, b, "migrate", obj{}, effect.CodeUnsupported, "names no migrations")
	fails(t, b, "promote", obj{"node": "z"}, effect.CodeNotFound, "known: a")
	fails(t, b, "query", obj{"sql": "SELECT 1", "db": "audit"}, effect.CodeNotFound, "audit")
	fails(t, b, "query", obj{"sql": "DELETE FROM orders"}, effect.CodeRefused, "db.exec")
	fails(t, b, "query", obj{"sql": "SELECT 1; SELECT 2"}, effect.CodeFailed, "42601")
	fails(t, b, "query", obj{"sql": "SELECT pg_sleep(30)", "timeout": "100ms"}, effect.CodeTimeout, "took longer than")
	fails(t, b, "exec", obj{"sql": "-- now\n commit"}, effect.CodeRefused, "controls transactions")
	fails(t, b, "exec", obj{"sql": "VACUUM"}, effect.CodeRefused, "within a transaction")
	fails(t, b, "exec", obj{"sql": "INSERT INTO orders (item) VALUES (NULL)"}, effect.CodeFailed, "null value")
	fails(t, b, "exec", obj{"sql": "SELEC 1"}, effect.CodeFailed, "syntax error")

	// Directories of ours and of the server keep apart.
	for _, key := range []string{"copies", "backups"} {
		bad := l.config(a)
		bad[key] = filepath.Join(a.data, "x")
		if err := New().Configure(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "lie in one another") {
			t.Errorf("%s within the live data: %v", key, err)
		}
	}
	if err := New().Configure(t.Context(), obj{"nodes": obj{"a": obj{"address": "postgres://u:" + secret + "@h/d"}}}); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("an address with a password: %v", err)
	}

	// A damaged backup is refused before anything starts.
	file := filepath.Join(l.dir, "backups", made["backup"].(string), "data", "PG_VERSION")
	if err := os.WriteFile(file, []byte("1x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "c"}, effect.CodeUnhealthy, "is damaged")

	// Servers that are not there, are silent, or do not let us in.
	for says, change := range map[string]obj{
		"does not let the user runbook in": {"password": "wrong"},
		"has no database nowhere":          {"database": "nowhere"},
	} {
		bad := l.config(a)
		for k, v := range change {
			bad[k] = v
		}
		code := effect.CodeRefused
		if change["database"] != nil {
			code = effect.CodeNotFound
		}
		fails(t, backend(t, bad), "exec", obj{"sql": "SELECT 1"}, code, says)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	rubbish, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer rubbish.Close()
	go func() {
		for {
			conn, err := rubbish.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	for says, address := range map[string]string{"no answer within 200ms": silent.Addr().String(), "does not answer": rubbish.Addr().String()} {
		bad := l.config(a)
		bad["nodes"], bad["timeout"] = obj{"x": obj{"address": address}}, "200ms"
		fails(t, backend(t, bad), "query", obj{"sql": "SELECT 1"}, effect.CodeUnavailable, "node x ("+address+") does not answer")
		fails(t, backend(t, bad), "is_primary", obj{"node": "x"}, effect.CodeUnavailable, says)
		if backend(t, bad).Health(t.Context()) == nil {
			t.Errorf("%s is healthy", address)
		}
	}
	if n := a.do("SELECT count(*) FROM orders"); n != "3" {
		t.Errorf("the live data has %s rows", n)
	}

	// Without a log only the ends of backups can be restored.
	still := l.config(a)
	delete(still, "wal")
	still["backups"] = filepath.Join(l.dir, "others")
	b = backend(t, still)
	made = must(t, b, "backup", obj{})
	a.do("DELETE FROM orders")
	fails(t, b, "restore", obj{"copy": "c", "time": made["ended"].(float64) + 0.001}, effect.CodeRefused, "no log")
	if got := must(t, b, "restore", obj{"copy": "c", "time": made["ended"]}); got["time"] != made["ended"] || got["timeline"] != 1.0 {
		t.Errorf("restored %v of %v", got, made)
	}
	if got := must(t, b, "query", obj{"sql": "SELECT count(*) AS n FROM orders", "copy": "c"}); got["rows"].([]any)[0].(obj)["n"] != 3.0 {
		t.Errorf("the copy holds %v", got)
	}
	if err := os.Symlink(a.data, filepath.Join(l.dir, "copies", "live")); err != nil {
		t.Fatal(err)
	}
	fails(t, b, "restore", obj{"copy": "live"}, effect.CodeRefused, "is the live data")
}

// TestDamage finds a damaged page of an index and of a table.
func TestDamage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := backend(t, l.config(a))
	a.do("CREATE TABLE wide (id int PRIMARY KEY, t text); INSERT INTO wide SELECT i, repeat('x', 100) FROM generate_series(1, 3000) i; CHECKPOINT")
	must(t, b, "validate", obj{})
	file := filepath.Join(a.data, a.do("SELECT pg_relation_filepath('wide_pkey')"))
	a.kill()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damaged by the test"), 2*8192+4000); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	a.start()
	fails(t, b, "validate", obj{}, effect.CodeUnhealthy, "the live data is damaged: wide_pkey")
	a.do("DROP EXTENSION amcheck")
	fails(t, b, "validate", obj{}, effect.CodeUnsupported, "CREATE EXTENSION amcheck")
}

// TestStatements holds values on their way, and each exec's note.
func TestStatements(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := backend(t, l.config(a))
	got := must(t, b, "query", obj{"sql": `SELECT id, item, paid, 9007199254740993 AS big, 1.5::numeric AS half, 0.1234567890123456789::numeric AS fine, '{"a": [1, null, "x"]}'::jsonb AS doc,
 ARRAY[1,2] AS list, 'NaN'::float8 AS nan, '\xFF00'::bytea AS bytes, NULL AS none FROM orders WHERE item = $1 AND id < $2 ORDER BY id`, "params": []any{"apple", 10}, "max_rows": 1})
	want := obj{"rows": []any{obj{"id": 1.0, "item": "apple", "paid": true, "big": "9007199254740993", "half": 1.5, "fine": "0.1234567890123456789",
		"doc": got["rows"].([]any)[0].(obj)["doc"], "list": "{1,2}", "nan": "NaN", "bytes": `\xff00`}}, "count": 1.0, "truncated": false}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if doc, _ := json.Marshal(want["rows"].([]any)[0].(obj)["doc"]); !strings.Contains(string(doc), `"x"`) {
		t.Errorf("the document is %s", doc)
	}
	began := time.Now()
	if got := must(t, b, "query", obj{"sql": "SELECT i FROM generate_series(1, 50000000) i", "max_rows": 2}); got["truncated"] != true || got["count"] != 2.0 || time.Since(began) > waiting {
		t.Errorf("the first of many rows: %v after %s", got["count"], time.Since(began))
	}
	for text, rows := range map[string]float64{"INSERT INTO orders (item) VALUES ($1), ($2)": 2, "CREATE TABLE t (x int)": 0, "SELECT 1": 0} {
		args := obj{"sql": text}
		if strings.Contains(text, "$") {
			args["params"] = []any{"fig; '", 7}
		}
		if got := must(t, b, "exec", args); got["rows"] != rows {
			t.Errorf("%s changed %v rows, want %v", text, got["rows"], rows)
		}
	}
	req := request(t, "exec", "once", obj{"sql": "UPDATE orders SET paid = false"})
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
	a.do("UPDATE orders SET paid = true")
	if v, err := b.Invoke(t.Context(), req); err != nil || v.(obj)["rows"] != 5.0 {
		t.Errorf("again: %v, %v", v, err)
	}
	if n := a.do("SELECT count(*) FROM orders WHERE NOT paid"); n != "0" {
		t.Errorf("%s rows were changed a second time", n)
	}
	if seen, err := b.Observe(t.Context(), req); err != nil || seen.State != effect.Applied || seen.Value.(obj)["rows"] != 5.0 {
		t.Errorf("after: %+v, %v", seen, err)
	}

	c := l.config(a)
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

	// Connections that are idle while the command runs are ended, as on the way.
	c["migrate"].(obj)["command"] = []any{"sh", "-c", programs(t) + `/psql -XAtq -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = current_user" -c "INSERT INTO schema_versions VALUES (9)"`}
	if got := must(t, backend(t, c), "migrate", obj{"to": 9}); got["to"] != 9.0 {
		t.Errorf("migrated %v", got)
	}
}
