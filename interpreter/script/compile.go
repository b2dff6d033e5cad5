package script

import (
	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// compile turns a source into bytecode, which counts its statements if cover
// is set. The error is an *Error.
func compile(src Source, cover *Coverage) (*lua.FunctionProto, error) {
	stmts, wrong := syntax.Parse(src.Name, src.Text)
	if wrong != nil {
		return nil, syntaxError(src, wrong)
	}
	if cover != nil {
		stmts = cover.instrument(src, stmts)
	}
	proto, wrong := syntax.Compile(src.Name, stmts)
	if wrong != nil {
		return nil, syntaxError(src, wrong)
	}
	return proto, nil
}

func syntaxError(src Source, wrong *syntax.Error) *Error {
	return &Error{Message: wrong.Message, Hint: wrong.Hint, Where: effect.Position{File: src.Name, Line: wrong.Line}}
}
