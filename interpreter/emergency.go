package interpreter

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// EmergencySource is the name under which a run pins the question that has to be
// agreed to before anything else, because it started where nothing was to start.
// No file that a script requires has it.
const EmergencySource = "emergency.json"

// emergencyQuestion is the place of that question.
var emergencyQuestion = effect.QuestionPlace(2)

// pinnedEmergency returns the arguments of the question as the run records them:
// no source without one.
func pinnedEmergency(args map[string]any) ([]journal.Source, error) {
	if args == nil {
		return nil, nil
	}
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("pin the question about the emergency: %w", err)
	}
	return []journal.Source{{Name: EmergencySource, Text: text}}, nil
}

// recordedEmergency returns what pinnedEmergency has pinned, or nil.
func recordedEmergency(sources pinnedSources) (args map[string]any, err error) {
	s, ok := sources[EmergencySource]
	if !ok {
		return nil, nil
	}
	if err := json.Unmarshal(s.Text, &args); err != nil {
		return nil, fmt.Errorf("the question about the emergency: %w", err)
	}
	return args, nil
}

// permitted asks whether the run may begin, if it has to: before it takes a lock.
func (k *walk) permitted(ctx context.Context) error {
	if k.Emergency == nil {
		return nil
	}
	op, _ := k.Stack.Catalog.Op(effect.OpApprove)
	args, err := op.Check(k.Emergency)
	if err != nil {
		return err
	}
	_, err = k.recorder.Do(ctx, effect.Call{Place: emergencyQuestion, Op: op, Args: args, Class: op.Class, Recovery: op.Recovery, Where: k.header.Where})
	return err
}
