package check

import (
	"maps"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// edge is a file that is required while another is being loaded.
type edge struct {
	module string
	line   int
}

// requiresAtOnce notes what a required file certainly requires while it is
// loaded itself: by a statement of its outermost level.
func (f *file) requiresAtOnce(stmts []ast.Stmt) {
	var exprs []ast.Expr
	for _, s := range stmts {
		switch s := s.(type) {
		case *ast.LocalAssignStmt:
			exprs = append(exprs, s.Exprs...)
		case *ast.AssignStmt:
			exprs = append(exprs, s.Rhs...)
		case *ast.FuncCallStmt:
			exprs = append(exprs, s.Expr)
		case *ast.ReturnStmt:
			exprs = append(exprs, s.Exprs...)
		}
	}
	for _, e := range exprs {
		if get, ok := e.(*ast.AttrGetExpr); ok { // require("lib.a").field
			e = get.Object
		}
		if module, ok := f.requireOf(e); ok {
			f.edges[f.name] = append(f.edges[f.name], edge{module, e.Line()})
		}
	}
}

// circles reports files that require each other while they are loaded.
func (c *analysis) circles() {
	done := map[string]bool{}
	var visit func(file string, path []string)
	visit = func(file string, path []string) {
		for _, e := range c.edges[file] {
			next := c.sources[e.module]
			if i := slices.Index(path, next); i >= 0 && next != "" {
				c.findings = append(c.findings, Finding{Where: effect.Position{File: file, Line: e.line}, Severity: SeverityError,
					Message: "require goes in a circle: " + strings.Join(append(slices.Clone(path[i:]), next), " → "),
					Hint:    "move what both need into a third file"})
				continue
			}
			if next != "" && !done[next] {
				done[next] = true
				visit(next, append(slices.Clone(path), next))
			}
		}
	}
	files := slices.SortedFunc(maps.Keys(c.order), func(a, b string) int { return c.order[a] - c.order[b] })
	for _, file := range files {
		if !done[file] {
			done[file] = true
			visit(file, []string{file})
		}
	}
}
