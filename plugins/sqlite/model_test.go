package sqlite

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestModelDoesWhatSQLiteDoes walks a real file and the model of the module at
// random, and holds what they say against each other.
func TestModelDoesWhatSQLiteDoes(t *testing.T) {
	live := file(t, "wal")
	c := config(live)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	const insert, broken = databasetest.Insert, databasetest.Broken
	w := databasetest.NewWalk(t, b, obj{"log": false})
	w.Alike = func(op string, real, _ *effect.Error) bool { // the model knows no tables
		return op == "query" && real.Code == effect.CodeFailed
	}
	w.Plain = func(op string, _, v obj) {
		delete(v, "timeline")
		if op == "restore" {
			delete(v, "time")
		}
	}
	random := rand.New(rand.NewPCG(3, 8))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	names := []string{"e.f"}
	for i := range 12 {
		names = append(names, fmt.Sprint("c", i), fmt.Sprintf("c%d_before", i))
	}
	ends := obj{} // of the real backups by name
	for range 500 {
		op := pick("backup", "backups", "restore", "restore", "swap", "swap", "validate", "exec", "query", "migrate")
		args := obj{}
		switch op {
		case "backup":
			if len(w.Backups) > 20 {
				continue
			}
		case "restore":
			args["copy"] = pick(names...)
			if n := len(w.Backups); n > 0 && random.IntN(2) == 0 {
				args["backup"] = w.Backups[random.IntN(n)]
				if random.IntN(3) == 0 {
					args["time"] = ends[w.Backups[random.IntN(n)]]
				}
			} else if random.IntN(6) == 0 {
				args["backup"] = "none"
			}
			if random.IntN(8) == 0 && args["time"] == nil {
				args["time"] = float64(w.Start.Unix()) - 1000
			}
		case "swap":
			args["copy"] = pick(names...)
			if random.IntN(2) == 0 {
				args["keep"] = pick(names...)
			}
		case "validate":
			if random.IntN(2) == 0 {
				args["copy"] = pick(names...)
			}
		case "exec":
			args["sql"] = pick(insert, broken)
		case "query":
			args["sql"], args["copy"] = broken, pick(names...)
		case "migrate":
			if random.IntN(3) > 0 {
				args["to"] = float64(random.IntN(5))
			}
		}
		real := w.Step(t, op, args)
		if op == "backup" && real != nil {
			ends[real["backup"].(string)] = real["ended"]
		}
		if real != nil {
			w.Orders(t, ask(t, live, "SELECT count(*) FROM orders"))
		}
	}
	w.Showed(t, "backup", "backups", "restore", "swap", "validate", "exec", "migrate", "restore not_found", "restore conflict", "restore refused", "swap not_found", "swap conflict",
		"validate not_found", "query not_found", "exec failed", "migrate not_found")
	plugintest.Compared(t, "sqlite", testedOn(t), plugintest.Sum(w.Seen))
}
