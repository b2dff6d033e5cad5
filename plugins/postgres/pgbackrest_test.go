package postgres

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// kept starts a primary whose backups and WAL pgBackRest keeps, and returns
// the configuration of both backends.
func (l *lab) kept(name string) (c *cluster, rest, ours obj) {
	l.t.Helper()
	if _, err := exec.LookPath("pgbackrest"); err != nil {
		if os.Getenv("RUNBOOK_REQUIRE_SERVERS") == "1" {
			l.t.Fatal("pgBackRest is not installed, and RUNBOOK_REQUIRE_SERVERS=1 asks for it")
		}
		l.t.Skip("skipped: pgBackRest is not installed: apt-get install pgbackrest")
	}
	config := filepath.Join(l.dir, "pgbackrest.conf")
	l.archive = "pgbackrest --config=" + config + " --stanza=main archive-push %p"
	c = l.primary(name)
	for _, dir := range []string{"repo", "lock", "log", "spool"} {
		l.mkdir(filepath.Join(l.dir, dir))
	}
	l.write(config, fmt.Sprintf("[global]\nrepo1-path=%[1]s/repo\nlock-path=%[1]s/lock\nlog-path=%[1]s/log\nspool-path=%[1]s/spool\nrepo1-retention-full=9\ncompress-type=none\n"+
		"[global:restore]\ndelta=y\n[main]\npg1-path=%[2]s\npg1-port=%[3]s\npg1-socket-path=%[1]s\npg1-user=runbook\n", l.dir, c.data, c.port))
	l.write(filepath.Join(c.data, "pg_hba.conf"), "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
	c.do("SELECT pg_reload_conf()")
	l.run("/usr/bin/pgbackrest", "--config="+config, "--stanza=main", "--log-level-console=off", "stanza-create")
	if err := os.Remove(filepath.Join(l.dir, "copies")); err != nil { // the backend makes it
		l.t.Fatal(err)
	}
	ours, rest = l.config(c), l.config(c)
	for _, key := range []string{"backups", "wal"} {
		delete(ours, key)
		delete(rest, key)
	}
	rest["stanza"], rest["config"] = "main", config
	return c, rest, ours
}

func (l *lab) write(file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	l.own(file)
}

func restBackend(t *testing.T, c obj) *PgBackRest {
	t.Helper()
	return plugintest.Configured(t, NewPgBackRest(), c)
}

// TestPgBackRest backs up and restores with pgBackRest, beside the backend
// postgres that does what is left.
func TestPgBackRest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, config, ours := l.kept("a")
	b, pg := restBackend(t, config), backend(t, ours)
	refused := func(op string, args obj, code effect.Code, says string) {
		t.Helper()
		databasetest.Fails(t, b, op, args, code, says)
	}
	refused("restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
	full := must(t, b, "backup", obj{})
	a.do("INSERT INTO orders (item) VALUES ('fig')")
	incr := must(t, b, "backup", obj{"type": "incr"})
	if full["type"] != "full" || incr["type"] != "incr" {
		t.Errorf("made %v and %v", full, incr)
	}
	a.do("INSERT INTO orders (item) VALUES ('kiwi')")
	a.await(fmt.Sprintf("SELECT extract(epoch FROM clock_timestamp()) > %f", incr["ended"]), "t")
	before := a.do("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
	a.do("DELETE FROM orders") // the mistake
	if got := must(t, b, "backups", obj{}); len(got["backups"].([]any)) != 2 || got["earliest"] != full["ended"] || got["latest"].(float64) < incr["ended"].(float64) || got["timeline"] != 1.0 {
		t.Errorf("listed %v", got)
	}

	count := func(copy string) any {
		return must(t, pg, "query", obj{"sql": "SELECT count(*) AS n FROM orders", "copy": copy})["rows"].([]any)[0].(obj)["n"]
	}
	if got := must(t, b, "restore", obj{"copy": "before", "time": before}); got["backup"] != incr["backup"] || got["timeline"] != 2.0 {
		t.Errorf("restored %v", got)
	}
	must(t, b, "restore", obj{"copy": "old", "time": before, "backup": full["backup"]})
	if n := a.do("SELECT count(*) FROM orders"); count("before") != 5.0 || count("old") != 5.0 || n != "0" {
		t.Errorf("the copies have %v and %v rows, the live data %s", count("before"), count("old"), n)
	}
	t.Run("refusals", func(t *testing.T) {
		if err := os.Symlink(a.data, filepath.Join(l.dir, "copies", "live")); err != nil {
			t.Fatal(err)
		}
		refused("restore", obj{"copy": "live"}, effect.CodeRefused, "is the live data, over which nothing is restored; nothing was started")
		refused("restore", obj{"copy": "c", "backup": "20200101-000000F"}, effect.CodeNotFound, "known: 2")
		refused("restore", obj{"copy": "c", "time": "2020-01-01T00:00:00Z"}, effect.CodeNotFound, "no backup reaches back")
		refused("swap", obj{"copy": "c"}, effect.CodeUnsupported, "the backend postgres has the others")
		for _, bad := range []struct {
			key, value string
			code       effect.Code
			says       string
		}{
			{"stanza", "other", effect.CodeNotFound, "missing stanza path"},
			{"program", "/nowhere/pgbackrest", effect.CodeUnsupported, "/nowhere/pgbackrest was not run"},
			{"config", "/nowhere/pgbackrest.conf", effect.CodeFailed, "/nowhere/pgbackrest.conf"},
		} {
			c := maps.Clone(config)
			c[bad.key] = bad.value
			databasetest.Fails(t, restBackend(t, c), "backups", obj{}, bad.code, bad.says)
		}
		within := maps.Clone(config)
		within["copies"] = filepath.Join(a.data, "copies")
		if err := NewPgBackRest().Configure(t.Context(), within); err == nil {
			t.Error("copies within the live data are taken")
		}
	})

	must(t, pg, "validate", obj{"copy": "before", "checks": obj{"five": "SELECT count(*) = 5 FROM orders"}})
	must(t, pg, "swap", obj{"copy": "before", "keep": "mistaken"})
	// The new timeline is archived, and its moments can be restored; with the
	// primary gone, too, to its last commit.
	a.do("INSERT INTO orders (item) VALUES ('last')")
	if got := must(t, b, "restore", obj{"copy": "later"}); count("later") != 6.0 || got["timeline"] == 2.0 {
		t.Errorf("restored %v with %v rows", got, count("later"))
	}

	t.Run("killed", func(t *testing.T) {
		number := databasetest.Numbered()
		for _, op := range []string{"backup", "restore"} {
			plugintest.Kills{Backend: b, Config: config, Module: db.Module(), Op: op, System: pgBackRest(t), Moments: 1, Next: func(t *testing.T) plugintest.Round {
				key, _ := number(op)
				if op == "restore" {
					return plugintest.Round{Key: key, Args: obj{"copy": key}, There: databasetest.Made(filepath.Join(l.dir, "copies", key, "data"))}
				}
				mark := `"runbook":"` + (&shared.Call{Key: key}).ID() + `"`
				return plugintest.Round{Key: key, Args: obj{"type": "incr"}, There: func() bool {
					says := l.run("/usr/bin/pgbackrest", "--config="+config["config"].(string), "--stanza=main", "info", "--output=json")
					return strings.Count(says, mark) == 1
				}}
			}}.Run(t)
		}
	})
	t.Run("conformance", func(t *testing.T) {
		plugintest.Run(t, func(*testing.T) plugins.Backend { return NewPgBackRest() }, plugintest.Cases{
			System: pgBackRest(t), Config: config,
			Writes: []plugins.Request{{Op: "restore", Args: obj{"copy": "conformant"}}, {Op: "backup", Args: obj{"type": "diff"}}},
			Reads:  []plugins.Request{{Op: "backups"}}})
	})

	last := a.clock()
	a.do("INSERT INTO orders (item) VALUES ('dying')")
	end := a.clock()
	a.kill()
	if got := must(t, b, "restore", obj{"copy": "late", "time": float64(time.Now().UnixMilli()) / 1e3}); got["time"].(float64) < last-0.001 || got["time"].(float64) > end {
		t.Errorf("the last transaction was between %f and %f, and the copy is of %f", last, end, got["time"])
	}
	refused("backup", obj{}, effect.CodeFailed, "pgbackrest backup of the stanza main")
	must(t, b, "restore", obj{"copy": "rescued"})
	if count("rescued") != 7.0 {
		t.Errorf("of a dead primary %v rows were rescued", count("rescued"))
	}
}

func pgBackRest(t *testing.T) plugintest.System {
	t.Helper()
	return plugintest.Program(t, "pgBackRest", "pgbackrest", "version")
}
