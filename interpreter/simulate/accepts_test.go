package simulate_test

import (
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestAnAcceptedFindingBreaksNothing, and hides no other one of the same invariant.
func TestAnAcceptedFindingBreaksNothing(t *testing.T) {
	dark := effect.Invariant{Name: "no lamp is touched", After: func(_ *effect.View, e effect.Occurrence) string {
		return e.Args["lamp"].(string) + " is touched"
	}}
	for _, c := range []struct {
		name     string
		accepts  []effect.Acceptance
		broken   string // of the run without a fault
		accepted []int
	}{
		{"none", nil, "a is touched", []int{}},
		{"every one", []effect.Acceptance{{Invariant: dark.Name, Why: "as it is"}}, "", []int{1}},
		{"one of two", []effect.Acceptance{{Invariant: dark.Name, About: "a is", Why: "as it is"}}, "b is touched", []int{1}},
		{"another", []effect.Acceptance{{Invariant: dark.Name, About: "c is", Why: "as it is"}, {Invariant: dark.Name, About: "b is"}}, "a is touched", []int{0, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			setup := toySetup(t, dark)
			setup.Accepts = c.accepts
			found := explore(t, simulate.Explorer{Runner: toy{t: t, steps: []string{"street.light a", "street.light b"}}, Setup: setup})
			base, said := &found.Baseline, ""
			if len(base.Broken) > 0 {
				said = base.Broken[0].Message
			}
			if len(base.Broken) > 1 || said != c.broken {
				t.Errorf("broken: %v", base.Broken)
			}
			if (found.Broken == 0) != (c.broken == "") {
				t.Errorf("%d schedules are broken", found.Broken)
			}
			for i, n := range c.accepted {
				if (found.Accepted[i] > 0) != (n > 0) {
					t.Errorf("accepted: %v", found.Accepted)
				}
			}
			if got := slices.Collect(func(yield func(string) bool) {
				for _, v := range base.Accepted {
					yield(v.Message)
				}
			}); (len(got) > 0) != slices.Contains(c.accepted, 1) {
				t.Errorf("accepted without a fault: %v", got)
			}
		})
	}
}
