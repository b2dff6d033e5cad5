package stdlib

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Models returns a model of each standard module, in the state that holds
// where a scenario says nothing: what can be assumed is, and says so in its
// State; the rest is refused with the code "unsupported" and a hint what to
// write.
func Models() map[string]effect.Model {
	return map[string]effect.Model{
		"traffic": newTrafficModel(), "health": newHealthModel(), "db": newDBModel(), "dns": newDNSModel(),
		"ipfs": newIPFSModel(), "notify": newNotifyModel(), "deploy": newDeployModel(), "exec": newExecModel(),
		"secrets": newSecretsModel(), "http": newHTTPModel(), "files": newFilesModel(),
	}
}

// loadState verifies what a scenario says of a module. Functions may stand at
// the places that match one of the patterns, "servers.*.status"; they come
// back at the same places, uncalled. The error is a *FieldError.
func loadState(fields []effect.Field, rest *effect.Field, state map[string]any, functions ...string) (map[string]any, error) {
	found := map[string]effect.Func{}
	plain, err := withoutFuncs("", state, found)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if !slices.ContainsFunc(functions, func(p string) bool { return matches(p, path) }) {
			hint := "functions may stand at " + strings.Join(functions, ", ")
			if len(functions) == 0 {
				hint = "write the value itself"
			}
			return nil, &effect.FieldError{Path: strings.ReplaceAll(path, "\x00", "."), Problem: "may not be a function", Hint: hint}
		}
	}
	checked, err := effect.CheckFields(fields, rest, plain.(map[string]any))
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		graft(checked, strings.Split(path, "\x00"), found[path])
	}
	return checked, nil
}

// withoutFuncs returns a deep copy of a value without the functions in its
// tables, which it collects by path. The parts of a path are divided by NUL:
// names hold dots.
func withoutFuncs(path string, v any, found map[string]effect.Func) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			at := k
			if path != "" {
				at = path + "\x00" + k
			}
			if f, ok := e.(effect.Func); ok {
				found[at] = f
				continue
			}
			c, err := withoutFuncs(at, e, found)
			if err != nil {
				return nil, err
			}
			out[k] = c
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			if _, ok := e.(effect.Func); ok {
				return nil, &effect.FieldError{Path: strings.ReplaceAll(path, "\x00", "."), Problem: "may not hold functions"}
			}
			c, err := withoutFuncs(fmt.Sprintf("%s\x00%d", path, i+1), e, found)
			if err != nil {
				return nil, err
			}
			out[i] = c
		}
		return out, nil
	}
	return v, nil
}

// matches reports whether a path fits a pattern, in which * stands for one
// name.
func matches(pattern, path string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(path, "\x00")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == "*" || w == h })
}

// graft puts a function into nested tables.
func graft(into map[string]any, path []string, f effect.Func) {
	for _, name := range path[:len(path)-1] {
		next, _ := into[name].(map[string]any)
		if next == nil {
			next = map[string]any{}
			into[name] = next
		}
		into = next
	}
	into[path[len(path)-1]] = f
}

// resolve returns a value of a scenario, which may be a function of the world.
// A function is not called where the moment has no World: then a function of
// another module's state asks for this one, and would ask itself in the end.
func resolve(m effect.Moment, v any) (any, *effect.Error) {
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

// resolveAs is resolve for a value that a field declares.
func resolveAs(m effect.Moment, f effect.Field, v any) (any, *effect.Error) {
	got, e := resolve(m, v)
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

// owning lets functions of a scenario see the state of the module that acts.
func owning(m effect.Moment, module string, state func() map[string]any) effect.Moment {
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

// cannotTell refuses what would have to be invented.
func cannotTell(example, format string, args ...any) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "it cannot be simulated: %s", fmt.Sprintf(format, args...)).
		WithHint("say it in a scenario: %s", example)
}

// noOp refuses an op that a model does not have.
func noOp(module, op string) *effect.Error {
	return effect.Errorf(effect.CodeUnsupported, "%s.%s cannot be simulated: its model does not have it", module, op).
		WithHint("the ops of %s are listed by its contract", module)
}

// notFound is for a name that does not exist, with those that do.
func notFound(what, name string, known []string) *effect.Error {
	e := effect.Errorf(effect.CodeNotFound, "there is no %s %q", what, name)
	sort.Strings(known)
	hint := "known: " + strings.Join(known, ", ")
	if len(known) == 0 {
		hint = "there is none at all"
	}
	if near := effect.DidYouMean(name, known); near != "" {
		hint = near + " " + hint
	}
	return e.WithHint("%s", hint)
}

// copyOf returns a deep copy of plain data; functions are shared.
func copyOf[T any](v T) T {
	c, _ := copyAny(v).(T)
	return c
}

func copyAny(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = copyAny(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = copyAny(e)
		}
		return out
	}
	return v
}

// table returns a member that is a table, or an empty one.
func table(m map[string]any, name string) map[string]any {
	t, _ := m[name].(map[string]any)
	if t == nil {
		t = map[string]any{}
	}
	return t
}

// toAny returns a list of plain data.
func toAny[T any](s []T) []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i]
	}
	return out
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// str returns a member that is a string, or "".
func str(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// num returns a member that is a number, or 0.
func num(m map[string]any, name string) float64 {
	n, _ := m[name].(float64)
	return n
}
