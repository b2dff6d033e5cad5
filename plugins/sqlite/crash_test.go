package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"

	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib/db"
)

// TestKilled kills the backend at moments before, within and after each change.
func TestKilled(t *testing.T) {
	moments, number := 10, databasetest.Numbered()
	if testing.Short() {
		moments = 2
	}
	for _, mode := range []string{"wal", "delete"} {
		live := file(t, mode)
		do(t, live, "CREATE TABLE bulk (x); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO bulk SELECT hex(randomblob(20)) FROM n; CREATE TABLE log (key)")
		c := config(live)
		c["migrate"] = migrations(t)
		b := backend(t, c)
		must(t, b, "backup", obj{})
		prepare := func(t *testing.T, op string) (key string, args obj, there func() bool) {
			key, n := number(op)
			switch op {
			case "exec":
				args = obj{"sql": "INSERT INTO log SELECT ? FROM bulk LIMIT 30000", "params": []any{key}}
				there = func() bool { return ask(t, live, "SELECT count(*) FROM log WHERE key = '"+key+"'") == "30000" }
			case "backup":
				there = databasetest.Made(filepath.Join(c["backups"].(string), "full-*-"+(&shared.Call{Key: key}).ID()+".db"))
			case "restore":
				args = obj{"copy": key}
				there = databasetest.Made(filepath.Join(live+".copies", key, "data.db"))
			case "swap":
				must(t, b, "restore", obj{"copy": key})
				do(t, filepath.Join(live+".copies", key, "data.db"), "CREATE TABLE \"t"+key+"\" (x); PRAGMA journal_mode=DELETE")
				args = obj{"copy": key}
				kept := databasetest.Made(filepath.Join(live+".copies", key+"_before"))
				there = func() bool {
					return ask(t, live, "SELECT count(*) FROM sqlite_schema WHERE name = 't"+key+"'") == "1" && kept()
				}
			case "migrate":
				to := 1 + n%3
				args = obj{"to": float64(to)}
				before := ask(t, live, "SELECT max(version) FROM schema_versions")
				there = func() bool {
					return before != fmt.Sprint(to) && ask(t, live, "SELECT max(version) FROM schema_versions") == fmt.Sprint(to)
				}
			}
			return key, args, there
		}
		for _, op := range []string{"exec", "backup", "restore", "swap", "migrate"} {
			t.Run(mode+" "+op, func(t *testing.T) {
				plugintest.Kills{Backend: b, Config: c, Module: db.Module(), Op: op, System: testedOn(t), Moments: moments, Several: op == "migrate",
					Next: func(t *testing.T) plugintest.Round {
						key, args, there := prepare(t, op)
						return plugintest.Round{Key: key, Args: args, There: there, After: func() {
							for _, name := range remains(t, filepath.Dir(live)) {
								t.Errorf("%s left %s behind", key, name)
							}
						}}
					}}.Run(t)
			})
		}
		must(t, b, "validate", obj{})
	}
}
