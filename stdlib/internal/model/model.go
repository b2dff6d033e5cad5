// Package model holds what the standard modules' models have in common: reading
// a scenario strictly, values that are functions of the world, and refusing
// what would have to be invented.
package model

import (
	"fmt"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Resolve returns a value of a scenario, which may be a function of the world.
// A function is not called where the moment has no World: then a function of
// another module's state asks for this one, and would ask itself in the end.
func Resolve(m effect.Moment, v any) (any, *effect.Error) {
	f, ok := v.(effect.Func)
	if !ok {
		return v, nil
	}
	if m.World == nil {
		return nil, effect.Errorf(effect.CodeUnsupported, "a value that depends on the world cannot be told here")
	}
	got, err := f(m)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "a function of the scenario failed: %v", err).WithHint("mend it in the scenario")
	}
	return got, nil
}

// ResolveAs is resolve for a value that a field declares.
func ResolveAs(m effect.Moment, f effect.Field, v any) (any, *effect.Error) {
	got, e := Resolve(m, v)
	if e != nil || got == nil {
		return nil, e
	}
	if _, isFunc := v.(effect.Func); !isFunc {
		return got, nil // checked when it was loaded
	}
	c, err := f.Check(got)
	if err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "a function of the scenario returned a bad %s: %v", f.Name, err).WithHint("mend it in the scenario")
	}
	return c, nil
}

// Owning lets functions of a scenario see the state of the module that acts.
func Owning(m effect.Moment, module string, state func() map[string]any) effect.Moment {
	others := m.World
	if others == nil {
		return m
	}
	m.World = func(name string) map[string]any {
		if name == module {
			return state()
		}
		return others(name)
	}
	return m
}

// CannotTell refuses what would have to be invented.
func CannotTell(example, format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "it cannot be simulated: %s", fmt.Sprintf(format, args...)).
		WithHint("say it in a scenario: %s", example)
}

// NoOp refuses an op that a model does not have.
func NoOp(module, op string) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "%s.%s cannot be simulated: its model does not have it", module, op).
		WithHint("the ops of %s are listed by its contract", module)
}

// NotFound is for a name that does not exist, with those that do.
func NotFound(what, name string, known []string) *effect.Error {
	sort.Strings(known)
	return effect.Errorf(effect.CodeNotFound, "there is no %s %q", what, name).WithHint("%s", effect.Among("known: ", name, known))
}

// Assuming returns what is taken for granted if something is, and "" if not:
// see effect.Assumer.
func Assuming(something bool, what string) string {
	if something {
		return what
	}
	return ""
}

// Whole names what a call is about, "db of orders", or all of its module where
// it leaves that to the configuration.
func Whole(module, name string) string {
	if name == "" {
		return module + " as it is configured"
	}
	return module + " of " + name
}
