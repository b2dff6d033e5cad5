package health

import (
	"fmt"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

// TestWarnings: what is beyond a warning is said once, stands in the record of
// each window, and breaks nothing; what breaks the watch is no warning beside it.
func TestWarnings(t *testing.T) {
	s := modeltest.NewStage(t, Module(), obj{"green": obj{"metrics": obj{"queue": 5.0}, "timeline": []any{
		obj{"at": "31s", "error_rate": "0.7%"}, obj{"at": "91s", "error_rate": 0.0}, obj{"at": "4m", "error_rate": "2%", "p99_latency": "400ms"}}}})
	slo, warning := obj{"error_rate": "<= 1%", "p99_latency": "<= 500ms"}, obj{"error_rate": "<= 0.5%", "p99_latency": "<= 300ms", "queue": "< 9"}
	if v, err := s.Run("health.watch", obj{"env": "green", "during": "3m", "every": "30s", "slo": slo, "warning": warning}); err != nil || v["measurements"] != 6.0 {
		t.Fatalf("%v, %v", v, err)
	}
	if got, want := strings.Join(s.Logged, "|"), "green: error_rate is 0.7% (wants <= 0.5%)|green is within its warnings again"; got != want {
		t.Errorf("logged %q, want %q", got, want)
	}
	var warned []string
	for _, g := range s.Gates {
		warned = append(warned, fmt.Sprint(g["warned"]))
	}
	if got, want := strings.Join(warned, "; "), "<nil>; [error_rate is 0.7% (wants <= 0.5%)]; [error_rate is 0.7% (wants <= 0.5%)]; <nil>; <nil>; <nil>"; got != want {
		t.Errorf("the gates say %s, want %s", got, want)
	}
	_, err := s.Run("health.watch", obj{"env": "green", "during": "3m", "every": "30s", "slo": slo, "warning": warning})
	if err == nil || err.Code != effect.CodeUnhealthy || !strings.HasSuffix(err.Message, "error_rate is 2% (wants <= 1%)") {
		t.Errorf("%v", err)
	}
	if got, want := fmt.Sprint(s.Gates[len(s.Gates)-1]["warned"]), "[p99_latency is 400ms (wants <= 300ms)]"; got != want {
		t.Errorf("the last gate says %s, want %s", got, want)
	}
}

func TestEvaluate(t *testing.T) {
	unseen := effect.Func(func(effect.Moment) (any, error) { return nil, nil })
	s := modeltest.NewStage(t, Module(), obj{
		"green": obj{"error_rate": "2%", "p99_latency": "400ms", "uptime": unseen, "metrics": obj{"queue": 5.0}},
		"blue":  obj{"metrics": obj{"queue": 3.0}},
	})
	rules := obj{"critical": obj{"error_rate": "<= 1%", "p99_latency": "<= 500ms", "uptime": ">= 99.5%"},
		"warning": obj{"error_rate": "<= 0.5%", "p99_latency": "<= 300ms", "queue": "< 4"}, "env": "green"}
	v, err := s.Run("health.evaluate", rules)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range v["alerts"].([]any) {
		a := a.(map[string]any)
		got = append(got, fmt.Sprintf("%s %s %s: %s", a["severity"], a["name"], a["env"], a["summary"]))
	}
	want := []string{"critical error_rate green: error_rate is 2% (wants <= 1%)", "critical uptime green: uptime has no data (wants >= 99.5%)",
		"warning p99_latency green: p99_latency is 400ms (wants <= 300ms)", "warning queue green: queue is 5 (wants < 4)"}
	for i, text := range want {
		if i >= len(got) || !strings.HasPrefix(got[i], text) {
			t.Fatalf("alerts:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if v["count"] != 4.0 || v["error_rate"] != 2.0 || fmt.Sprint(v["metrics"]) != "map[queue:5]" {
		t.Errorf("%v", v)
	}
	rules["env"] = "blue"
	if v, err := s.Run("health.evaluate", rules); err != nil || v["count"] != 0.0 {
		t.Errorf("of a target that is well: %v, %v", v, err)
	}
	op := evaluate().Op
	for args, says := range map[*obj]string{
		{"env": "green"}:                                           "there is no rule to evaluate",
		{"env": "green", "critical": obj{}}:                        "critical: names no metric",
		{"env": "green", "warning": obj{"eror_rate": "<= 1%"}}:     "warning.eror_rate",
		{"env": "green", "warning": obj{"error_rate": "up to 1%"}}: "wants a comparison",
	} {
		if _, err := op.Check(*args); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, want %q", *args, err, says)
		}
	}
}
