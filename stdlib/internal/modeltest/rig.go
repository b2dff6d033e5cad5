// Package modeltest tries models and composites: every call passes the
// contract, every result fits it, and a failure changes nothing.
package modeltest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Start returns when every rig begins.
func Start() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }

// Rig is a model with a clock, and the contract that it is held against.
type Rig struct {
	T      *testing.T
	Name   string
	Model  effect.Model
	Ops    map[string]*effect.Op
	Now    time.Time
	Calls  int
	Others map[string]map[string]any // the world's other modules
	Dirty  bool
}

// New returns the model of a module with a scenario loaded; nil loads none.
func New(t *testing.T, module effect.Module, scenario map[string]any) *Rig {
	t.Helper()
	r := &Rig{T: t, Name: module.Name, Model: module.Model(), Ops: map[string]*effect.Op{}, Now: Start()}
	for i := range module.Ops {
		r.Ops[module.Ops[i].Name] = &module.Ops[i]
	}
	if scenario != nil {
		if err := r.Model.Load(scenario); err != nil {
			t.Fatalf("load: %v", err)
		}
	}
	return r
}

// Moment is now, for the model.
func (r *Rig) Moment() effect.Moment {
	return effect.Moment{Now: r.Now, Start: Start(), Key: fmt.Sprintf("key-%d", r.Calls), Dirty: r.Dirty,
		World: func(module string) map[string]any {
			if module == r.Name {
				r.T.Errorf("the model of %s asks the world for itself", module)
			}
			return r.Others[module]
		}}
}

// Try carries an op out as a new call: arguments and results pass the
// contract, and a failure changes nothing.
func (r *Rig) Try(op string, args map[string]any) (map[string]any, *effect.Error) {
	r.T.Helper()
	r.Calls++
	return r.Again(op, args)
}

// Again is try with the key of the call before.
func (r *Rig) Again(op string, args map[string]any) (map[string]any, *effect.Error) {
	r.T.Helper()
	declared := r.Ops[op]
	if declared == nil {
		r.T.Fatalf("no op %s.%s", r.Name, op)
	}
	checked, err := declared.Check(args)
	if err != nil {
		r.T.Fatalf("%s.%s: %v", r.Name, op, err)
	}
	m := r.Moment()
	before := r.Encoded()
	v, err := r.Model.Do(m, op, checked)
	if err != nil {
		e, ok := err.(*effect.Error)
		if !ok {
			r.T.Fatalf("%s.%s fails with a %T: %v", r.Name, op, err, err)
		}
		if after := r.Encoded(); after != before && declared.ClassFor(checked).Writes() {
			r.T.Errorf("%s.%s failed (%v) and changed the state from\n%s to\n%s", r.Name, op, e, before, after)
		}
		return nil, e
	}
	value, ok := v.(map[string]any)
	if !ok {
		r.T.Fatalf("%s.%s returned a %T", r.Name, op, v)
	}
	if _, err := effect.CheckFields(declared.Returns, nil, value); err != nil {
		r.T.Errorf("%s.%s returned %v, which does not fit the contract: %v", r.Name, op, value, err)
	}
	return value, nil
}

// Must is try for what has to succeed.
func (r *Rig) Must(op string, args map[string]any) map[string]any {
	r.T.Helper()
	v, err := r.Try(op, args)
	if err != nil {
		r.T.Fatalf("%s.%s %v: %v (hint %q)", r.Name, op, args, err, err.Hint)
	}
	return v
}

// Fails is try for what has to fail with a code and words.
func (r *Rig) Fails(op string, args map[string]any, code effect.Code, says ...string) *effect.Error {
	r.T.Helper()
	v, err := r.Try(op, args)
	if err == nil || err.Code != code {
		r.T.Errorf("%s.%s %v: %v, %v; want the code %s", r.Name, op, args, v, err, code)
		return &effect.Error{}
	}
	for _, s := range says {
		if !strings.Contains(err.Message+" | "+err.Hint, s) {
			r.T.Errorf("%s.%s: %q (hint %q) does not hold %q", r.Name, op, err.Message, err.Hint, s)
		}
	}
	return err
}

// Pass lets time pass.
func (r *Rig) Pass(d time.Duration) { r.Now = r.Now.Add(d) }

// State returns what invariants see of the module.
func (r *Rig) State() map[string]any { return r.Model.State(r.Moment()) }

// Encoded returns the state in canonical form.
func (r *Rig) Encoded() string {
	r.T.Helper()
	data, err := effect.Encode(r.State(), nil)
	if err != nil {
		r.T.Fatalf("the state of %s: %v", r.Name, err)
	}
	return string(data)
}

// Is compares plain data.
func Is(t *testing.T, what string, got, want any) {
	t.Helper()
	g, err := effect.Encode(got, nil)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	w, err := effect.Encode(want, nil)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !bytes.Equal(g, w) {
		t.Errorf("%s is %s, want %s", what, g, w)
	}
}

// At digs a value out of nested tables.
func At(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}
