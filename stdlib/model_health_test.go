package stdlib

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestHealthModel(t *testing.T) {
	slow := effect.Func(func(m effect.Moment) (any, error) {
		if at(m.World("traffic"), "weights", "green") == 50.0 {
			return "250ms", nil
		}
		return 0.012, nil
	})
	gone := effect.Func(func(effect.Moment) (any, error) { return nil, nil })
	r := newRig(t, "health", obj{
		"green":  obj{"p99_latency": slow, "error_rate": "0.05%"},
		"blue":   []any{obj{"at": "20m", "error_rate": 0.0}, obj{"at": "10m", "error_rate": "5%", "uptime": 0.0}},
		"red":    gone,
		"broken": obj{"healthy": false},
		"alerts": []any{obj{"name": "Slow", "severity": "critical", "env": "green", "from": "5m", "till": "10m"}},
	})
	r.others = map[string]map[string]any{"traffic": {"weights": obj{"green": 10.0}}}
	is(t, "p99 at 10%", r.must("measure", obj{"env": "green"})["p99_latency"], 0.012)
	is(t, "error rate", r.must("measure", obj{"env": "green"})["error_rate"], 0.05)
	r.others["traffic"]["weights"] = obj{"green": 50.0}
	is(t, "p99 at 50%", r.must("measure", obj{"env": "green"})["p99_latency"], 0.25)
	is(t, "p99 in the state", at(r.state(), "green", "p99_latency"), 0.25)
	is(t, "no data", r.must("measure", obj{"env": "red"}), obj{"samples": 0.0})
	r.fails("check", obj{"env": "broken"}, effect.CodeUnhealthy, "timeout")
	is(t, "who is not declared", r.must("measure", obj{"env": "other"}), healthyValues())
	is(t, "assumed", at(r.state(), "other", "assumed"), true)
	is(t, "load", r.must("load", obj{"env": "green", "rate": 20.0, "during": "10s"})["samples"], 200.0)

	is(t, "before", r.must("alerts", nil)["count"], 0.0)
	r.must("check", obj{"env": "blue"})
	r.pass(5 * time.Minute)
	is(t, "alerts", r.must("alerts", obj{"env": "green"}), obj{"count": 1.0, "alerts": []any{
		obj{"name": "Slow", "severity": "critical", "env": "green", "since": unix(start.Add(5 * time.Minute))}}})
	is(t, "other severity", r.must("alerts", obj{"severity": "warning"})["count"], 0.0)
	r.pass(5 * time.Minute)
	is(t, "after", r.must("alerts", nil)["count"], 0.0)
	is(t, "the timeline in its order", r.must("measure", obj{"env": "blue"})["error_rate"], 5.0)
	r.fails("check", obj{"env": "blue"}, effect.CodeUnhealthy)
	r.pass(10 * time.Minute)
	is(t, "the timeline goes on", r.must("measure", obj{"env": "blue"})["error_rate"], 0.0)
}

func TestHealthTurnsBad(t *testing.T) {
	r := newRig(t, "health", nil)
	b := r.model.(interface {
		effect.Breaker
		effect.Timed
		Blind(string, map[string]any) string
	})
	if b.Break("alerts", nil) != "" || b.Break("measure", obj{"env": "green"}) != "green" || b.Blind("measure", obj{"env": "blue"}) != "blue" {
		t.Error("the parts are not named")
	}
	got := r.must("measure", obj{"env": "green"})
	is(t, "bad", pick(got, "p99_latency", "error_rate", "uptime"), obj{"p99_latency": 10.0, "error_rate": 50.0, "uptime": 0.0})
	r.fails("check", obj{"env": "green"}, effect.CodeUnhealthy)
	is(t, "blind", r.must("measure", obj{"env": "blue"}), obj{"samples": 0.0})
	for op, want := range map[string]time.Duration{"measure": 30 * time.Second, "check": 10 * time.Second, "load": time.Minute} {
		args, _ := r.ops[op].Check(obj{"env": "green"})
		if got := b.Takes(op, args); got != want {
			t.Errorf("%s takes %s, want %s", op, got, want)
		}
	}
	// Values by functions are left out where they would be called inside another.
	r = newRig(t, "health", obj{"green": obj{"uptime": effect.Func(func(effect.Moment) (any, error) { panic("called") })}})
	m := r.moment()
	m.World = nil
	if v, told := r.model.State(m)["green"].(map[string]any)["uptime"]; told {
		t.Errorf("uptime is %v", v)
	}
}

func TestHealthLearnsChecksOnly(t *testing.T) {
	r := newRig(t, "health", nil)
	l := r.model.(effect.Learner)
	args := obj{"env": "green", "timeout": 1.0}
	if n := l.Needs(r.moment(), "measure", args); len(n) != 0 {
		t.Errorf("a measurement asks for %v", n)
	}
	if n := l.Needs(r.moment(), "check", args); len(n) != 1 {
		t.Errorf("a check asks for %v", n)
	}
	r.dirty = true
	if n := l.Needs(r.moment(), "check", args); len(n) != 0 {
		t.Errorf("after a simulated change, a check asks for %v", n)
	}
}
