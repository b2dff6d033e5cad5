package traffic

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestTrafficModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"weights": obj{"blue": 100.0, "green": 0.0}})
	modeltest.Is(t, "split", r.Must("split", obj{"green": 10.0, "blue": 90.0})["weights"], obj{"green": 10.0, "blue": 90.0})
	modeltest.Is(t, "state", r.State(), obj{"weights": obj{"green": 10.0, "blue": 90.0}, "servers": obj{
		"blue": obj{"weight": 90.0, "status": "up", "sessions": 90.0}, "green": obj{"weight": 10.0, "status": "up", "sessions": 10.0}}})
	modeltest.Is(t, "unnamed servers get nothing", r.Must("switch", obj{"to": "green"})["weights"], obj{"green": 100.0, "blue": 0.0})
	r.Fails("drain", obj{"server": "green"}, effect.CodeConflict, "last of the configured pool", "traffic.switch")
	r.Must("split", obj{"green": 50.0, "blue": 50.0})
	modeltest.Is(t, "drain", r.Must("drain", obj{"server": "green"})["weights"], obj{"green": 0.0, "blue": 100.0})
	r.Must("drain", obj{"server": "green"}) // twice is harmless
	r.Fails("split", obj{"green": 10.0, "blue": 90.0}, effect.CodeConflict, "sees it as drain", "traffic.ready", "nothing changed")
	modeltest.Is(t, "ready", r.Must("ready", obj{"server": "green"})["weights"], obj{"green": 50.0, "blue": 50.0})
	r.Fails("split", obj{"gren": 10.0, "blue": 90.0}, effect.CodeNotFound, `no server "gren"`, `did you mean "green"?`, "blue, green")
	modeltest.Is(t, "whole weights", r.Must("split", obj{"green": 12.5, "blue": 87.5})["weights"], obj{"green": 100.0 * 13 / 101, "blue": 100.0 * 88 / 101})
	r.Fails("split", obj{"green": 0.2, "blue": 99.8}, effect.CodeInvalid, "cannot be given 0.2%")
}

func TestTrafficServersDependOnTheWorld(t *testing.T) {
	status := effect.Func(func(m effect.Moment) (any, error) {
		if m.World("exec") != nil {
			return "down", nil
		}
		return "up", nil
	})
	r := modeltest.New(t, Module(), obj{"servers": obj{"blue": obj{"weight": 100.0}, "green": obj{"status": status}, "red": obj{"status": "maint"}}})
	r.Must("split", obj{"green": 10.0, "blue": 90.0})
	r.Others = map[string]map[string]any{"exec": {}}
	modeltest.Is(t, "weights", r.Must("weights", nil)["weights"], obj{"green": 0.0, "blue": 100.0, "red": 0.0})
	if e := r.Fails("split", obj{"green": 50.0, "blue": 50.0}, effect.CodeConflict, "sees it as down"); !e.Retryable {
		t.Error("a server that is down may come up")
	}
	r.Must("split", obj{"green": 0.0, "blue": 100.0}) // away from it is fine
	r.Fails("drain", obj{"server": "red"}, effect.CodeConflict, "in maintenance")
	r.Fails("switch", obj{"to": "red"}, effect.CodeConflict, "sees it as maint")
	nested := r.Moment()
	nested.World = nil
	modeltest.Is(t, "the status inside another function", modeltest.At(r.Model.State(nested), "servers", "green", "status"), "up")
}

func TestTrafficPoolThatNobodyDeclared(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	modeltest.Is(t, "state", r.State(), obj{})
	for op, args := range map[string]obj{"weights": nil, "drain": {"server": "blue"}} {
		r.Fails(op, args, effect.CodeUnsupported, "nothing is known of the servers", "traffic = { weights =")
	}
	r.Must("switch", obj{"to": "blue"})
	r.Must("split", obj{"green": 10.0, "blue": 90.0})
	if r.State()["assumed"] != true {
		t.Error("an assumed pool does not say so")
	}
	r.Fails("split", obj{"gren": 10.0, "blue": 90.0}, effect.CodeNotFound, "taken from the first split")
	r.Must("split", obj{"pool": "api", "a": 100.0})
	modeltest.Is(t, "named pool", modeltest.At(r.State(), "pools", "api", "weights"), obj{"a": 100.0})
}

func TestTrafficLearns(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	l := r.Model.(effect.Learner)
	needs := l.Needs(r.Moment(), "split", obj{"green": 10.0, "blue": 90.0})
	if len(needs) != 2 || needs[0].Op != "servers" {
		t.Fatalf("needs %v", needs)
	}
	servers := []any{obj{"name": "blue", "weight": 100.0, "status": "up", "sessions": 3.0}, obj{"name": "green", "weight": 0.0, "status": "drain", "sessions": 0.0}}
	if err := l.Learn(needs[0], obj{"servers": servers}); err != nil {
		t.Fatal(err)
	}
	if err := l.Learn(needs[1], obj{"weights": obj{"blue": 100.0, "green": 0.0}}); err != nil {
		t.Fatal(err)
	}
	r.Fails("split", obj{"green": 10.0, "blue": 90.0}, effect.CodeConflict, "sees it as drain")
	r.Must("ready", obj{"server": "green"})
	modeltest.Is(t, "split", r.Must("split", obj{"green": 10.0, "blue": 90.0})["weights"], obj{"green": 10.0, "blue": 90.0})
	if r.State()["assumed"] != nil {
		t.Error("a pool that was read counts as assumed")
	}
}

// TestTrafficDrifts: a reload brings back what was there at first, until the
// pool is divided anew.
func TestTrafficDrifts(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"weights": obj{"blue": 100.0, "green": 0.0}, "pools": obj{"api": obj{"servers": obj{
		"a": obj{"weight": 50.0}, "b": obj{"weight": 50.0, "status": "drain"}}}}})
	b := r.Model.(effect.Breaker)
	b.Break(drift, "servers", nil)
	modeltest.Is(t, "nothing was set", r.State()["drifted"], nil)
	r.Must("split", obj{"green": 40.0, "blue": 60.0})
	r.Must("drain", obj{"server": "green"})
	r.Must("ready", obj{"pool": "api", "server": "b"})
	if part := b.Break(drift, "servers", obj{}) + b.Break(drift, "weights", obj{"pool": "api"}) + b.Break(drift, "weights", obj{"pool": "nowhere"}); part != "" {
		t.Errorf("%s is bad", part)
	}
	modeltest.Is(t, "weights", r.Must("weights", nil)["configured"], obj{"blue": 100.0, "green": 0.0})
	modeltest.Is(t, "status", modeltest.At(r.State(), "servers", "green", "status"), "up")
	modeltest.Is(t, "drifted", r.State()["drifted"], true)
	modeltest.Is(t, "another pool", r.Must("weights", obj{"pool": "api"})["weights"], obj{"a": 100.0, "b": 0.0})
	r.Must("split", obj{"green": 40.0, "blue": 60.0})
	modeltest.Is(t, "divided anew", r.State()["drifted"], nil)

	r = modeltest.New(t, Module(), nil)
	r.Must("split", obj{"green": 10.0, "blue": 90.0})
	r.Model.(effect.Breaker).Break(drift, "servers", nil)
	modeltest.Is(t, "a file that nobody told of", r.Must("weights", nil)["weights"], obj{"green": 50.0, "blue": 50.0})
}

// TestTrafficStartsSlowly: a server that comes up takes a part of its share,
// which grows; what is configured is all of it.
func TestTrafficStartsSlowly(t *testing.T) {
	down := false
	health := effect.Func(func(effect.Moment) (any, error) {
		if down {
			return "down", nil
		}
		return "up", nil
	})
	r := modeltest.New(t, Module(), obj{"slow_start": "16s", "servers": obj{"blue": obj{"weight": 50.0}, "green": obj{"weight": 50.0, "status": health}, "red": obj{"status": "maint"}}})
	taken := func() any { return modeltest.At(r.Must("weights", nil), "weights", "green") }
	modeltest.Is(t, "up at first", taken(), 50.0)
	down = true
	modeltest.Is(t, "down", taken(), 0.0)
	r.Pass(time.Minute)
	down = false
	modeltest.Is(t, "up again", taken(), 100.0*4/54) // 50/16, rounded up
	modeltest.Is(t, "configured", modeltest.At(r.Must("weights", nil), "configured", "green"), 50.0)
	modeltest.Is(t, "note", r.Must("servers", nil)["servers"].([]any)[1].(obj)["note"], "slow start: weight 4 of 50")
	r.Pass(7 * time.Second)
	modeltest.Is(t, "half way", taken(), 100.0*25/75)
	r.Must("split", obj{"green": 20.0, "blue": 80.0})
	modeltest.Is(t, "another weight", taken(), 100.0*10/90)
	r.Pass(9 * time.Second)
	modeltest.Is(t, "through", taken(), 20.0)
	r.Must("drain", obj{"server": "green"})
	modeltest.Is(t, "a drained server has not stopped", r.Must("ready", obj{"server": "green"})["weights"].(obj)["green"], 20.0)
	r.Must("ready", obj{"server": "red"})
	modeltest.Is(t, "out of maintenance", r.Must("split", obj{"red": 50.0, "blue": 50.0})["weights"].(obj)["red"], 100.0*4/54)
}

func TestTrafficBackups(t *testing.T) {
	for all, want := range map[bool]obj{false: {"a": 0.0, "s": 100.0, "t": 0.0}, true: {"a": 0.0, "s": 75.0, "t": 25.0}} {
		r := modeltest.New(t, Module(), obj{"all_backups": all, "servers": obj{"a": obj{"weight": 100.0, "status": "down"},
			"s": obj{"weight": 30.0, "backup": true}, "t": obj{"weight": 10.0, "backup": true}}})
		modeltest.Is(t, "weights", r.Must("weights", nil)["weights"], want)
	}
}

// TestTrafficIsChangedByOthers, at the times that the scenario says, also in a
// pool that nobody has declared.
func TestTrafficIsChangedByOthers(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"weights": obj{"blue": 100.0, "green": 0.0}, "changes": []any{
		obj{"at": "20s", "weights": obj{"green": 30.0, "blue": 70.0}}, obj{"at": "10s", "weights": obj{"blue": 100.0}}},
		"pools": obj{"api": obj{"changes": []any{obj{"at": "10s", "weights": obj{"a": 100.0}}}}}})
	green := func() any { return modeltest.At(r.Must("weights", nil), "configured", "green") }
	r.Must("split", obj{"green": 50.0, "blue": 50.0})
	r.Fails("weights", obj{"pool": "api"}, effect.CodeUnsupported, "nothing is known")
	r.Must("split", obj{"pool": "api", "a": 50.0, "b": 50.0})
	modeltest.Is(t, "before", green(), 50.0)
	r.Pass(10 * time.Second)
	modeltest.Is(t, "in the state", modeltest.At(r.State(), "weights", "green"), 0.0)
	modeltest.Is(t, "drifted", r.State()["drifted"], true)
	modeltest.Is(t, "changed", green(), 0.0)
	modeltest.Is(t, "another pool", r.Must("weights", obj{"pool": "api"})["weights"], obj{"a": 100.0, "b": 0.0})
	r.Must("split", obj{"green": 60.0, "blue": 40.0})
	modeltest.Is(t, "set again", green(), 60.0)
	modeltest.Is(t, "not drifted", r.State()["drifted"], nil)
	r.Pass(time.Minute)
	modeltest.Is(t, "changed again", green(), 30.0)
}
