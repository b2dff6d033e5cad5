package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Named is a name that a script gives to something of the configuration.
type Named struct {
	Name  string
	Where effect.Position
}

// Calendars returns the calendars that a script names in window{}, with each place.
// What is computed is left to the run.
func Calendars(main script.Source, loader script.Loader, catalog *effect.Catalog) []Named {
	var list []Named
	eachExpr(main, loader, catalog, func(f *file, e ast.Expr) {
		call, ok := e.(*ast.FuncCallExpr)
		if !ok || call.Method != "" || len(call.Args) != 1 || !f.isGlobal(call.Func, "window") {
			return
		}
		t := f.asked(call.Args[0], call.Line())
		if t == nil {
			return
		}
		if name, ok := t.folded("calendar").(string); ok && name != "" {
			list = append(list, Named{name, effect.Position{File: f.name, Line: t.lineOf("calendar")}})
		}
	})
	return list
}
