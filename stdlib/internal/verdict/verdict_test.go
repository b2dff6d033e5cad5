package verdict

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

type obj = map[string]any

func TestUnwell(t *testing.T) {
	for _, tt := range []struct {
		name    string
		is, was obj
		want    string
	}{
		{"nothing is declared", obj{}, nil, ""},
		{"well", obj{"healthy": true, "error_rate": 0.5, "p99_latency": 0.3, "uptime": 99.0}, obj{"p99_latency": 0.05}, ""},
		{"checks fail", obj{"healthy": false}, nil, "it is not healthy"},
		{"taken for granted", obj{"healthy": false, "assumed": true}, nil, ""},
		{"by a fault", obj{"healthy": false, "bad": "unhealthy"}, nil, ""},
		{"errors", obj{"error_rate": 12.0}, obj{"error_rate": 0.0}, "12% of its requests fail"},
		{"as before", obj{"error_rate": 12.0}, obj{"error_rate": 12.0}, ""},
		{"slow", obj{"p99_latency": 2.0}, obj{"p99_latency": 0.05}, "its slowest requests take 2s"},
		{"slow as ever", obj{"p99_latency": 2.0}, obj{"p99_latency": 1.0}, ""},
		{"slower, and quick enough", obj{"p99_latency": 0.3}, obj{"p99_latency": 0.01}, ""},
		{"often down", obj{"uptime": 80.0}, obj{"uptime": 100.0}, "it is up 80% of the time"},
	} {
		if got := Unwell(tt.is, tt.was); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestTurnsAndMade: what turns bad by the time and what a run made bad are told
// apart.
func TestTurnsAndMade(t *testing.T) {
	sick, well := obj{"api": obj{"error_rate": 9.0}}, obj{"api": obj{"error_rate": 0.0}}
	state := func(s obj) func(string) map[string]any { return func(string) map[string]any { return s } }
	from := func(at time.Duration) func(string, time.Duration) map[string]any {
		return func(_ string, in time.Duration) map[string]any {
			if in >= at {
				return sick
			}
			return well
		}
	}
	v := &effect.View{Begin: state(well), State: state(well), Later: from(7 * time.Minute), Untouched: state(well)}
	if in, why := Turns(v, "api"); in != 7*time.Minute || why != "9% of its requests fail" {
		t.Errorf("it turns bad in %s: %q", in, why)
	}
	v.Later = from(2 * ahead)
	if in, why := Turns(v, "api"); why != "" {
		t.Errorf("it turns bad in %s: %q; that is too far ahead", in, why)
	}
	if why := Made(v, "api"); why != "" {
		t.Errorf("well, and made bad: %q", why)
	}
	v.State, v.Later = state(sick), from(0)
	if in, why := Turns(v, "api"); why != "" {
		t.Errorf("bad already, and turns bad in %s: %q", in, why)
	}
	if why := Made(v, "api"); why != "9% of its requests fail" {
		t.Errorf("made bad: %q", why)
	}
	v.Untouched = state(sick)
	if why := Made(v, "api"); why != "" {
		t.Errorf("made bad by the time: %q", why)
	}
}

// TestRecovers: what has to start gets well by itself, and what lacks something
// does not.
func TestRecovers(t *testing.T) {
	at := func(rate float64) obj { return obj{"api": obj{"error_rate": rate}} }
	for name, c := range map[string]struct {
		after time.Duration
		want  bool
	}{"at once": {0, true}, "in four minutes": {4 * time.Minute, true}, "in a day": {24 * time.Hour, false}} {
		v := &effect.View{Begin: func(string) map[string]any { return at(0) },
			Later: func(_ string, in time.Duration) map[string]any {
				if in >= c.after {
					return at(0)
				}
				return at(9)
			}}
		if got := Recovers(v, "api"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Recovers(&effect.View{}, "api") {
		t.Error("nobody knows, and it recovers")
	}
}
