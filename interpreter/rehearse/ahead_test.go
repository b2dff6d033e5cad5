package rehearse_test

import (
	"slices"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// TestWhatComesNextIsToldOfTheRunItself: a wrong order is wrong where nothing fails,
// and no fault is blamed for it.
func TestWhatComesNextIsToldOfTheRunItself(t *testing.T) {
	for file, invariant := range map[string]string{
		"code-before-schema.bug.lua": "what is in service stays well on the way",
		"no-room.bug.lua":            "traffic is moved to what can take it",
	} {
		breaks := func(trial simulate.Trial) bool {
			return slices.ContainsFunc(trial.Broken, func(b simulate.Violation) bool { return b.Invariant == invariant })
		}
		found := exploreWith(t, file, 1, func(simulate.Schedule) {})
		at := slices.IndexFunc(found.Failures, breaks)
		if at < 0 || len(found.Failures[at].Schedule) > 0 {
			t.Errorf("%s: the first of %d failures that breaks it is number %d", file, len(found.Failures), at)
		}
		trial, err := seededExplorer(t, file, func(simulate.Schedule) {}).Reproduce(t.Context(), nil)
		if err != nil || !breaks(trial) {
			t.Errorf("%s: made again without a fault: %v, %v", file, trial.Broken, err)
		}
	}
}
