package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Named is a name that a script gives to something of the configuration.
type Named struct {
	Name  string
	Where effect.Position
}

// Calendars returns the calendars that the runbook names in window{}, with each place.
// What is computed is left to the run.
func (t *Text) Calendars(catalog *effect.Catalog) []Named {
	var list []Named
	t.eachExpr(catalog, func(f *file, e ast.Expr) {
		call, ok := e.(*ast.FuncCallExpr)
		if !ok || call.Method != "" || len(call.Args) != 1 || !f.isGlobal(call.Func, "window") {
			return
		}
		asked := f.asked(call.Args[0], call.Line())
		if asked == nil {
			return
		}
		if name, ok := asked.folded("calendar").(string); ok && name != "" {
			list = append(list, Named{name, effect.Position{File: f.name, Line: asked.lineOf("calendar")}})
		}
	})
	return list
}
