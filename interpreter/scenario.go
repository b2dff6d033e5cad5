package interpreter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Scenario is a scripted world: where a rehearsal starts, what happens in it,
// and what people say. The zero value is a world of defaults.
type Scenario struct {
	Name    string // of the file; empty for one that is given inline
	Start   time.Time
	Seed    int64
	Params  map[string]any    // defaults of the run, as written
	Secrets map[string]string // test values, by reference: "env:TOKEN"
	Env     map[string]string // what env() returns
	World   map[string]map[string]any
	Answers map[string]simulate.Answer
	Faults  []ScenarioFault
}

// ScenarioFault is a fault at an effect that is named by its place, by its op
// or by its step.
type ScenarioFault struct {
	Place string
	Op    string // full name: "traffic.split"
	Step  string // strikes the step's first effect that changes something, else its first
	Nth   int    // which effect of the op; 1 for the first
	Kind  simulate.Kind
}

// ScenarioStart is when virtual time begins if a scenario does not say: a
// Monday morning. It never changes, so that output can be compared.
func ScenarioStart() time.Time { return time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC) }

// LoadScenario evaluates a scenario file. The models say which state the
// modules take. The error is a *script.Error with file and line, or a
// *effect.Stop when ctx ended.
func LoadScenario(ctx context.Context, src script.Source, loader script.Loader, catalog *effect.Catalog,
	models map[string]effect.Model) (*Scenario, error) {
	table, err := ReadScenario(ctx, src, loader)
	if err != nil {
		return nil, err
	}
	s, err := ParseScenario(table, catalog, models)
	if err != nil {
		return nil, located(src, err)
	}
	s.Name = src.Name
	return s, nil
}

// ReadScenario evaluates a scenario file and returns its table as it stands
// there, for ParseScenario.
func ReadScenario(ctx context.Context, src script.Source, loader script.Loader) (map[string]any, error) {
	v, err := script.Evaluate(ctx, src, loader, nil)
	if err != nil {
		return nil, err
	}
	table, ok := v.(map[string]any)
	if !ok {
		return nil, &script.Error{Where: effect.Position{File: src.Name, Line: 1}, Message: "a scenario file returns a table",
			Hint: "write return { world = { … } }"}
	}
	return table, nil
}

// located gives a FieldError the line that it is about.
func located(src script.Source, err error) error {
	var fe *effect.FieldError
	if !errors.As(err, &fe) {
		return err
	}
	bare := *fe
	bare.Hint = ""
	return &script.Error{Message: "scenario: " + bare.Error(), Hint: fe.Hint, Where: script.Locate(src, fe.Path)}
}

// Setup is the starting world: copies of the models in the scenario's state.
// The error is a *effect.FieldError.
func (s *Scenario) Setup(models map[string]effect.Model, invariants []simulate.Invariant) (simulate.Setup, error) {
	setup := simulate.Setup{Models: map[string]effect.Model{}, Start: s.Start, Seed: s.Seed, Answers: s.Answers, Invariants: invariants}
	if setup.Start.IsZero() {
		setup.Start = ScenarioStart()
	}
	for name, model := range models {
		setup.Models[name] = model.Clone()
	}
	for _, name := range slices.Sorted(maps.Keys(s.World)) {
		model, ok := setup.Models[name]
		if !ok {
			return setup, unknownModule(name, models)
		}
		if err := model.Load(s.World[name]); err != nil {
			return setup, below("world."+name, err)
		}
	}
	return setup, nil
}

func unknownModule(name string, models map[string]effect.Model) error {
	known := slices.Sorted(maps.Keys(models))
	hint := effect.DidYouMean(name, known)
	if hint == "" {
		hint = fmt.Sprintf("known: %v", known)
	}
	return &effect.FieldError{Path: "world." + name, Problem: "there is no module of that name with a model", Hint: hint}
}

// below puts a path before that of a FieldError.
func below(path string, err error) error {
	var fe *effect.FieldError
	if !errors.As(err, &fe) {
		return &effect.FieldError{Path: path, Problem: err.Error()}
	}
	c := *fe
	switch {
	case c.Path == "":
		c.Path = path
	case c.Path[0] == '[':
		c.Path = path + c.Path
	default:
		c.Path = path + "." + c.Path
	}
	return &c
}

// Resolve returns the run's parameters in canonical form: those of the
// scenario, overridden by given. A secret is written as its reference and gets
// the scenario's test value, or a made-up one: a rehearsal never needs the
// real one. The error is a *effect.FieldError.
func (s *Scenario) Resolve(fields []effect.Field, given map[string]any) (map[string]any, error) {
	values := maps.Clone(s.Params)
	if values == nil {
		values = map[string]any{}
	}
	maps.Copy(values, given)
	for i := range fields {
		f := &fields[i]
		if ref, ok := values[f.Name].(string); ok && f.Secret {
			values[f.Name] = s.Secret(ref)
		}
	}
	out, err := effect.CheckFields(fields, nil, values)
	if err != nil {
		return nil, below("params", err)
	}
	return out, nil
}

// Secret returns the test value of a secret.
func (s *Scenario) Secret(ref string) effect.Secret {
	if value, ok := s.Secrets[ref]; ok {
		return effect.NewSecret(ref, value)
	}
	return effect.NewSecret(ref, "the rehearsed value of "+ref)
}

// Getenv is the environment of the scenario.
func (s *Scenario) Getenv(name string) (string, bool) {
	v, ok := s.Env[name]
	return v, ok
}
