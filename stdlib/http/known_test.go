package http

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestTheServiceKnowsARepetition: what a request carries its key in is done
// once, and answered the same; without one it is done each time.
func TestTheServiceKnowsARepetition(t *testing.T) {
	count := effect.Func(func(m effect.Moment) (any, error) {
		vars, _ := m.World("http")["vars"].(obj)
		n, _ := vars["n"].(float64)
		return obj{"n": n + 1}, nil
	})
	for _, tt := range []struct {
		name string
		args obj
		want float64
	}{
		{"with a key", obj{"key_header": "Idempotency-Key"}, 1},
		{"with a key of its own", obj{"headers": obj{"Idempotency-Key": "7"}}, 1},
		{"without", obj{}, 2},
	} {
		m := NewModel()
		if err := m.Load(obj{"vars": obj{"n": 0.0}, "responses": obj{"POST https://pay/": obj{"apply": count}}}); err != nil {
			t.Fatal(err)
		}
		tt.args["url"], tt.args["method"] = "https://pay/", "POST"
		at := effect.Moment{Now: time.Unix(0, 0), Key: "k1", World: func(string) map[string]any { return nil }}
		for range 2 {
			if _, err := m.Do(at, "request", tt.args); err != nil {
				t.Fatal(err)
			}
		}
		if got := m.State(at)["vars"].(obj)["n"]; got != tt.want {
			t.Errorf("%s: it was done %v times, want %v", tt.name, got, tt.want)
		}
		at.Key = "k2"
		if _, err := m.Clone().Do(at, "request", tt.args); err != nil || m.State(at)["vars"].(obj)["n"] != tt.want {
			t.Errorf("%s: a copy and the model share what they know (%v)", tt.name, err)
		}
	}
}
