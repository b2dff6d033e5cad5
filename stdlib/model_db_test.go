package stdlib

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func cluster() obj {
	return obj{
		"nodes":   obj{"a": obj{"primary": true}, "b": obj{"lag": "2s"}, "c": obj{"lag": 9.0}},
		"backups": []any{obj{"name": "full-1", "age": "2d"}, obj{"name": "full-2", "age": "1d", "valid": false}},
	}
}

func TestPromotionLeavesTheOldPrimary(t *testing.T) {
	world := cluster()
	up := true
	world["nodes"].(obj)["a"].(obj)["up"] = effect.Func(func(effect.Moment) (any, error) { return up, nil })
	r := newRig(t, "db", world)
	is(t, "lag", r.must("lag", nil), obj{"lag": 9.0, "replicas": obj{"b": 2.0, "c": 9.0}})
	is(t, "primary", r.must("is_primary", nil), obj{"primary": true, "node": "a", "timeline": 1.0})
	is(t, "replica", r.must("is_primary", obj{"node": "b"})["primary"], false)
	r.fails("promote", obj{"node": "d"}, effect.CodeNotFound, "a, b, c")

	up = false
	r.fails("is_primary", nil, effect.CodeUnavailable, "node a does not answer")
	r.fails("exec", obj{"sql": "UPDATE x"}, effect.CodeUnavailable)
	r.fails("backup", nil, effect.CodeUnavailable)
	is(t, "promote", r.must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 2.0})
	is(t, "again", r.must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 2.0})
	r.must("exec", obj{"sql": "UPDATE x"})
	is(t, "b", at(r.state(), "nodes", "b"), obj{"up": true, "writable": true, "lag": 0.0, "timeline": 2.0})

	up = true // the old primary comes back: two take writes, which an invariant is to find
	is(t, "a", at(r.state(), "nodes", "a"), obj{"up": true, "writable": true, "lag": 0.0, "timeline": 1.0})
}

func TestRestoreBesideAndSwap(t *testing.T) {
	r := newRig(t, "db", cluster())
	list := r.must("backups", nil)
	is(t, "earliest", list["earliest"], unix(start.Add(-48*time.Hour)))
	is(t, "latest", list["latest"], unix(start))

	got := r.must("restore", obj{"copy": "c1"})
	is(t, "the newest backup", got["backup"], "full-2")
	again, err := r.again("restore", obj{"copy": "c1"})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "with the same key", again, got)
	r.fails("restore", obj{"copy": "c1"}, effect.CodeConflict, "there is a copy")
	r.fails("validate", obj{"copy": "c1"}, effect.CodeUnhealthy, "damaged")

	when := start.Add(-30 * time.Hour)
	got = r.must("restore", obj{"copy": "c2", "time": when.Format(time.RFC3339)})
	is(t, "by time", got, obj{"copy": "c2", "backup": "full-1", "time": unix(when), "timeline": 2.0})
	r.must("validate", obj{"copy": "c2", "checks": obj{"orders": "SELECT true"}})
	r.fails("restore", obj{"copy": "c3", "time": unix(start.Add(-72 * time.Hour))}, effect.CodeNotFound, "no backup reaches back")
	r.fails("restore", obj{"copy": "c3", "time": unix(start.Add(time.Hour))}, effect.CodeInvalid, "has not come yet")
	r.fails("restore", obj{"copy": "c3", "backup": "full-3"}, effect.CodeNotFound, `did you mean "full-`)

	is(t, "swap", r.must("swap", obj{"copy": "c2"}), obj{"live": "c2", "kept": "c2_before"})
	is(t, "live", at(r.state(), "live", "copy"), "c2")
	r.fails("swap", obj{"copy": "c2"}, effect.CodeNotFound)
	is(t, "swap back", r.must("swap", obj{"copy": "c2_before", "keep": "c2"}), obj{"live": "c2_before", "kept": "c2"})
	r.must("validate", obj{"copy": "c2"})

	is(t, "backup", r.must("backup", obj{"type": "incr"})["backup"], "incr-3")
	is(t, "with its time", len(r.must("backups", nil)["backups"].([]any)), 3)

	r = newRig(t, "db", obj{"log": false, "backups": []any{obj{"name": "only", "age": "1d"}}})
	is(t, "without a log", r.must("restore", obj{"copy": "c"})["time"], unix(start.Add(-24*time.Hour)))
	r.fails("restore", obj{"copy": "d", "time": unix(start)}, effect.CodeRefused, "no log")
	r = newRig(t, "db", obj{"backups": []any{}})
	r.fails("restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
}

func TestStatementsAndMigrations(t *testing.T) {
	r := newRig(t, "db", obj{"version": 4.0, "newest": 6.0, "vars": obj{"paid": 0.0}, "statements": obj{
		"SELECT count(*) FROM orders": obj{"rows": []any{obj{"count": 7.0}, obj{"count": 8.0}}},
		"SELECT paid": obj{"rows": effect.Func(func(m effect.Moment) (any, error) {
			return []any{obj{"paid": at(m.World("db"), "vars", "paid")}}, nil
		})},
		"UPDATE orders": obj{"rows": 3.0, "sets": obj{"paid": 3.0}},
		"DROP":          obj{"error": "permission denied"},
	}})
	is(t, "query", r.must("query", obj{"sql": "SELECT  count(*)\nFROM orders WHERE x", "max_rows": 1.0}), obj{"rows": []any{obj{"count": 7.0}}, "count": 1.0, "truncated": true})
	is(t, "exec", r.must("exec", obj{"sql": "UPDATE orders SET paid"}), obj{"rows": 3.0})
	is(t, "query of the world", r.must("query", obj{"sql": "SELECT paid"})["rows"], []any{obj{"paid": 3.0}})
	is(t, "vars", r.state()["vars"], obj{"paid": 3.0})
	r.fails("exec", obj{"sql": "DROP TABLE x"}, effect.CodeFailed, "permission denied")
	r.fails("query", obj{"sql": "SELECT 1"}, effect.CodeUnsupported, "statements")
	is(t, "migrate", r.must("migrate", nil), obj{"from": 4.0, "to": 6.0, "applied": []any{"5", "6"}})
	is(t, "again", r.must("migrate", nil)["applied"], []any{})
	is(t, "down", r.must("migrate", obj{"to": 5.0})["applied"], []any{"6 down"})
	r.fails("migrate", obj{"to": 7.0}, effect.CodeNotFound, "newest is 6")
	is(t, "version", r.state()["version"], 5.0)
}

func TestDatabaseThatNobodyDeclared(t *testing.T) {
	r := newRig(t, "db", nil)
	is(t, "state", r.state(), obj{})
	r.fails("promote", obj{"node": "b"}, effect.CodeUnsupported, "db = { nodes =")
	r.fails("lag", nil, effect.CodeUnsupported, "replicas")
	r.must("restore", obj{"copy": "c"})
	is(t, "assumed", r.state()["assumed"], true)
	is(t, "migrate", r.must("migrate", obj{"db": "audit"})["to"], 1.0)
	is(t, "another database", at(r.state(), "databases", "audit", "version"), 1.0)
}

func TestDatabaseLearns(t *testing.T) {
	r := newRig(t, "db", nil)
	l := r.model.(effect.Learner)
	answers := map[string]any{
		"lag":        obj{"lag": 1.0, "replicas": obj{"b": 1.0}},
		"is_primary": obj{"primary": true, "node": "a", "timeline": 4.0},
	}
	for _, n := range l.Needs(r.moment(), "promote", obj{})[:2] {
		if err := l.Learn(n, answers[n.Op]); err != nil {
			t.Fatal(err)
		}
	}
	r.must("promote", obj{"node": "b"})
	is(t, "both write", at(r.state(), "nodes", "a", "writable"), true)
}
