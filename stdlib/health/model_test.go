package health

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

type obj = map[string]any

func TestHealthModel(t *testing.T) {
	slow := effect.Func(func(m effect.Moment) (any, error) {
		if modeltest.At(m.World("traffic"), "weights", "green") == 50.0 {
			return "250ms", nil
		}
		return 0.012, nil
	})
	gone := effect.Func(func(effect.Moment) (any, error) { return nil, nil })
	r := modeltest.New(t, Module(), obj{
		"green":  obj{"p99_latency": slow, "error_rate": "0.05%"},
		"blue":   []any{obj{"at": "20m", "error_rate": 0.0}, obj{"at": "10m", "error_rate": "5%", "uptime": 0.0}},
		"red":    gone,
		"broken": obj{"healthy": false},
		"alerts": []any{obj{"name": "Slow", "severity": "critical", "env": "green", "from": "5m", "till": "10m"}},
	})
	r.Others = map[string]map[string]any{"traffic": {"weights": obj{"green": 10.0}}}
	modeltest.Is(t, "p99 at 10%", r.Must("measure", obj{"env": "green"})["p99_latency"], 0.012)
	modeltest.Is(t, "error rate", r.Must("measure", obj{"env": "green"})["error_rate"], 0.05)
	r.Others["traffic"]["weights"] = obj{"green": 50.0}
	modeltest.Is(t, "p99 at 50%", r.Must("measure", obj{"env": "green"})["p99_latency"], 0.25)
	modeltest.Is(t, "p99 in the state", modeltest.At(r.State(), "green", "p99_latency"), 0.25)
	modeltest.Is(t, "no data", r.Must("measure", obj{"env": "red"}), obj{"samples": 0.0})
	r.Fails("check", obj{"env": "broken"}, effect.CodeUnhealthy, "timeout")
	r.Fails("measure", obj{"env": "grean"}, effect.CodeUnsupported, `did you mean "green"?`)
	r.Fails("alerts", obj{"env": "grean"}, effect.CodeUnsupported, "known: blue, broken, green, red")
	r.Others["deploy"] = map[string]any{"regions": obj{"eu": obj{}}}
	modeltest.Is(t, "what another module declares", r.Must("measure", obj{"env": "eu"}), healthyValues())
	modeltest.Is(t, "assumed", modeltest.At(r.State(), "eu", "assumed"), true)
	modeltest.Is(t, "load", r.Must("load", obj{"env": "green", "rate": 20.0, "during": "10s"})["samples"], 200.0)

	modeltest.Is(t, "before", r.Must("alerts", nil)["count"], 0.0)
	r.Must("check", obj{"env": "blue"})
	r.Pass(5 * time.Minute)
	modeltest.Is(t, "alerts", r.Must("alerts", obj{"env": "green"}), obj{"count": 1.0, "alerts": []any{
		obj{"name": "Slow", "severity": "critical", "env": "green", "since": plain.Unix(modeltest.Start().Add(5 * time.Minute))}}})
	modeltest.Is(t, "other severity", r.Must("alerts", obj{"severity": "warning"})["count"], 0.0)
	r.Pass(5 * time.Minute)
	modeltest.Is(t, "after", r.Must("alerts", nil)["count"], 0.0)
	modeltest.Is(t, "the timeline in its order", r.Must("measure", obj{"env": "blue"})["error_rate"], 5.0)
	r.Fails("check", obj{"env": "blue"}, effect.CodeUnhealthy)
	r.Pass(10 * time.Minute)
	modeltest.Is(t, "the timeline goes on", r.Must("measure", obj{"env": "blue"})["error_rate"], 0.0)
}

func TestHealthTurnsBad(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	b := r.Model.(interface {
		effect.Breaker
		effect.Timed
	})
	if b.Break(unhealthy, "alerts", nil) != "" || b.Break(unhealthy, "measure", obj{"env": "green"}) != "green" ||
		b.Break(noData, "measure", obj{"env": "blue"}) != "blue" {
		t.Error("the parts are not named")
	}
	got := r.Must("measure", obj{"env": "green"})
	modeltest.Is(t, "bad", plain.Pick(got, "p99_latency", "error_rate", "uptime"), obj{"p99_latency": 10.0, "error_rate": 50.0, "uptime": 0.0})
	r.Fails("check", obj{"env": "green"}, effect.CodeUnhealthy)
	modeltest.Is(t, "blind", r.Must("measure", obj{"env": "blue"}), obj{"samples": 0.0})
	for op, want := range map[string]time.Duration{"measure": 30 * time.Second, "check": 10 * time.Second, "load": time.Minute} {
		args, _ := r.Ops[op].Check(obj{"env": "green"})
		if got := b.Takes(op, args); got != want {
			t.Errorf("%s takes %s, want %s", op, got, want)
		}
	}
	// Values by functions are left out where they would be called inside another.
	r = modeltest.New(t, Module(), obj{"green": obj{"uptime": effect.Func(func(effect.Moment) (any, error) { panic("called") })}})
	m := r.Moment()
	m.World = nil
	if v, told := r.Model.State(m)["green"].(map[string]any)["uptime"]; told {
		t.Errorf("uptime is %v", v)
	}
}

// Nobody answers where nothing is deployed any more, although a scenario said
// how healthy it is, or nobody said anything.
func TestHealthOfWhatIsGone(t *testing.T) {
	for _, said := range []obj{nil, {"green": obj{"p99_latency": "10ms"}}} {
		r := modeltest.New(t, Module(), said)
		envs := obj{"green": obj{"state": "active"}, "blue": obj{"state": "absent"}}
		r.Others = map[string]map[string]any{"deploy": {"envs": envs}}
		r.Must("check", obj{"env": "green"})
		envs["green"] = obj{"state": "absent"}
		r.Fails("check", obj{"env": "green"}, effect.CodeUnhealthy, "nothing is deployed there")
		seen := r.Must("measure", obj{"env": "green"})
		modeltest.Is(t, "what is measured", seen, obj{"uptime": 0.0, "error_rate": 100.0, "throughput": 0.0, "samples": 1000.0})
		envs["green"] = obj{"state": "released"}
		r.Must("check", obj{"env": "green"})
	}
}

func TestHealthLearnsChecksOnly(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	l := r.Model.(effect.Learner)
	args := obj{"env": "green", "timeout": 1.0}
	if n := l.Needs(r.Moment(), "measure", args); len(n) != 0 {
		t.Errorf("a measurement asks for %v", n)
	}
	if n := l.Needs(r.Moment(), "check", args); len(n) != 1 {
		t.Errorf("a check asks for %v", n)
	}
	r.Dirty = true
	if n := l.Needs(r.Moment(), "check", args); len(n) != 0 {
		t.Errorf("after a simulated change, a check asks for %v", n)
	}
}
