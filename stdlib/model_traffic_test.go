package stdlib

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestTrafficModel(t *testing.T) {
	r := newRig(t, "traffic", obj{"weights": obj{"blue": 100.0, "green": 0.0}})
	is(t, "split", r.must("split", obj{"green": 10.0, "blue": 90.0})["weights"], obj{"green": 10.0, "blue": 90.0})
	is(t, "state", r.state(), obj{"weights": obj{"green": 10.0, "blue": 90.0}, "servers": obj{
		"blue": obj{"weight": 90.0, "status": "up"}, "green": obj{"weight": 10.0, "status": "up"}}})
	is(t, "unnamed servers get nothing", r.must("switch", obj{"to": "green"})["weights"], obj{"green": 100.0, "blue": 0.0})
	r.fails("drain", obj{"server": "green"}, effect.CodeConflict, "last of the configured pool", "traffic.switch")
	r.must("split", obj{"green": 50.0, "blue": 50.0})
	is(t, "drain", r.must("drain", obj{"server": "green"})["weights"], obj{"green": 0.0, "blue": 100.0})
	r.must("drain", obj{"server": "green"}) // twice is harmless
	r.fails("split", obj{"green": 10.0, "blue": 90.0}, effect.CodeConflict, "sees it as drain", "traffic.ready", "nothing changed")
	is(t, "ready", r.must("ready", obj{"server": "green"})["weights"], obj{"green": 50.0, "blue": 50.0})
	r.fails("split", obj{"gren": 10.0, "blue": 90.0}, effect.CodeNotFound, `no server "gren"`, `did you mean "green"?`, "blue, green")
	is(t, "whole weights", r.must("split", obj{"green": 12.5, "blue": 87.5})["weights"], obj{"green": 100.0 * 13 / 101, "blue": 100.0 * 88 / 101})
	r.fails("split", obj{"green": 0.2, "blue": 99.8}, effect.CodeInvalid, "cannot be given 0.2%")
}

func TestTrafficServersDependOnTheWorld(t *testing.T) {
	status := effect.Func(func(m effect.Moment) (any, error) {
		if m.World("exec") != nil {
			return "down", nil
		}
		return "up", nil
	})
	r := newRig(t, "traffic", obj{"servers": obj{"blue": obj{"weight": 100.0}, "green": obj{"status": status}, "red": obj{"status": "maint"}}})
	r.must("split", obj{"green": 10.0, "blue": 90.0})
	r.others = map[string]map[string]any{"exec": {}}
	is(t, "weights", r.must("weights", nil)["weights"], obj{"green": 0.0, "blue": 100.0, "red": 0.0})
	if e := r.fails("split", obj{"green": 50.0, "blue": 50.0}, effect.CodeConflict, "sees it as down"); !e.Retryable {
		t.Error("a server that is down may come up")
	}
	r.must("split", obj{"green": 0.0, "blue": 100.0}) // away from it is fine
	r.fails("drain", obj{"server": "red"}, effect.CodeConflict, "in maintenance")
	r.fails("switch", obj{"to": "red"}, effect.CodeConflict, "sees it as maint")
	nested := r.moment()
	nested.World = nil
	is(t, "the status inside another function", at(r.model.State(nested), "servers", "green", "status"), "up")
}

func TestTrafficPoolThatNobodyDeclared(t *testing.T) {
	r := newRig(t, "traffic", nil)
	is(t, "state", r.state(), obj{})
	for op, args := range map[string]obj{"weights": nil, "drain": {"server": "blue"}} {
		r.fails(op, args, effect.CodeUnsupported, "nothing is known of the servers", "traffic = { weights =")
	}
	r.must("switch", obj{"to": "blue"})
	r.must("split", obj{"green": 10.0, "blue": 90.0})
	if r.state()["assumed"] != true {
		t.Error("an assumed pool does not say so")
	}
	r.fails("split", obj{"gren": 10.0, "blue": 90.0}, effect.CodeNotFound, "taken from the first split")
	r.must("split", obj{"pool": "api", "a": 100.0})
	is(t, "named pool", at(r.state(), "pools", "api", "weights"), obj{"a": 100.0})
}

func TestTrafficLearns(t *testing.T) {
	r := newRig(t, "traffic", nil)
	l := r.model.(effect.Learner)
	needs := l.Needs(r.moment(), "split", obj{"green": 10.0, "blue": 90.0})
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
	r.fails("split", obj{"green": 10.0, "blue": 90.0}, effect.CodeConflict, "sees it as drain")
	r.must("ready", obj{"server": "green"})
	is(t, "split", r.must("split", obj{"green": 10.0, "blue": 90.0})["weights"], obj{"green": 10.0, "blue": 90.0})
	if r.state()["assumed"] != nil {
		t.Error("a pool that was read counts as assumed")
	}
}
