package postgres

import (
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// TestKilled kills the backend at moments before, within and after each change.
func TestKilled(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	r := a.replica("b")
	c := l.config(a)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	a.do("CREATE TABLE log (key text)")
	must(t, b, "backup", obj{})
	moments, number := 4, databasetest.Numbered()
	if testing.Short() {
		moments = 1
	}
	prepare := func(t *testing.T, op string) (key string, args obj, there func() bool) {
		key, n := number(op)
		switch op {
		case "exec":
			args = obj{"sql": "INSERT INTO log SELECT $1 FROM generate_series(1, 30000)", "params": []any{key}}
			there = func() bool { return a.do("SELECT count(*) FROM log WHERE key = '"+key+"'") == "30000" }
		case "backup":
			there = databasetest.Made(filepath.Join(l.dir, "backups", "full-*-"+(&shared.Call{Key: key}).ID()))
		case "restore":
			args = obj{"copy": key}
			there = databasetest.Made(filepath.Join(l.dir, "copies", key, "data"))
		case "swap":
			must(t, b, "restore", obj{"copy": key})
			a.do("CREATE TABLE IF NOT EXISTS swapped (key text); INSERT INTO swapped VALUES ('" + key + "')")
			args = obj{"copy": key}
			kept := databasetest.Made(filepath.Join(l.dir, "copies", key+"_before"))
			there = func() bool {
				n, err := a.psql("SELECT count(*) FROM swapped WHERE key = '" + key + "'")
				return (err == nil && n == "0" || err != nil && n != "" && running(a.data)) && kept()
			}
		case "migrate":
			args = obj{"to": float64(1 + n%3)} // nobody else tells
		case "promote":
			args = obj{"node": "b"}
			there = func() bool { return r.do("SELECT pg_is_in_recovery()") == "f" }
		}
		return key, args, there
	}
	for _, op := range []string{"exec", "backup", "restore", "migrate", "promote", "swap"} {
		t.Run(op, func(t *testing.T) {
			kills := plugintest.Kills{Backend: b, Config: c, Module: db.Module(), Op: op, System: testedOn(t), Moments: moments, Several: op == "migrate",
				Next: func(t *testing.T) plugintest.Round {
					key, args, there := prepare(t, op)
					return plugintest.Round{Key: key, Args: args, There: there}
				}}
			if op == "promote" { // there is no way back
				kills.Once, kills.Longest, kills.Config = true, 200*time.Millisecond, l.config(a, r)
				kills.Backend = backend(t, kills.Config)
			}
			kills.Run(t)
		})
	}
	// What killed processes left goes with the next that starts a server.
	must(t, b, "restore", obj{"copy": "last"})
	if sockets, _ := filepath.Glob("/tmp/" + socketDir + "*"); len(sockets) > 0 {
		for _, s := range sockets {
			number, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(s), socketDir), "-")
			if pid, err := strconv.Atoi(number); err == nil && syscall.Kill(pid, 0) != nil {
				t.Errorf("left behind: %s", s)
			}
		}
	}
	if hidden, _ := filepath.Glob(filepath.Join(l.dir, "*", ".part*")); len(hidden) > 0 {
		t.Errorf("left behind: %v", hidden)
	}
	must(t, b, "validate", obj{})
}
