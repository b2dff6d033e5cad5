package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// readParam reads the declaration of one parameter. The error is a
// *headerProblem.
func (s *Script) readParam(key, value lua.LValue) (effect.Field, error) {
	name, ok := key.(lua.LString)
	if !ok {
		return effect.Field{}, &headerProblem{key: "params", text: "params: every parameter needs a name",
			hint: `write params = { version = { type = "string" } }`}
	}
	wrong := func(err error) error {
		p := problemOf(fmt.Sprintf("param %s: ", name), err)
		p.key = string(name)
		return p
	}
	table, ok := value.(*lua.LTable)
	if !ok {
		return effect.Field{}, wrong(&effect.FieldError{Problem: "wants a table that declares it, got " + kindOf(value),
			Hint: fmt.Sprintf(`write %s = { type = "string" }`, name)})
	}
	values, err := s.goMap(table)
	if err == nil {
		values, err = effect.CheckFields(language.AttributeFields(), nil, values)
	}
	if err != nil {
		return effect.Field{}, wrong(err)
	}
	field, problem := language.Param(string(name), values)
	if problem != nil {
		return field, wrong(problem)
	}
	return field, nil
}
