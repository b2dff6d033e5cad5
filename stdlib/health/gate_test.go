package health

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

func TestHealthComposites(t *testing.T) {
	s := modeltest.NewStage(t, Module(), obj{"green": obj{"timeline": []any{obj{"at": "0s", "healthy": false}, obj{"at": "1m", "healthy": true}, obj{"at": "10m", "error_rate": "5%"}}}})
	if v, err := s.Run("health.wait", obj{"env": "green"}); err != nil || v["checks"].(float64) < 12 {
		t.Errorf("%v, %v", v, err)
	}
	slo := obj{"error_rate": "< 0.1%", "p99_latency": "< 200ms"}
	if v, err := s.Run("health.watch", obj{"env": "green", "during": "5m", "slo": slo}); err != nil || v["measurements"] != 10.0 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := s.Run("health.watch", obj{"env": "green", "during": "10m", "slo": slo}); err == nil || err.Code != effect.CodeUnhealthy || !strings.Contains(err.Message, "error_rate is 5%") {
		t.Errorf("%v", err)
	}
}

// TestTolerate: bad windows in a row are put up with, whatever made them bad;
// a watch that has lasted long enough ends with a good one.
func TestTolerate(t *testing.T) {
	unseen := effect.Func(func(m effect.Moment) (any, error) {
		if at := m.Now.Sub(m.Start); at > 40*time.Second && at < 70*time.Second {
			return nil, nil
		}
		return 0.0, nil
	})
	slo := obj{"error_rate": "< 0.1%", "throughput": "> 1"}
	for name, c := range map[string]struct {
		world        obj
		tolerate     float64
		measurements float64     // of a watch that passes
		code         effect.Code // of one that does not
		says         string
	}{
		"one bad window, not tolerated":     {obj{"timeline": []any{obj{"at": "40s", "error_rate": "5%"}, obj{"at": "70s", "error_rate": 0.0}}}, 0, 0, effect.CodeUnhealthy, "error_rate is 5%"},
		"the last window is bad, then good": {obj{"timeline": []any{obj{"at": "40s", "error_rate": "5%"}, obj{"at": "70s", "error_rate": 0.0}}}, 1, 3, "", ""},
		"the last windows stay bad":         {obj{"timeline": []any{obj{"at": "40s", "error_rate": "5%"}}}, 2, 0, effect.CodeUnhealthy, "3 windows in a row were bad, tolerated were 2"},
		"no data once":                      {obj{"error_rate": unseen}, 1, 3, "", ""},
		"no data":                           {obj{"error_rate": unseen}, 0, 0, effect.CodeNoData, "error_rate has no data (wants < 0.1%)"},
		"no data and a broken threshold":    {obj{"error_rate": unseen, "throughput": 0.0}, 0, 0, effect.CodeUnhealthy, "throughput is 0"},
	} {
		s := modeltest.NewStage(t, Module(), obj{"green": c.world})
		v, err := s.Run("health.watch", obj{"env": "green", "during": "1m", "every": "30s", "slo": slo, "tolerate": c.tolerate})
		switch {
		case c.code == "" && (err != nil || v["measurements"] != c.measurements):
			t.Errorf("%s: %v, %v", name, v, err)
		case c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says)):
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

// TestWhyThereIsNoData: a gate says what the measurement says.
func TestWhyThereIsNoData(t *testing.T) {
	slo, err := thresholds("slo", obj{"p99_latency": "< 200ms", "uptime": "> 99%"})
	if err != nil {
		t.Fatal(err)
	}
	broken, code := judge(slo, obj{"uptime": 100.0}, []any{obj{"metric": "p99_latency", "why": "the answer is NaN at {instance=\"b\"}"}}, nil)
	if want := `p99_latency has no data (wants < 200ms): the answer is NaN at {instance="b"}`; len(broken) != 1 || broken[0] != want || code != effect.CodeNoData {
		t.Errorf("%q, %s", broken, code)
	}
	short := []any{obj{"metric": "p99_latency", "why": "the window is too short", "lasting": true}}
	if _, code = judge(slo, obj{"uptime": 100.0}, short, nil); code != effect.CodeInvalid {
		t.Errorf("a window that is always too short: %s", code)
	}
	if _, code = judge(slo, obj{"uptime": 1.0}, short, nil); code != effect.CodeUnhealthy {
		t.Errorf("a broken threshold beside it: %s", code)
	}
	if _, code = judge(slo[1:], obj{"uptime": 100.0}, short, nil); code != effect.CodeNoData {
		t.Errorf("a metric that nobody asked for: %s", code)
	}
}

// TestNobodyCouldBeAsked: where what measures is away, nothing is said of the
// target, and what to do is about what measures.
func TestNobodyCouldBeAsked(t *testing.T) {
	away := func(code effect.Code) *effect.Error {
		return effect.Errorf(code, "ask http://prometheus:9090: connection refused").WithHint("check the address")
	}
	s := modeltest.NewStage(t, Module(), obj{"green": obj{}})
	s.Fail["health.measure <nil>"], s.Fail["health.check <nil>"] = away(effect.CodeUnavailable), away(effect.CodeNoData)
	_, err := s.Run("health.watch", obj{"env": "green", "during": "1m", "slo": obj{"error_rate": "< 1%"}})
	if err == nil || err.Code != effect.CodeNoData || err.Hint != "check the address" {
		t.Errorf("%+v", err)
	}
	_, err = s.Run("health.wait", obj{"env": "green", "timeout": "20s"})
	if err == nil || err.Code != effect.CodeNoData || err.Hint != "check the address" {
		t.Errorf("%+v", err)
	}
}
