package interpreter

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// PlanSource is the name under which a run pins the plan that it is held to.
// No file that a script requires has it.
const PlanSource = "plan.json"

// pinnedPlan returns the plan as the run records it: no source without one.
func pinnedPlan(p *simulate.Plan) ([]journal.Source, error) {
	if p == nil {
		return nil, nil
	}
	text, err := p.Encode()
	if err != nil {
		return nil, err
	}
	return []journal.Source{{Name: PlanSource, Text: text}}, nil
}

// recordedPlan returns the plan that a run has pinned, or nil.
func recordedPlan(sources pinnedSources) (*simulate.Plan, error) {
	s, ok := sources[PlanSource]
	if !ok {
		return nil, nil
	}
	p, err := simulate.DecodePlan(s.Text)
	if err != nil {
		return nil, fmt.Errorf("the plan that the run is held to: %w", err)
	}
	return p, nil
}

// guarded puts the guard of the run's plan, if it has one, above the Recorder.
func (k *walk) guarded() effect.Handler {
	if k.Plan == nil {
		return k.recorder
	}
	approve, ok := k.Stack.Catalog.Op(effect.OpApprove)
	if !ok {
		return k.recorder
	}
	return simulate.NewGuard(k.Plan, approve, func() map[string]any { return k.header.Unplanned }, k.recorder)
}
