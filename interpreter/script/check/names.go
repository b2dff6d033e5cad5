package check

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Name is a place where a script uses a name that a configuration declares:
// effect.Field.Names.
type Name struct {
	Op    *effect.Op // that is called
	Field string     // its argument: "slo"
	Kind  string     // "metric"
	Word  string     // the name
	Where effect.Position
}

// Names returns the names of a configuration that the runbook uses in calls, as far as they are literal, without those that are known
// where nothing is configured.
func (t *Text) Names(catalog *effect.Catalog) []Name {
	var list []Name
	t.eachExpr(catalog, func(f *file, e ast.Expr) {
		call, ok := e.(*ast.FuncCallExpr)
		if !ok || call.Func == nil || len(call.Args) != 1 {
			return
		}
		op, ok := f.opOf(call.Func)
		if !ok {
			return
		}
		args, ok := f.tableOf(call.Args[0])
		if !ok {
			return
		}
		for _, entry := range f.readTable(args, call.Line()).keyed {
			i := slices.IndexFunc(op.Args, func(arg effect.Field) bool { return arg.Name == entry.key && arg.Names != "" })
			table, isTable := f.tableOf(entry.value)
			if i < 0 || !isTable {
				continue
			}
			for _, named := range f.readTable(table, entry.line).keyed {
				if !slices.Contains(op.Args[i].Enum, named.key) {
					list = append(list, Name{op, entry.key, op.Args[i].Names, named.key, effect.Position{File: f.name, Line: named.line}})
				}
			}
		}
	})
	return list
}
