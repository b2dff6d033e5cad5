package language

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// paramName reports whether a parameter may be called so.
func paramName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}

// Param turns the attributes of a parameter, checked against
// AttributeFields, into its field. The error's path is the attribute that is
// wrong.
func Param(name string, values map[string]any) (effect.Field, *effect.FieldError) {
	field := effect.Field{Name: name, Type: effect.String, Default: values["default"]}
	field.Doc, _ = values["doc"].(string)
	field.Required, _ = values["required"].(bool)
	if !paramName(name) {
		return field, &effect.FieldError{Problem: "a name consists of letters, digits and _, and does not begin with a digit"}
	}
	if problem := setType(&field, "type", values["type"]); problem != nil {
		return field, problem
	}
	if list, ok := values["values"].([]any); ok {
		for _, v := range list {
			if s, ok := v.(string); ok {
				field.Enum = append(field.Enum, s)
			}
		}
		if values["type"] == nil {
			field.Type = effect.Enum
		}
	}
	if field.Type == effect.Enum && len(field.Enum) == 0 {
		return field, &effect.FieldError{Path: "type", Problem: "an enum needs values", Hint: `write values = { "a", "b" }`}
	}
	if of := values["of"]; of != nil {
		elem := effect.Field{}
		if problem := setType(&elem, "of", of); problem != nil {
			return field, problem
		}
		field.Elem = &elem
	}
	for _, bound := range []struct {
		key string
		to  **float64
	}{{"min", &field.Min}, {"max", &field.Max}} {
		if values[bound.key] == nil {
			continue
		}
		n, problem := readBound(field.Type, values[bound.key])
		if problem != nil {
			problem.Path = bound.key
			return field, problem
		}
		*bound.to = &n
	}
	if problem := SetPattern(&field, values["pattern"]); problem != nil {
		problem.Path = "pattern"
		return field, problem
	}
	if problem := contradiction(&field); problem != nil {
		return field, problem
	}
	return field, verifyDefault(field)
}

// contradiction finds attributes that contradict each other.
func contradiction(f *effect.Field) *effect.FieldError {
	bounded := f.Min != nil || f.Max != nil
	switch {
	case f.Required && f.Default != nil:
		return &effect.FieldError{Path: "default", Problem: "a required parameter has none", Hint: "leave one of them out"}
	case f.Secret && f.Default != nil:
		return &effect.FieldError{Path: "default", Problem: "a secret has none", Hint: "leave it out; the value is given by reference"}
	case f.Elem != nil && f.Type != effect.List:
		return &effect.FieldError{Path: "of", Problem: fmt.Sprintf("is for the elements of a list, and the type is %s", f.Type)}
	case len(f.Enum) > 0 && f.Type != effect.Enum:
		return &effect.FieldError{Path: "values", Problem: fmt.Sprintf("are for an enum, and the type is %s", f.Type), Hint: `write type = "enum"`}
	case f.Min != nil && f.Max != nil && *f.Min > *f.Max:
		return &effect.FieldError{Path: "min", Problem: "is greater than max"}
	case bounded && slices.Contains([]effect.Type{effect.Bool, effect.Enum}, f.Type):
		return &effect.FieldError{Path: "type", Problem: fmt.Sprintf("min and max make no sense for a %s", f.Type)}
	}
	return nil
}

// verifyDefault holds the default against the rest of the declaration.
func verifyDefault(field effect.Field) *effect.FieldError {
	if field.Default != nil {
		_, err := field.Check(field.Default)
		var fe *effect.FieldError
		if errors.As(err, &fe) {
			return &effect.FieldError{Path: Join("default", fe.Path), Problem: fe.Problem, Hint: fe.Hint}
		}
	}
	if err := effect.Verify([]effect.Field{field}); err != nil {
		return &effect.FieldError{Problem: strings.TrimPrefix(err.Error(), "field "+field.Name+": ")}
	}
	return nil
}

// readBound reads a min or max, in the type's own notation or as a number.
func readBound(t effect.Type, v any) (float64, *effect.FieldError) {
	bound := effect.Field{Type: effect.Number}
	switch t {
	case effect.Duration, effect.Percent, effect.Size:
		bound.Type = t
	}
	c, err := bound.Check(v)
	if n, ok := c.(float64); ok && err == nil {
		return n, nil
	}
	if fe, ok := err.(*effect.FieldError); ok {
		c := *fe
		return 0, &c
	}
	return 0, &effect.FieldError{Problem: "wants a number"}
}

// setType sets a field's type from its name in a script.
func setType(field *effect.Field, key string, v any) *effect.FieldError {
	name, ok := v.(string)
	if !ok {
		if v == nil {
			return nil
		}
		return &effect.FieldError{Path: key, Problem: "wants the name of a type"}
	}
	for _, t := range ParamTypes() {
		if t != name {
			continue
		}
		if field.Type = effect.Type(name); name == "secret" {
			field.Type, field.Secret = effect.String, true
		}
		return nil
	}
	return &effect.FieldError{Path: key, Problem: fmt.Sprintf("%q is not a type", name), Hint: Suggest(name, ParamTypes())}
}

// SetPattern translates a Lua pattern for a field.
func SetPattern(field *effect.Field, v any) *effect.FieldError {
	pattern, ok := v.(string)
	if !ok {
		return nil
	}
	if field.Type != effect.String {
		return &effect.FieldError{Problem: fmt.Sprintf("is for strings, and the type is %s", field.Type)}
	}
	re, err := TranslatePattern(pattern)
	if err != nil {
		return &effect.FieldError{Problem: err.Error(), Hint: `a pattern looks like "^v%d+%.%d+$"`}
	}
	field.Pattern = re
	return nil
}
