package modeltest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// Stage performs a composite's effects on models, in virtual time.
type Stage struct {
	t       *testing.T
	Model   effect.Model
	catalog *effect.Catalog
	Now     time.Time
	Said    []string // the ops that were performed, time and marks left out
	Fail    map[string]*effect.Error
	// Deviate, if set, says what Deviations returns.
	Deviate func() ([]effect.Deviation, error)
	Logged  []string // texts of run.log
	Gates   []map[string]any
	n       int
}

// NewStage returns a stage with a scenario loaded.
func NewStage(t *testing.T, module effect.Module, scenario map[string]any) *Stage {
	t.Helper()
	c, err := effect.NewCatalog(module, effect.Control())
	if err != nil {
		t.Fatal(err)
	}
	s := &Stage{t: t, Model: module.Model(), catalog: c, Now: Start(), Fail: map[string]*effect.Error{}}
	if err := s.Model.Load(scenario); err != nil {
		t.Fatal(err)
	}
	return s
}

// Perform implements effect.Performer.
func (s *Stage) Perform(ctx context.Context, name string, args map[string]any) (any, error) {
	if comp, ok := s.catalog.Composite(name); ok {
		checked, err := comp.Check(args)
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
		return comp.Run(ctx, s, checked)
	}
	op, ok := s.catalog.Op(name)
	if !ok {
		s.t.Fatalf("there is no op %s", name)
	}
	checked, err := op.Check(args)
	if err != nil {
		s.t.Fatalf("%s %v: %v", name, args, err)
	}
	switch name {
	case effect.OpNow:
		return plain.Unix(s.Now), nil
	case effect.OpSleep:
		s.Now = s.Now.Add(effect.Seconds(checked["duration"].(float64)))
		return nil, nil
	case effect.OpGate:
		s.Gates = append(s.Gates, plain.Table(checked, "values"))
		return nil, nil
	case effect.OpLog:
		s.Logged = append(s.Logged, plain.Str(checked, "text"))
		return nil, nil
	}
	s.Said = append(s.Said, op.Name)
	if e := s.Fail[fmt.Sprintf("%s %v", name, args["to"])]; e != nil {
		return nil, e
	}
	s.n++
	if timed, ok := s.Model.(effect.Timed); ok {
		s.Now = s.Now.Add(timed.Takes(op.Name, checked))
	}
	return s.Model.Do(effect.Moment{Now: s.Now, Start: Start(), Key: fmt.Sprintf("key-%d", s.n),
		World: func(string) map[string]any { return nil }}, op.Name, checked)
}

// Deviations implements effect.Performer.
func (s *Stage) Deviations(context.Context) ([]effect.Deviation, error) {
	if s.Deviate == nil {
		return nil, nil
	}
	return s.Deviate()
}

// Run carries a composite out; its result has to fit the declaration.
func (s *Stage) Run(name string, args map[string]any) (map[string]any, *effect.Error) {
	s.t.Helper()
	v, err := s.Perform(s.t.Context(), name, args)
	if err != nil {
		if effect.AsStop(err) != nil {
			return nil, &effect.Error{Message: "stop: " + err.Error()}
		}
		return nil, effect.AsError(err)
	}
	comp, _ := s.catalog.Composite(name)
	if _, err := effect.CheckFields(comp.Returns, nil, v.(map[string]any)); err != nil {
		s.t.Errorf("%s returned %v: %v", name, v, err)
	}
	return v.(map[string]any), nil
}
