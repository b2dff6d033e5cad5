package sqlite

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestModelDoesWhatSQLiteDoes walks a real file and the model of the module at
// random, and holds what they say against each other. The names of backups are
// each one's own and are translated.
func TestModelDoesWhatSQLiteDoes(t *testing.T) {
	live := file(t, "wal")
	c := config(live)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	const insert, count, broken = "INSERT INTO orders (item) VALUES ('kiwi')", "SELECT count(*) FROM orders", "INSERT INTO nowhere VALUES (1)"
	model := stdlib.Models()["db"]
	if err := model.Load(obj{"log": false, "backups": []any{}, "version": 0.0, "newest": 3.0, "vars": obj{"n": 3.0}, "statements": obj{
		insert: obj{"rows": 1.0, "apply": effect.Func(func(m effect.Moment) (any, error) {
			return obj{"n": m.World("db")["vars"].(obj)["n"].(float64) + 1}, nil
		})},
		broken: obj{"error": "no such table: nowhere"},
	}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 8))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	names := []string{"e.f"}
	for i := range 12 {
		names = append(names, fmt.Sprint("c", i), fmt.Sprintf("c%d_before", i))
	}
	var realNames, modelNames []string // of backups, in the same order
	ends := obj{}                      // of the real backups by name
	seen := map[string]int{}
	start := time.Now()
	const steps = 500
	for i := range steps {
		op := pick("backup", "backups", "restore", "restore", "swap", "swap", "validate", "exec", "query", "migrate")
		args, modelArgs := obj{}, obj{}
		switch op {
		case "backup":
			if len(realNames) > 20 {
				continue
			}
		case "restore":
			args["copy"] = pick(names...)
			if n := len(realNames); n > 0 && random.IntN(2) == 0 {
				k := random.IntN(n)
				args["backup"], modelArgs["backup"] = realNames[k], modelNames[k]
				if random.IntN(3) == 0 {
					args["time"] = ends[realNames[random.IntN(n)]]
				}
			} else if random.IntN(6) == 0 {
				args["backup"] = "none"
			}
			if random.IntN(8) == 0 && args["time"] == nil {
				args["time"] = float64(start.Unix()) - 1000
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
		key := fmt.Sprint("walk-", i)
		req := request(t, op, key, args)
		real, realErr := b.Invoke(t.Context(), req)
		now := time.Now().UTC().Truncate(time.Millisecond)
		if realErr == nil && op == "backup" { // at the same moment in both
			now = time.UnixMilli(int64(real.(obj)["ended"].(float64)*1000 + 0.5)).UTC()
		}
		given := request(t, op, key, args).Args
		maps.Copy(given, modelArgs)
		m := effect.Moment{Now: now, Start: start, Key: key}
		m.World = func(string) map[string]any { return model.State(m) }
		modeled, modelErr := model.Do(m, op, given)
		if realErr != nil || modelErr != nil {
			r, s := effect.AsError(realErr), effect.AsError(modelErr)
			if op == "query" && r != nil && r.Code == effect.CodeFailed && s != nil {
				continue // the model knows no tables
			}
			// The command of the team says in its own words what it lacks.
			if op == "migrate" && r != nil && s != nil && r.Code == effect.CodeFailed && s.Code == effect.CodeNotFound {
				seen["migrate not_found"]++
				continue
			}
			if r == nil || s == nil || r.Code != s.Code {
				t.Fatalf("step %d, %s %v:\nSQLite gives %v, %v\nthe model    %v, %v", i, op, args, real, realErr, modeled, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		is, says := maps.Clone(real.(obj)), maps.Clone(modeled.(obj))
		if op == "backup" {
			realNames, modelNames = append(realNames, is["backup"].(string)), append(modelNames, says["backup"].(string))
			ends[is["backup"].(string)] = is["ended"]
		}
		if !reflect.DeepEqual(plainly(op, is, realNames), plainly(op, says, modelNames)) {
			t.Fatalf("step %d, %s %v:\nSQLite gives %v\nthe model    %v", i, op, args, is, says)
		}
		if n := ask(t, live, count); n != fmt.Sprint(m.World("db")["vars"].(obj)["n"]) {
			t.Fatalf("step %d, %s %v: SQLite has %s rows, the model %v", i, op, args, n, m.World("db")["vars"])
		}
		seen[op]++
	}
	for _, what := range []string{"backup", "backups", "restore", "swap", "validate", "exec", "migrate", "restore not_found", "restore conflict", "restore refused", "swap not_found", "swap conflict", "validate not_found", "query not_found", "exec failed", "migrate not_found"} {
		if seen[what] == 0 {
			t.Errorf("%s never came in %d steps: the walk shows too little (%v)", what, steps, seen)
		}
	}
}

// plainly leaves out what a model cannot know, sizes and durations, and puts the
// number of a backup in the place of its name.
func plainly(op string, v obj, names []string) obj {
	number := func(m obj, key string) {
		if s, ok := m[key].(string); ok {
			m[key] = slices.Index(names, s)
		}
	}
	number(v, "backup")
	for _, key := range []string{"size", "began", "timeline", "detail"} {
		delete(v, key)
	}
	if op == "restore" {
		delete(v, "time")
	}
	if list, ok := v["backups"].([]any); ok {
		var out []any
		for _, e := range list {
			m := maps.Clone(e.(obj))
			number(m, "name")
			delete(m, "size")
			delete(m, "began")
			out = append(out, m)
		}
		v["backups"] = out
	}
	return v
}
