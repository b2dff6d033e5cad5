package health

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// TestOwnMetrics: a gate may hold metrics of the configuration; what nobody says
// of a declared target is no data, and one that is assumed to be well keeps them.
func TestOwnMetrics(t *testing.T) {
	slo := obj{"queue": "< 100", "paid": "> 97%"}
	for name, c := range map[string]struct {
		world obj
		env   string
		code  effect.Code
		says  string
	}{
		"said":         {obj{"green": obj{"metrics": obj{"queue": 40.0, "paid": 98.0}}}, "green", "", ""},
		"by time":      {obj{"green": obj{"metrics": obj{"queue": 40.0, "paid": 98.0}, "timeline": []any{obj{"at": "1m", "metrics": obj{"paid": 50.0}}}}}, "green", effect.CodeUnhealthy, "paid is 50% (wants > 97%)"},
		"not said":     {obj{"green": obj{"metrics": obj{"paid": 98.0}}}, "green", effect.CodeNoData, "queue has no data (wants < 100): the scenario does not say it"},
		"no more":      {obj{"green": obj{"metrics": obj{"paid": 98.0, "queue": effect.Func(func(effect.Moment) (any, error) { return nil, nil })}}}, "green", effect.CodeNoData, "queue has no data"},
		"nothing said": {obj{}, "green", "", ""},
	} {
		s := modeltest.NewStage(t, Module(), c.world)
		v, err := s.Run("health.watch", obj{"env": c.env, "during": "2m", "slo": slo})
		if c.code == "" && (err != nil || len(v["metrics"].(obj)) != 2) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
		if c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNamesOfMetrics: slips are refused, and words that mean something else.
func TestNamesOfMetrics(t *testing.T) {
	for name, hint := range map[string]string{"queue": "", "p90_latency": "", "error_budget": "", "checkout_rate": "", "p99_latncy": "p99_latency", "eror_rate": "error_rate",
		"uptimes": "uptime", "metrics": "another meaning", "Queue": "small letters", "a-b": "small letters"} {
		err := CheckMetric(name)
		if (err == nil) != (hint == "") || err != nil && !strings.Contains(err.Hint, hint) {
			t.Errorf("%s: %v, want %q", name, err, hint)
		}
	}
	for text, want := range map[string]float64{"< 100": 100, "> 97%": 97, "<= 200ms": 0.2, "< -3.5": -3.5} {
		if _, bound, ok := Bound("queue", text); !ok || bound != want {
			t.Errorf("%s is %v, %v", text, bound, ok)
		}
		x, err := readThreshold("queue", text)
		if err != nil || !x.holds(x.kept(true)) || x.holds(x.kept(false)) {
			t.Errorf("%s: %v kept, %v broken", text, x.kept(true), x.kept(false))
		}
	}
	if _, _, ok := Bound("queue", "< many"); ok {
		t.Error("many is no number")
	}
}
