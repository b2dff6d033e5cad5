package database

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

// Ops are those that a backend carries out, each by a method of J: a Call, and
// the database that it means.
type Ops[J any] struct {
	Backend string
	Hint    string // to those who call an op that it does not have
	Do      map[string]func(J) (map[string]any, *effect.Error)
	// See holds what can be asked about, by the ops that change something. The
	// value counts if the change was made.
	See map[string]func(J) (effect.Observed, map[string]any, *effect.Error)
}

// Invoke carries a request out. begin finds the database.
func (o Ops[J]) Invoke(ctx context.Context, req plugins.Request, begin func(*Call) (J, *effect.Error)) (any, error) {
	do, ok := o.Do[req.Op]
	if !ok {
		return nil, effect.Errorf(effect.CodeUnsupported, "the %s backend has no op called %q", o.Backend, req.Op).WithHint("%s", o.Hint)
	}
	call, cancel := NewCall(ctx, req)
	defer cancel()
	j, e := begin(call)
	if e != nil {
		return nil, e
	}
	if call.Ctx.Err() != nil {
		return nil, call.Ended("the call")
	}
	value, e := do(j)
	if e != nil {
		return nil, e
	}
	return value, nil
}

// Observe says what became of a request, as far as that can be seen.
func (o Ops[J]) Observe(ctx context.Context, req plugins.Request, begin func(*Call) (J, *effect.Error)) (plugins.Observation, error) {
	see, ok := o.See[req.Op]
	if !ok {
		return plugins.Observation{State: effect.Uncertain}, nil
	}
	call, cancel := NewCall(ctx, req)
	defer cancel()
	j, e := begin(call)
	if e != nil {
		return plugins.Observation{}, e
	}
	state, value, e := see(j)
	if e != nil {
		return plugins.Observation{}, e
	}
	seen := plugins.Observation{State: state}
	if state == effect.Applied {
		seen.Value = value
	}
	return seen, nil
}
