// Package flags declares a module: feature flags, each on for some percentage of
// users. What runbook does with it follows from here: the Lua functions, the
// checks of arguments, the dry run, what explore breaks and holds.
package flags

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Module returns what there is under the name flags.
func Module() effect.Module {
	flag := effect.Field{Name: "flag", Type: effect.String, Required: true, Pattern: `^[a-z][a-z0-9-]*$`, Doc: "which one"}
	percent := effect.Field{Name: "percent", Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(100), Doc: "how many of the users have it"}
	wanted := percent
	wanted.Required = true
	return effect.Module{Name: "flags", Doc: "Feature flags.",
		Ops: []effect.Op{
			{Module: "flags", Name: "get", Doc: "Read who has a flag", Class: effect.Read, Args: []effect.Field{flag}, Returns: []effect.Field{percent}},
			{Module: "flags", Name: "set", Doc: "Give a flag to a percentage of the users", Class: effect.Write, Recovery: effect.Observe,
				Args: []effect.Field{flag, wanted}, Returns: []effect.Field{percent}},
		},
		Model:    func() effect.Model { return &model{percents: map[string]any{}} },
		Scenario: effect.ScenarioFields{Rest: &percent},
		Invariants: []effect.Invariant{effect.LockedChanges("flags"),
			{Name: "no flag goes from nobody to everybody at once", After: stepwise},
			{Name: "a run that did not succeed leaves the flags as they were", End: takenBack}}}
}

// stepwise looks at what one effect changed.
func stepwise(_ *effect.View, e effect.Occurrence) string {
	for _, c := range e.Changes {
		if e.Wrote() && c.Module == "flags" && c.From == nil && c.To == 100.0 {
			return fmt.Sprintf("%s gave %s to everybody at once: begin with a few", e, c.Path[0])
		}
	}
	return ""
}

// takenBack looks at the world that a run has left.
func takenBack(v *effect.View, end effect.Ending) string {
	changes := v.Changes("flags")
	if end.Status != effect.StatusRolledBack || len(changes) == 0 {
		return ""
	}
	return fmt.Sprintf("the run was rolled back, and flag %s: say on_rollback before it is set", changes[0])
}
