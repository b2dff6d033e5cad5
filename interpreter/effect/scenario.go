package effect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ScenarioFields declare what a scenario may say of a module: the state in
// which its model starts. The zero value declares nothing; then the model alone
// says what it takes.
type ScenarioFields struct {
	Fields []Field
	// Rest, if set, admits keys beyond Fields, each of this shape: the targets
	// of health, by name.
	Rest *Field
	// Functions are the places at which a function of the world may stand
	// instead of a value, as paths in which * is any one name:
	// "servers.*.status".
	Functions []string
}

// Declared reports whether anything is declared.
func (s ScenarioFields) Declared() bool { return len(s.Fields) > 0 || s.Rest != nil }

// Check verifies a state as a scenario writes it, and returns it in canonical
// form, defaults filled in. Functions come back where they stood, uncalled. The
// error is a *FieldError.
func (s ScenarioFields) Check(state map[string]any) (map[string]any, error) {
	found := map[string]Func{}
	plain, err := withoutFuncs("", state, found)
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		if s.takesFunc(path) {
			continue
		}
		hint := "functions may stand at " + strings.Join(s.Functions, ", ")
		if len(s.Functions) == 0 {
			hint = "write the value itself"
		}
		return nil, &FieldError{Path: strings.ReplaceAll(path, "\x00", "."), Problem: "may not be a function", Hint: hint}
	}
	checked, err := CheckFields(s.Fields, s.Rest, plain.(map[string]any))
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		graft(checked, strings.Split(path, "\x00"), found[path])
	}
	return checked, nil
}

// takesFunc reports whether a function may stand at a path, whose parts are
// divided by NUL.
func (s ScenarioFields) takesFunc(path string) bool {
	have := strings.Split(path, "\x00")
	return slices.ContainsFunc(s.Functions, func(pattern string) bool {
		return slices.EqualFunc(strings.Split(pattern, "."), have, func(w, h string) bool { return w == "*" || w == h })
	})
}

// withoutFuncs returns a deep copy of a value without the functions in its
// tables, which it collects by path. The parts of a path are divided by NUL:
// names hold dots.
func withoutFuncs(path string, v any, found map[string]Func) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			at := k
			if path != "" {
				at = path + "\x00" + k
			}
			if f, ok := e.(Func); ok {
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
			if _, ok := e.(Func); ok {
				return nil, &FieldError{Path: strings.ReplaceAll(path, "\x00", "."), Problem: "may not hold functions"}
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

// graft puts a function into nested tables.
func graft(into map[string]any, path []string, f Func) {
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

// verifyScenario reports what is wrong with the declared state of the model.
func (m Module) verifyScenario() error {
	s := m.Scenario
	if !s.Declared() {
		return nil
	}
	if m.Model == nil {
		return fmt.Errorf("module %s declares what a scenario may say of it, and has no model", m.Name)
	}
	fields := s.Fields
	if s.Rest != nil {
		fields = append(fields[:len(fields):len(fields)], *s.Rest)
	}
	if err := Verify(fields); err != nil {
		return fmt.Errorf("module %s: what a scenario may say of it: %w", m.Name, err)
	}
	for i := range fields {
		if fields[i].Doc == "" {
			return fmt.Errorf("module %s: what a scenario may say of it: %q has no doc", m.Name, fields[i].Name)
		}
	}
	return nil
}
