package postgres

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

// TestModelDoesWhatPostgreSQLDoes walks a real primary with a replica, and the
// model of the module, at random, and holds what they say against each other:
// with the primary up, with it down, and after a promotion. The names of
// backups are each one's own and are translated.
func TestModelDoesWhatPostgreSQLDoes(t *testing.T) {
	l := newLab(t)
	a := l.primary("a")
	r := a.replica("b")
	c := l.config(a, r)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	const insert, broken = "INSERT INTO orders (item) VALUES ('kiwi')", "INSERT INTO nowhere VALUES (1)"
	up := true
	model := stdlib.Models()["db"]
	if err := model.Load(obj{"backups": []any{}, "version": 0.0, "newest": 3.0, "vars": obj{"n": 3.0},
		"nodes": obj{"a": obj{"primary": true, "up": effect.Func(func(effect.Moment) (any, error) { return up, nil })}, "b": obj{}},
		"statements": obj{
			insert: obj{"rows": 1.0, "apply": effect.Func(func(m effect.Moment) (any, error) {
				return obj{"n": m.World("db")["vars"].(obj)["n"].(float64) + 1}, nil
			})},
			broken: obj{"error": "no such table: nowhere"},
		}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 8))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	var names []string
	for i := range 9 {
		names = append(names, fmt.Sprint("c", i), fmt.Sprintf("c%d_before", i))
	}
	var realNames, modelNames []string // of backups, in the same order
	var moments []float64              // between ops, by the server's clock, which is ours
	seen := map[string]int{}
	start := time.Now()
	live := a
	step := 0
	// walk takes some steps; ops are those that are tried, with repetitions for
	// their weight.
	walk := func(steps int, ops ...string) {
		t.Helper()
		for range steps {
			step++
			op := pick(ops...)
			args, modelArgs := obj{}, obj{}
			switch op {
			case "restore":
				args["copy"] = pick(names...)
				if n := len(realNames); n > 0 && random.IntN(3) == 0 {
					k := random.IntN(n)
					args["backup"], modelArgs["backup"] = realNames[k], modelNames[k]
				} else if random.IntN(8) == 0 {
					args["backup"] = "none"
				}
				if n := len(moments); n > 0 && random.IntN(2) == 0 {
					args["time"] = moments[random.IntN(n)]
				} else if random.IntN(8) == 0 {
					args["time"] = float64(start.Unix()) - 1000
				}
			case "swap":
				args["copy"] = pick(names...)
				if random.IntN(4) == 0 {
					args["keep"] = pick(names...)
				}
			case "validate":
				if random.IntN(3) > 0 {
					args["copy"] = pick(names...)
				}
			case "exec":
				args["sql"] = pick(insert, insert, broken)
			case "query":
				args["sql"], args["copy"] = broken, pick(names...)
			case "migrate":
				if random.IntN(3) > 0 {
					args["to"] = float64(random.IntN(5))
				}
			case "is_primary", "lag":
				if random.IntN(2) == 0 {
					args["node"] = pick("a", "b", "z")
				}
			case "promote":
				args["node"] = pick("b", "z")
			}
			key := fmt.Sprint("walk-", step)
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
				// The command of the team says in its own words what it lacks.
				if op == "migrate" && r != nil && s != nil && r.Code == effect.CodeFailed && s.Code == effect.CodeNotFound {
					seen["migrate not_found"]++
					continue
				}
				if r == nil || s == nil || r.Code != s.Code {
					t.Fatalf("step %d, %s %v:\nPostgreSQL gives %v, %v\nthe model        %v, %v\n%v", step, op, args, real, realErr, modeled, modelErr, model.State(m))
				}
				seen[op+" "+string(r.Code)]++
				continue
			}
			is, says := maps.Clone(real.(obj)), maps.Clone(modeled.(obj))
			if op == "backup" {
				realNames, modelNames = append(realNames, is["backup"].(string)), append(modelNames, says["backup"].(string))
			}
			if op == "promote" || live != a {
				// A number that depends on which timelines the node heard of.
				delete(is, "timeline")
				delete(says, "timeline")
			}
			if real, modeled := plainly(op, args, is, realNames), plainly(op, args, says, modelNames); !reflect.DeepEqual(real, modeled) {
				t.Fatalf("step %d, %s %v:\nPostgreSQL gives %v\nthe model        %v\n%v", step, op, args, real, modeled, model.State(m))
			}
			if op == "promote" {
				live = map[string]*cluster{"a": a, "b": r}[is["primary"].(string)]
			}
			if up || live != a {
				if n := live.do("SELECT count(*) FROM orders"); n != fmt.Sprint(m.World("db")["vars"].(obj)["n"]) {
					t.Fatalf("step %d, %s %v: PostgreSQL has %s rows, the model %v", step, op, args, n, m.World("db")["vars"])
				}
			}
			if op == "exec" || op == "swap" || op == "migrate" { // a moment that lies before whatever comes next
				for moment := time.Now().UnixMilli() + 1; time.Now().UnixMilli() <= moment+1; {
					if last := len(moments) - 1; last < 0 || moments[last] != float64(moment)/1000 {
						moments = append(moments, float64(moment)/1000)
					}
				}
			}
			if op == "swap" { // moments of what was live before are on a timeline that is followed no more
				moments = nil
			}
			seen[op]++
		}
	}
	short := 1
	if testing.Short() {
		short = 2
	}
	// Whether a replica can follow after a swap depends on how far it came before:
	// swaps come after the promotion.
	walk(10/short, "exec", "query", "validate", "swap", "restore", "is_primary", "lag", "backups")
	moments = nil // none reaches back so far
	walk(2, "backup")
	walk(44/short, "backups", "exec", "exec", "restore", "validate", "query", "migrate", "is_primary", "lag", "restore")
	a.await("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()", "1")
	a.kill()
	up = false
	walk(24/short, "backups", "exec", "restore", "validate", "query", "migrate", "is_primary", "lag", "backup")
	for live != r {
		walk(1, "promote")
	}
	moments = nil // they are of the old timeline, of which the new primary may lack the end
	walk(60/short, "exec", "exec", "query", "is_primary", "lag", "promote", "migrate", "restore", "restore", "swap", "swap", "swap", "validate")
	walk(2, "backup")
	walk(10/short, "restore", "swap", "exec")
	a.start()
	up = true
	walk(16/short, "exec", "is_primary", "lag", "restore", "swap", "promote")
	for _, what := range []string{"backup", "backups", "restore", "swap", "validate", "exec", "migrate", "is_primary", "lag", "promote", "restore not_found", "restore conflict",
		"swap not_found", "is_primary unavailable", "is_primary not_found", "lag not_found", "exec unavailable", "exec failed", "validate not_found", "promote not_found"} {
		if seen[what] == 0 && !testing.Short() {
			t.Errorf("%s never came in %d steps: the walk shows too little (%v)", what, step, seen)
		}
	}
	t.Logf("%d steps: %v", step, seen)
}

// plainly leaves out what a model cannot know, sizes and durations, and puts
// the number of a backup in the place of its name.
func plainly(op string, args, v obj, names []string) obj {
	number := func(m obj, key string) {
		if s, ok := m[key].(string); ok {
			m[key] = slices.Index(names, s)
		}
	}
	number(v, "backup")
	for _, key := range []string{"size", "began", "detail", "latest"} {
		delete(v, key)
	}
	switch op {
	case "restore":
		if args["time"] == nil { // each its own now
			delete(v, "time")
		}
	case "backups":
		delete(v, "timeline") // without a primary nobody says it
		var out []any
		for _, e := range v["backups"].([]any) {
			m := maps.Clone(e.(obj))
			number(m, "name")
			delete(m, "size")
			delete(m, "began")
			out = append(out, m)
		}
		v["backups"] = out
	case "lag":
		delete(v, "lag")
		delete(v, "bytes")
		replicas := v["replicas"].(obj)
		v["replicas"] = slices.Collect(maps.Keys(replicas))
	case "promote":
		delete(v, "lost")
	}
	return v
}
