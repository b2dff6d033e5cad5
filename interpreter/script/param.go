package script

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// readParam reads the declaration of one parameter. The error is a
// *headerProblem.
func (s *Script) readParam(key, value lua.LValue) (effect.Field, error) {
	name, ok := key.(lua.LString)
	if !ok {
		return effect.Field{}, &headerProblem{key: "params", text: "params: every parameter needs a name",
			hint: `write params = { version = { type = "string" } }`}
	}
	wrong := func(hint, format string, args ...any) error {
		return &headerProblem{key: string(name), text: fmt.Sprintf("param %s: ", name) + fmt.Sprintf(format, args...), hint: hint}
	}
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(string(name)) {
		return effect.Field{}, wrong("", "a name consists of letters, digits and _, and does not begin with a digit")
	}
	table, ok := value.(*lua.LTable)
	if !ok {
		return effect.Field{}, wrong(fmt.Sprintf(`write %s = { type = "string" }`, name), "wants a table that declares it, got %s", kindOf(value))
	}
	values, err := s.goMap(table)
	if err == nil {
		values, err = effect.CheckFields(attributeFields(), nil, values)
	}
	if err != nil {
		p := problemOf(fmt.Sprintf("param %s: ", name), err)
		p.key = string(name)
		return effect.Field{}, p
	}
	field, problem := checkParamField(string(name), values)
	if problem != nil {
		p := problemOf(fmt.Sprintf("param %s: ", name), problem)
		p.key = string(name)
		return field, p
	}
	field.Doc, _ = values["doc"].(string)
	field.Required, _ = values["required"].(bool)
	if err := setPattern(&field, values["pattern"]); err != nil {
		return field, wrong(err.Hint, "pattern: %s", err.Problem)
	}
	switch {
	case field.Required && field.Default != nil:
		return field, wrong("leave one of them out", "a required parameter has no default")
	case field.Secret && field.Default != nil:
		return field, wrong("leave the default out; the value is given by reference", "a secret has no default")
	case field.Elem != nil && field.Type != effect.List:
		return field, wrong("", "of is for the elements of a list, and the type is %s", field.Type)
	case len(field.Enum) > 0 && field.Type != effect.Enum:
		return field, wrong(`write type = "enum"`, "values are for an enum, and the type is %s", field.Type)
	case field.Min != nil && field.Max != nil && *field.Min > *field.Max:
		return field, wrong("", "min is greater than max")
	case (field.Min != nil || field.Max != nil) && slices.Contains([]effect.Type{effect.Bool, effect.Enum}, field.Type):
		return field, wrong("", "min and max make no sense for a %s", field.Type)
	}
	if err := effect.Verify([]effect.Field{field}); err != nil {
		text := strings.TrimPrefix(err.Error(), "field "+string(name)+": ")
		var fe *effect.FieldError
		if errors.As(err, &fe) {
			return field, wrong(fe.Hint, "%s", strings.TrimSuffix(text, "; "+fe.Hint))
		}
		return field, wrong("", "%s", text)
	}
	return field, nil
}

// setPattern translates a Lua pattern for a field.
func setPattern(field *effect.Field, v any) *effect.FieldError {
	pattern, ok := v.(string)
	if !ok {
		return nil
	}
	if field.Type != effect.String {
		return &effect.FieldError{Problem: fmt.Sprintf("is for strings, and the type is %s", field.Type)}
	}
	re, err := translatePattern(pattern)
	if err != nil {
		return &effect.FieldError{Problem: err.Error(), Hint: `a pattern looks like "^v%d+%.%d+$"`}
	}
	field.Pattern = re
	return nil
}
