package check

import (
	"maps"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// Requires returns the names that a script and the files it requires pass to
// require, in order: what has to be at hand before it starts. Names that are
// computed, and files that cannot be read, are left to the run.
func Requires(main script.Source, loader script.Loader) []string {
	catalog, err := effect.NewCatalog()
	if err != nil {
		return nil
	}
	seen := map[string]bool{}
	eachExpr(main, loader, catalog, func(f *file, e ast.Expr) {
		if name, ok := f.requireOf(e); ok {
			seen[name] = true
		}
	})
	return slices.Sorted(maps.Keys(seen))
}

// Use is a place where a script names an op.
type Use struct {
	Op    string // full name: "traffic.split"
	Where effect.Position
}

// Uses returns the ops that a script and the files it requires name, each at
// its first place, those that its composites perform included. What is reached
// by computed names is left to the run.
func Uses(main script.Source, loader script.Loader, catalog *effect.Catalog) []Use {
	var list []Use
	seen := map[string]bool{}
	add := func(op string, where effect.Position) {
		if !seen[op] {
			seen[op] = true
			list = append(list, Use{op, where})
		}
	}
	eachExpr(main, loader, catalog, func(f *file, e ast.Expr) {
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

// eachExpr visits all expressions of a script and of the files it requires.
func eachExpr(main script.Source, loader script.Loader, catalog *effect.Catalog, visit func(*file, ast.Expr)) {
	met := map[string]bool{main.Name: true}
	queue := []script.Source{main}
	for len(queue) > 0 {
		src := queue[0]
		queue = queue[1:]
		stmts, wrong := syntax.Parse(src.Name, src.Text)
		if wrong != nil {
			continue
		}
		f := &file{analysis: &analysis{catalog: catalog, loader: loader}, name: src.Name}
		f.scopes = resolveScopes(stmts)
		f.findFrozen(stmts)
		var look func(node any)
		look = func(node any) {
			if e, ok := node.(ast.Expr); ok {
				visit(f, e)
				if name, ok := f.requireOf(e); ok {
					if required, err := f.load(name); err == nil && !met[required.Name] {
						met[required.Name] = true
						queue = append(queue, required)
					}
				}
			}
			for _, child := range syntax.Children(node) {
				look(child)
			}
		}
		for _, s := range stmts {
			look(s)
		}
	}
}
