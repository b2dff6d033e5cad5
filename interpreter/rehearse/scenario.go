package rehearse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/interpreter/window"
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
	Faults  []FaultAt
	// Calendars are those of the configuration that the script meets, by name.
	Calendars map[string]window.Calendar
}

// FaultAt is a fault at an effect that is named by its place, by its op
// or by its step.
type FaultAt struct {
	Place effect.Place
	Op    string // full name: "traffic.split"
	Step  string // strikes the step's first effect that changes something, else its first
	Nth   int    // which effect of the op; 1 for the first
	Kind  simulate.Kind
}

// DefaultStart is when virtual time begins if a scenario does not say: a
// Monday morning. It never changes, so that output can be compared.
func DefaultStart() time.Time { return time.Date(2026, time.January, 5, 9, 0, 0, 0, time.UTC) }

// LoadScenario evaluates a scenario file. The models of the catalog's modules
// say which state these take. The error is a *script.Error with file and line, or a
// *effect.Stop when ctx ended.
func LoadScenario(ctx context.Context, src script.Source, loader script.Loader, catalog *effect.Catalog) (*Scenario, error) {
	table, err := ReadScenario(ctx, src, loader)
	if err != nil {
		return nil, err
	}
	s, err := ParseScenario(table, catalog)
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
	return &script.Error{Message: "scenario: " + bare.Error(), Hint: fe.Hint, Where: check.Locate(src, fe.Path)}
}

// Setup is the starting world: the models of the catalog's modules in the
// scenario's state, and what has to hold of them. The error is a
// *effect.FieldError.
func (s *Scenario) Setup(catalog *effect.Catalog) (simulate.Setup, error) {
	setup := simulate.Setup{Models: catalog.Models(), Catalog: catalog, Start: s.Start, Seed: s.Seed, Answers: s.Answers,
		Invariants: simulate.Standard(catalog)}
	if setup.Start.IsZero() {
		setup.Start = DefaultStart()
	}
	for _, name := range slices.Sorted(maps.Keys(s.World)) {
		model, ok := setup.Models[name]
		if !ok {
			return setup, unknownModule(name, setup.Models)
		}
		state := s.World[name]
		if m, _ := catalog.Module(name); m.Scenario.Declared() {
			var err error
			if state, err = m.Scenario.Check(state); err != nil {
				return setup, below("world."+name, err)
			}
		}
		if err := model.Load(state); err != nil {
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

// Scripted reports whether the scenario says anything of the world or of the
// people in it.
func (s *Scenario) Scripted() bool {
	return len(s.World) > 0 || len(s.Answers) > 0 || len(s.Faults) > 0 || len(s.Env) > 0
}

// Getenv is the environment of the scenario.
func (s *Scenario) Getenv(name string) (string, bool) {
	v, ok := s.Env[name]
	return v, ok
}
