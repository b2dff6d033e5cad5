package postgres

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/databasetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestModelDoesWhatPostgreSQLDoes walks a real primary with a replica, and the
// model of the module, at random, and holds what they say against each other:
// with the primary up, with it down, and after a promotion.
func TestModelDoesWhatPostgreSQLDoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	r := a.replica("b")
	c := l.config(a, r)
	c["migrate"] = migrations(t)
	b := backend(t, c)
	const insert, broken = databasetest.Insert, databasetest.Broken
	up, live := true, a
	w := databasetest.NewWalk(t, b, obj{"nodes": obj{"b": obj{},
		"a": obj{"primary": true, "up": effect.Func(func(effect.Moment) (any, error) { return up, nil })}}})
	w.Plain = func(op string, args, v obj) {
		plainly(op, args, v)
		if op == "promote" || live != a {
			delete(v, "timeline") // a number that depends on which timelines the node heard of
		}
	}
	random := rand.New(rand.NewPCG(3, 8))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	var names []string
	for i := range 9 {
		names = append(names, fmt.Sprint("c", i), fmt.Sprintf("c%d_before", i))
	}
	var moments []float64 // between ops, by the server's clock, which is ours
	// walk takes some steps; ops are those that are tried, with repetitions for
	// their weight.
	walk := func(steps int, ops ...string) {
		t.Helper()
		for range steps {
			op := pick(ops...)
			args := obj{}
			switch op {
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
					args["time"] = float64(w.Start.Unix()) - 1000
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
			real := w.Step(t, op, args)
			if real == nil {
				continue
			}
			if op == "promote" {
				live = map[string]*cluster{"a": a, "b": r}[real["primary"].(string)]
			}
			if up || live != a {
				w.Orders(t, live.do("SELECT count(*) FROM orders"))
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
		}
	}
	short := 1
	if testing.Short() {
		short = 4
	}
	// Whether a replica can follow after a swap depends on how far it came before:
	// swaps come after the promotion.
	walk(10/short, "exec", "query", "validate", "swap", "restore", "is_primary", "lag", "backups")
	moments = nil // none reaches back so far
	walk(2, "backup")
	walk(44/short, "backups", "exec", "exec", "restore", "validate", "query", "migrate", "is_primary", "lag", "restore")
	a.do("SELECT pg_current_xact_id()") // so that every moment lies before the log's end
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
	if !testing.Short() {
		w.Showed(t, "backup", "backups", "restore", "swap", "validate", "exec", "migrate", "is_primary", "lag", "promote", "restore not_found", "restore conflict",
			"swap not_found", "is_primary unavailable", "is_primary not_found", "lag not_found", "exec unavailable", "exec failed", "validate not_found", "promote not_found")
	}
	t.Logf("%v", w.Seen)
	plugintest.Compared(t, "postgres", testedOn(t), plugintest.Sum(w.Seen))
}

// plainly leaves out what a model of a cluster cannot know.
func plainly(op string, args, v obj) {
	delete(v, "latest")
	switch op {
	case "restore":
		if args["time"] == nil { // each its own now
			delete(v, "time")
		}
	case "backups":
		delete(v, "timeline") // without a primary nobody says it
	case "lag":
		delete(v, "lag")
		delete(v, "bytes")
		replicas := v["replicas"].(obj)
		v["replicas"] = slices.Collect(maps.Keys(replicas))
	case "promote":
		delete(v, "lost")
	}
}
