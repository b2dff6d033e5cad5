package db

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

type obj = map[string]any

func cluster() obj {
	return obj{
		"nodes":   obj{"a": obj{"primary": true}, "b": obj{"lag": "2s"}, "c": obj{"lag": 9.0, "behind": "4KiB"}},
		"backups": []any{obj{"name": "full-1", "age": "2d"}, obj{"name": "full-2", "age": "1d", "valid": false}},
	}
}

func TestPromotionLeavesTheOldPrimary(t *testing.T) {
	world := cluster()
	up := true
	world["nodes"].(obj)["a"].(obj)["up"] = effect.Func(func(effect.Moment) (any, error) { return up, nil })
	r := modeltest.New(t, Module(), world)
	modeltest.Is(t, "lag", r.Must("lag", nil), obj{"lag": 9.0, "replicas": obj{"b": 2.0, "c": 9.0}, "bytes": obj{"c": 4096.0}, "measured": "primary"})
	modeltest.Is(t, "primary", r.Must("is_primary", nil), obj{"primary": true, "node": "a", "timeline": 1.0})
	modeltest.Is(t, "replica", r.Must("is_primary", obj{"node": "b"})["primary"], false)
	r.Fails("promote", obj{"node": "d"}, effect.CodeNotFound, "a, b, c")

	up = false
	r.Fails("is_primary", nil, effect.CodeUnavailable, "node a does not answer")
	modeltest.Is(t, "without the primary", r.Must("lag", nil)["measured"], "replicas")
	r.Fails("exec", obj{"sql": "UPDATE x"}, effect.CodeUnavailable)
	r.Fails("backup", nil, effect.CodeUnavailable)
	modeltest.Is(t, "promote", r.Must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 2.0})
	modeltest.Is(t, "again", r.Must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 2.0})
	modeltest.Is(t, "c does not follow b", r.Must("lag", nil)["replicas"], obj{})
	modeltest.Is(t, "what is lost", r.Must("promote", obj{"node": "c"}), obj{"primary": "c", "timeline": 3.0, "lost": 4096.0})
	r.Must("exec", obj{"sql": "UPDATE x"})
	modeltest.Is(t, "b", modeltest.At(r.State(), "nodes", "b"), obj{"up": true, "writable": true, "lag": 0.0, "timeline": 2.0})

	up = true // the old primary comes back: two take writes, which an invariant is to find
	modeltest.Is(t, "a", modeltest.At(r.State(), "nodes", "a"), obj{"up": true, "writable": true, "lag": 0.0, "timeline": 1.0})
}

func TestRestoreBesideAndSwap(t *testing.T) {
	r := modeltest.New(t, Module(), cluster())
	list := r.Must("backups", nil)
	modeltest.Is(t, "earliest", list["earliest"], plain.Unix(modeltest.Start().Add(-48*time.Hour)))
	modeltest.Is(t, "latest", list["latest"], plain.Unix(modeltest.Start()))

	got := r.Must("restore", obj{"copy": "c1"})
	modeltest.Is(t, "the newest backup", got["backup"], "full-2")
	again, err := r.Again("restore", obj{"copy": "c1"})
	if err != nil {
		t.Fatal(err)
	}
	modeltest.Is(t, "with the same key", again, got)
	r.Fails("restore", obj{"copy": "c1"}, effect.CodeConflict, "there is a copy")
	r.Fails("validate", obj{"copy": "c1"}, effect.CodeUnhealthy, "damaged")

	when := modeltest.Start().Add(-30 * time.Hour)
	got = r.Must("restore", obj{"copy": "c2", "time": when.Format(time.RFC3339)})
	modeltest.Is(t, "by time", got, obj{"copy": "c2", "backup": "full-1", "time": plain.Unix(when), "timeline": 3.0})
	r.Must("validate", obj{"copy": "c2", "checks": obj{"orders": "SELECT true"}})
	r.Fails("restore", obj{"copy": "c3", "time": plain.Unix(modeltest.Start().Add(-72 * time.Hour))}, effect.CodeNotFound, "no backup reaches back")
	r.Fails("restore", obj{"copy": "c3", "time": plain.Unix(modeltest.Start().Add(time.Hour))}, effect.CodeInvalid, "has not come yet")
	r.Fails("restore", obj{"copy": "c3", "backup": "full-3"}, effect.CodeNotFound, `did you mean "full-`)

	modeltest.Is(t, "swap", r.Must("swap", obj{"copy": "c2"}), obj{"live": "c2", "kept": "c2_before"})
	modeltest.Is(t, "live", modeltest.At(r.State(), "live", "copy"), "c2")
	r.Fails("swap", obj{"copy": "c2"}, effect.CodeNotFound)
	modeltest.Is(t, "swap back", r.Must("swap", obj{"copy": "c2_before", "keep": "c2"}), obj{"live": "c2_before", "kept": "c2"})
	r.Must("validate", obj{"copy": "c2"})

	modeltest.Is(t, "backup", r.Must("backup", obj{"type": "incr"})["backup"], "incr-3")
	modeltest.Is(t, "with its time", len(r.Must("backups", nil)["backups"].([]any)), 3)

	// A server that does not run is started on the copy, unless it is kept down.
	r = modeltest.New(t, Module(), obj{"nodes": obj{"a": obj{"primary": true, "up": false}, "b": obj{}}, "backups": []any{obj{"name": "only", "age": "1d"}}})
	modeltest.Is(t, "without the primary", r.Must("restore", obj{"copy": "c"})["timeline"], 2.0)
	modeltest.Is(t, "another", r.Must("restore", obj{"copy": "d"})["timeline"], 3.0)
	r.Must("swap", obj{"copy": "d"})
	modeltest.Is(t, "it runs", r.Must("is_primary", nil), obj{"primary": true, "node": "a", "timeline": 3.0})
	modeltest.Is(t, "its replica cannot follow", r.Must("lag", nil)["replicas"], obj{})
	r = modeltest.New(t, Module(), obj{"nodes": obj{"a": obj{"primary": true, "up": effect.Func(func(effect.Moment) (any, error) { return false, nil })}}, "copies": obj{"c": obj{}}})
	r.Fails("swap", obj{"copy": "c"}, effect.CodeUnavailable, "nothing was swapped")

	r = modeltest.New(t, Module(), obj{"log": false, "backups": []any{obj{"name": "only", "age": "1d"}}})
	modeltest.Is(t, "without a log", r.Must("restore", obj{"copy": "c"})["time"], plain.Unix(modeltest.Start().Add(-24*time.Hour)))
	r.Fails("restore", obj{"copy": "d", "time": plain.Unix(modeltest.Start())}, effect.CodeRefused, "no log")
	r = modeltest.New(t, Module(), obj{"backups": []any{}})
	r.Fails("restore", obj{"copy": "c"}, effect.CodeNotFound, "no backup at all")
}

func TestStatementsAndMigrations(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"version": 4.0, "newest": 6.0, "vars": obj{"paid": 0.0}, "statements": obj{
		"SELECT count(*) FROM orders": obj{"rows": []any{obj{"count": 7.0}, obj{"count": 8.0}}},
		"SELECT paid": obj{"rows": effect.Func(func(m effect.Moment) (any, error) {
			return []any{obj{"paid": modeltest.At(m.World("db"), "vars", "paid")}}, nil
		})},
		"UPDATE orders": obj{"rows": 3.0, "sets": obj{"paid": 3.0}},
		"DROP":          obj{"error": "permission denied"},
	}})
	modeltest.Is(t, "query", r.Must("query", obj{"sql": "SELECT  count(*)\nFROM orders WHERE x", "max_rows": 1.0}), obj{"rows": []any{obj{"count": 7.0}}, "count": 1.0, "truncated": true})
	modeltest.Is(t, "exec", r.Must("exec", obj{"sql": "UPDATE orders SET paid"}), obj{"rows": 3.0})
	modeltest.Is(t, "query of the world", r.Must("query", obj{"sql": "SELECT paid"})["rows"], []any{obj{"paid": 3.0}})
	modeltest.Is(t, "vars", r.State()["vars"], obj{"paid": 3.0})
	r.Fails("exec", obj{"sql": "DROP TABLE x"}, effect.CodeFailed, "permission denied")
	r.Fails("query", obj{"sql": "SELECT 1"}, effect.CodeUnsupported, "statements")
	modeltest.Is(t, "migrations", r.Must("migrations", nil), obj{"version": 4.0, "applied": []any{1.0, 2.0, 3.0, 4.0}, "pending": []any{obj{"version": 5.0}, obj{"version": 6.0}}})
	modeltest.Is(t, "migrate", r.Must("migrate", nil), obj{"from": 4.0, "to": 6.0, "applied": []any{"5", "6"}})
	modeltest.Is(t, "again", r.Must("migrate", nil)["applied"], []any{})
	modeltest.Is(t, "down", r.Must("migrate", obj{"to": 5.0})["applied"], []any{"6 down"})
	r.Fails("migrate", obj{"to": 7.0}, effect.CodeNotFound, "newest is 6")
	modeltest.Is(t, "version", r.State()["version"], 5.0)
}

// TestPromotionLosesWhatWasNotReceived promotes a replica that is behind, and
// one that could not follow a copy.
func TestPromotionLosesWhatWasNotReceived(t *testing.T) {
	world := func(lag string) obj {
		return obj{"nodes": obj{"a": obj{"primary": true}, "b": obj{"lag": lag, "behind": "2KiB"}}, "vars": obj{"paid": 0.0},
			"backups": []any{obj{"name": "full-1", "age": "1d"}}, "statements": obj{"UPDATE": obj{"sets": obj{"paid": 3.0}}}}
	}
	r := modeltest.New(t, Module(), world("10s"))
	r.Must("exec", obj{"sql": "UPDATE orders"})
	modeltest.Is(t, "promoted", r.Must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 2.0, "lost": 2048.0})
	modeltest.Is(t, "what was not received", r.State()["vars"], obj{"paid": 0.0})

	r = modeltest.New(t, Module(), world("0s"))
	r.Must("restore", obj{"copy": "c"})
	r.Must("swap", obj{"copy": "c"})
	r.Must("exec", obj{"sql": "UPDATE orders"})
	modeltest.Is(t, "promoted beside a copy", r.Must("promote", obj{"node": "b"}), obj{"primary": "b", "timeline": 3.0})
	modeltest.Is(t, "what came after the copy", r.State()["vars"], obj{"paid": 0.0})
}

// TestDataComesBack restores what statements and migrations changed.
func TestDataComesBack(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"version": 1.0, "newest": 3.0, "log": false, "vars": obj{"paid": 0.0},
		"statements": obj{"UPDATE": obj{"sets": obj{"paid": 3.0}}}})
	r.Must("backup", nil)
	r.Must("exec", obj{"sql": "UPDATE orders"})
	r.Must("migrate", nil)
	r.Must("restore", obj{"copy": "c"})
	modeltest.Is(t, "a restore beside", r.State()["version"], 3.0)
	r.Must("swap", obj{"copy": "c"})
	modeltest.Is(t, "version", r.State()["version"], 1.0)
	modeltest.Is(t, "vars", r.State()["vars"], obj{"paid": 0.0})
	modeltest.Is(t, "migrated again", r.Must("migrate", nil)["applied"], []any{"2", "3"})
	r.Must("swap", obj{"copy": "c_before"})
	modeltest.Is(t, "vars swapped back", r.State()["vars"], obj{"paid": 3.0})
}

func TestDatabaseThatNobodyDeclared(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	modeltest.Is(t, "state", r.State(), obj{})
	r.Fails("promote", obj{"node": "b"}, effect.CodeUnsupported, "db = { nodes =")
	r.Fails("lag", nil, effect.CodeUnsupported, "replicas")
	r.Must("restore", obj{"copy": "c"})
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
	modeltest.Is(t, "migrate", r.Must("migrate", obj{"db": "audit"})["to"], 1.0)
	modeltest.Is(t, "another database", modeltest.At(r.State(), "databases", "audit", "version"), 1.0)
}

func TestDatabaseLearns(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	l := r.Model.(effect.Learner)
	answers := map[string]any{
		"lag":        obj{"lag": 1.0, "replicas": obj{"b": 1.0}},
		"is_primary": obj{"primary": true, "node": "a", "timeline": 4.0},
	}
	for _, n := range l.Needs(r.Moment(), "promote", obj{})[:2] {
		if err := l.Learn(n, answers[n.Op]); err != nil {
			t.Fatal(err)
		}
	}
	r.Must("promote", obj{"node": "b"})
	modeltest.Is(t, "both write", modeltest.At(r.State(), "nodes", "a", "writable"), true)
}

// TestALagThatNobodyCouldMeasure is no loss that is known: it is told as a doubt.
func TestALagThatNobodyCouldMeasure(t *testing.T) {
	for measured, want := range map[string]int{"replicas": 1, "primary": 0} {
		r := modeltest.New(t, Module(), nil)
		l := r.Model.(effect.Learner)
		if err := l.Learn(effect.Reading{Op: "lag"}, obj{"lag": 40.0, "replicas": obj{"b": 40.0}, "measured": measured}); err != nil {
			t.Fatal(err)
		}
		modeltest.Is(t, "lag", r.Must("lag", nil)["lag"], 40.0)
		r.Must("promote", obj{"node": "b"})
		if doubts := r.Model.(effect.Doubter).Doubts(); len(doubts) != want || (r.State()["lost"] == nil) != (want == 1) {
			t.Errorf("measured against %s: %q, lost %v", measured, doubts, r.State()["lost"])
		}
	}
}

func TestDamagedBackupsArePassedOver(t *testing.T) {
	world := cluster()
	world["backups"].([]any)[1].(obj)["damaged"] = true
	r := modeltest.New(t, Module(), world)
	list := r.Must("backups", nil)
	modeltest.Is(t, "listed", list["backups"].([]any)[1].(obj)["damaged"], true)
	modeltest.Is(t, "earliest", list["earliest"], plain.Unix(modeltest.Start().Add(-48*time.Hour)))
	modeltest.Is(t, "the newest that is whole", r.Must("restore", obj{"copy": "c1"})["backup"], "full-1")
	r.Fails("restore", obj{"copy": "c2", "backup": "full-2"}, effect.CodeUnhealthy, "full-2 is damaged")
	again := NewModel()
	if err := again.Learn(effect.Reading{Op: "backups"}, list); err != nil {
		t.Fatal(err)
	}
	if got := again.db("").backups[1]; !got.damaged || got.valid {
		t.Errorf("learned %+v", got)
	}
}

// TestMigrationsLearned goes by what the real database tells of its migrations, whose
// numbers may be dates.
func TestMigrationsLearned(t *testing.T) {
	m := NewModel()
	moment := effect.Moment{Now: modeltest.Start(), World: func(string) obj { return nil }}
	if needs := m.Needs(moment, "migrate", obj{"dir": "db"}); len(needs) != 1 || needs[0].Op != "migrations" || needs[0].Args["dir"] != "db" {
		t.Errorf("it asks for %v", needs)
	}
	if err := m.Learn(effect.Reading{Op: "migrations", Args: obj{}}, obj{"version": 20260101.0, "applied": []any{1.0, 20260101.0},
		"pending": []any{obj{"version": 20260103.0, "name": "20260103_b.sql"}, obj{"version": 20260109.0, "name": "20260109_c.sql"}}}); err != nil {
		t.Fatal(err)
	}
	if needs := m.Needs(moment, "migrate", nil); len(needs) != 0 {
		t.Errorf("it asks again: %v", needs)
	}
	do := func(op string, args obj) obj {
		v, err := m.Do(moment, op, args)
		if err != nil {
			t.Fatal(err)
		}
		return v.(obj)
	}
	modeltest.Is(t, "pending", do("migrations", obj{})["pending"], []any{obj{"version": 20260103.0, "name": "20260103_b.sql"}, obj{"version": 20260109.0, "name": "20260109_c.sql"}})
	modeltest.Is(t, "migrate", do("migrate", obj{}), obj{"from": 20260101.0, "to": 20260109.0, "applied": []any{"20260103", "20260109"}})
	modeltest.Is(t, "down", do("migrate", obj{"to": 1.0})["applied"], []any{"20260109 down", "20260103 down", "20260101 down"})
	if _, err := m.Do(moment, "migrate", obj{"to": 20260110.0}); effect.AsError(err).Code != effect.CodeNotFound {
		t.Errorf("beyond the newest: %v", err)
	}
	unsaid := NewModel()
	if v, err := unsaid.Do(moment, "migrate", obj{"to": 20260101120000.0}); err != nil || len(v.(obj)["applied"].([]any)) != 1 {
		t.Errorf("to a date that nobody named: %v, %v", v, err)
	}
}
