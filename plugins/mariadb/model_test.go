package mariadb

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestModelDoesWhatMariaDBDoes walks a real server and the model of the module
// at random, and holds what they say against each other, and what copies hold
// against what the server held at their moment.
func TestModelDoesWhatMariaDBDoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.config()
	c["migrate"] = migrations(t)
	b := backend(t, c)
	const insert, broken = databasetest.Insert, databasetest.Broken
	w := databasetest.NewWalk(t, b, nil)
	w.Alike = func(op string, real, _ *effect.Error) bool { // the model knows no tables, nor what only reads
		return op == "query" && real.Code == effect.CodeRefused
	}
	w.Plain = func(op string, args, v obj) {
		delete(v, "timeline")
		delete(v, "latest")
		if op == "restore" && args["time"] == nil { // each its own now
			delete(v, "time")
		}
	}
	random := rand.New(rand.NewPCG(3, 8))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	names := []string{"e.f"}
	for i := range 12 {
		names = append(names, fmt.Sprint("c", i))
	}
	orders := func() string { return l.do("SELECT count(*) FROM app.orders") }
	held := map[string]string{} // how many orders there were, by moment
	var moments []string
	steps := 60
	if testing.Short() {
		steps = 25
	}
	for range steps {
		op := pick("backup", "backups", "restore", "restore", "validate", "exec", "exec", "exec", "query", "migrate")
		args := obj{}
		switch op {
		case "backup":
			if len(w.Backups) > 3 {
				continue
			}
		case "restore":
			args["copy"] = pick(names...)
			if n := len(w.Backups); n > 0 && random.IntN(3) == 0 {
				args["backup"] = w.Backups[random.IntN(n)]
			} else if random.IntN(8) == 0 {
				args["backup"] = "none"
			}
			if n := len(moments); n > 0 && random.IntN(2) == 0 {
				args["time"] = moments[random.IntN(n)]
			} else if random.IntN(8) == 0 {
				args["time"] = w.Start.Add(-time.Hour).UTC().Format(time.RFC3339)
			}
		case "validate":
			if random.IntN(2) == 0 {
				args["copy"] = pick(names...)
			}
		case "exec":
			args["sql"] = pick(insert, insert, broken)
		case "migrate":
			if random.IntN(3) > 0 {
				args["to"] = float64(random.IntN(5))
			}
		case "query":
			args["sql"], args["copy"] = broken, pick(names...)
		}
		real := w.Step(t, op, args)
		if real == nil {
			continue
		}
		w.Orders(t, orders())
		switch moment, _ := args["time"].(string); {
		case op == "restore" && moment != "":
			if n := count(t, b, real["copy"].(string)); n != held[moment] {
				t.Fatalf("the copy of %s holds %s orders, and there were %s", moment, n, held[moment])
			}
		case op == "restore":
			if n := count(t, b, real["copy"].(string)); n != orders() {
				t.Fatalf("the copy of now holds %s orders, and there are %s", n, orders())
			}
		case op == "exec" && random.IntN(3) == 0:
			moment := l.pass()
			moments, held[moment] = append(moments, moment), orders()
		}
	}
	if !testing.Short() {
		w.Showed(t, "backup", "backups", "restore", "validate", "exec", "migrate", "restore not_found", "restore conflict", "validate not_found", "query refused", "exec failed")
	}
	t.Logf("%v", w.Seen)
	plugintest.Compared(t, "mariadb", testedOn(t), plugintest.Sum(w.Seen))
}
