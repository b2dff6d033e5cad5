package traffic

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestWhoStopsLeavesTheRestToPeople: only a run that rolls back answers for traffic on
// what turned bad.
func TestWhoStopsLeavesTheRestToPeople(t *testing.T) {
	weights := func(blue, green float64) func(string) map[string]any {
		return func(module string) map[string]any {
			if module != "traffic" {
				return nil
			}
			return map[string]any{"weights": map[string]any{"blue": blue, "green": green}}
		}
	}
	v := &effect.View{Begin: weights(100, 0), State: weights(50, 50), Bad: map[string]time.Time{"green": time.Unix(0, 0)}}
	for rollsBack, want := range map[bool]bool{true: true, false: false} {
		msg := noneLeftOnBad(v, effect.Ending{Status: effect.StatusFailed, RollsBack: rollsBack})
		if (msg != "") != want {
			t.Errorf("a run that rolls back: %v; said %q", rollsBack, msg)
		}
	}
}
