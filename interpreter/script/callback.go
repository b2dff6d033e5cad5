package script

import (
	"context"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Callback is a Lua function of an evaluated file. It serves several
// goroutines: their calls run one after the other.
type Callback struct {
	script *Script
	fn     *lua.LFunction
}

// Call calls the function and returns its first result as plain data. Results
// and errors are as of Evaluate.
func (c *Callback) Call(ctx context.Context, args ...any) (any, error) {
	return c.script.evaluate(ctx, c.fn, args...)
}

// Where returns the line on which the function is written.
func (c *Callback) Where() effect.Position { return whereDefined(c.fn) }

func whereDefined(fn lua.LValue) effect.Position {
	f, ok := fn.(*lua.LFunction)
	if !ok || f.Proto == nil {
		return effect.Position{}
	}
	return effect.Position{File: f.Proto.SourceName, Line: max(f.Proto.LineDefined, 1)}
}
