package check

import (
	"maps"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Requires returns the names that a script and the files it requires pass to
// require, in order: what has to be at hand before it starts. Names that are
// computed are left to the run.
func Requires(main script.Source, loader script.Loader) []string {
	return Read(main, loader).Requires()
}

// Requires returns the names that the runbook passes to require, in order.
func (t *Text) Requires() []string { return slices.Sorted(maps.Keys(t.required)) }

// Use is a place where a script names an op.
type Use struct {
	Op    string // full name: "traffic.split"
	Where effect.Position
}

// Uses returns the ops that the runbook names, each at its first place, those that its composites perform included. What is reached
// by computed names is left to the run.
func (t *Text) Uses(catalog *effect.Catalog) []Use {
	var list []Use
	seen := map[string]bool{}
	add := func(op string, where effect.Position) {
		if !seen[op] {
			seen[op] = true
			list = append(list, Use{op, where})
		}
	}
	t.eachExpr(catalog, func(f *file, e ast.Expr) {
		op, ok := f.opOf(e)
		if !ok {
			return
		}
		where := effect.Position{File: f.name, Line: e.Line()}
		comp, ok := catalog.Composite(op.String())
		if !ok {
			add(op.String(), where)
			return
		}
		for _, inner := range comp.Uses {
			add(inner, where)
		}
	})
	return list
}
