package health

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// TestGreater holds the test against SciPy's mannwhitneyu, one-sided, asymptotic.
func TestGreater(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{19, 22, 16, 29, 24}, []float64{20, 11, 17, 12}, 0.0556734},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
	} {
		if got := greater(c.a, c.b); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%v beside %v: %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

// TestFalseAlarms: of watches of targets that do not differ, as few are called
// worse as is promised, and those that differ are found.
func TestFalseAlarms(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, scale float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = scale * math.Exp(0.3*random.NormFloat64())
		}
		return out
	}
	const looks, watches = 10, 2000
	metric, err := readThreshold("p99_latency", "< 1s")
	if err != nil {
		t.Fatal(err)
	}
	alarms := func(times float64) int {
		n := 0
		for range watches {
			is, base := draw(3*looks, 0.1*times), draw(3*looks, 0.1)
			for look := 1; look <= looks; look++ {
				if c := compare(metric, is[:3*look], base[:3*look], 0, looks); c.worse {
					n++
					break
				}
			}
		}
		return n
	}
	if n := alarms(1); n > watches*level {
		t.Errorf("%d of %d watches of equals found one worse", n, watches)
	}
	if n := alarms(1.5); n < watches*9/10 {
		t.Errorf("only %d of %d watches found one that is half as slow again", n, watches)
	}
}

// TestBaseline: a target may keep its thresholds and be worse than its baseline;
// too few samples are no data.
func TestBaseline(t *testing.T) {
	slo := obj{"p99_latency": "< 500ms", "error_rate": "< 5%", "throughput": "> 1"}
	slow := obj{"p99_latency": "90ms"}
	for name, c := range map[string]struct {
		green, args obj
		code        effect.Code
		says        string
	}{
		"alike":                   {obj{}, nil, "", ""},
		"slower":                  {slow, nil, effect.CodeUnhealthy, "beside blue p99_latency is worse: 90ms against 50ms (medians of 12 and 12 samples, p "},
		"slower, within a margin": {slow, obj{"margin": "100%"}, "", ""},
		"slower, not compared":    {slow, obj{"compare": []any{"error_rate"}}, "", ""},
		"slower, and no baseline": {slow, obj{"baseline": nil}, "", ""},
		"less is worse":           {obj{"throughput": 50.0}, obj{"compare": []any{"throughput"}}, effect.CodeUnhealthy, "beside blue throughput is worse: 50 against 100"},
		"no data at the end":      {obj{}, obj{"baseline": "red"}, effect.CodeNoData, "beside red error_rate has no data: 15 and 5 samples, too few to compare (10 each)"},
		"too short":               {obj{}, obj{"during": "2m"}, effect.CodeInvalid, "beside blue p99_latency cannot be compared: a sample takes 20s, of which 2m hold fewer than 10"},
	} {
		s := modeltest.NewStage(t, Module(), obj{"green": c.green, "blue": obj{},
			"red": obj{"error_rate": effect.Func(func(m effect.Moment) (any, error) { return since(m, 200), nil })}})
		args := obj{"env": "green", "baseline": "blue", "during": "5m", "every": "1m", "slo": slo}
		for k, v := range c.args {
			args[k] = v
		}
		_, err := s.Run("health.watch", args)
		if c.code == "" && err != nil || c.code != "" && (err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "slower" {
			if got := fmt.Sprint(s.Gates[3]["compared"]); !strings.Contains(got, "baseline_median:0.05 baseline_samples:12 median:0.09 metric:p99_latency p:") {
				t.Errorf("the gate holds %s", got)
			}
		}
	}
}

// TestBaselineArguments: what makes no sense is said before anything starts.
func TestBaselineArguments(t *testing.T) {
	op := watch().Op
	for want, args := range map[string]obj{
		"compare: needs a baseline":           {"compare": []any{"error_rate"}},
		"baseline: is the target itself":      {"baseline": "green"},
		"slo has no threshold for \"uptime\"": {"baseline": "blue", "compare": []any{"uptime"}},
		"holds nothing that is compared":      {"baseline": "blue", "slo": obj{"queue": "< 5"}},
	} {
		all := obj{"env": "green", "during": "5m", "slo": obj{"error_rate": "< 1%"}}
		for k, v := range args {
			all[k] = v
		}
		if _, err := op.Check(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

// since is nil until so many seconds have passed.
func since(m effect.Moment, seconds float64) any {
	if m.Now.Sub(m.Start).Seconds() <= seconds {
		return nil
	}
	return 0.0
}
