package check

import (
	"regexp"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// Locate returns the line of a value in the table that a file returns, for a
// path as a *effect.FieldError names it: "world.health.green", "faults[2].kind".
// Where the text does not tell (a table built by code) it is the line of the
// innermost part that is found; without any, the file's first line.
func Locate(src script.Source, path string) effect.Position {
	at := effect.Position{File: src.Name, Line: 1}
	stmts, wrong := syntax.Parse(src.Name, src.Text)
	if wrong != nil || len(stmts) == 0 {
		return at
	}
	returned, ok := stmts[len(stmts)-1].(*ast.ReturnStmt)
	if !ok || len(returned.Exprs) == 0 {
		return at
	}
	node := assigned(stmts, returned.Exprs[0])
	at.Line = max(node.Line(), 1)
	for _, key := range regexp.MustCompile(`[^.\[\]]+`).FindAllString(path, -1) {
		table, ok := assigned(stmts, node).(*ast.TableExpr)
		if !ok {
			return at
		}
		var line int
		if node, line = member(table, key); node == nil {
			return at
		}
		at.Line = max(line, 1)
	}
	return at
}

// assigned returns what the main chunk gives a local in its declaration, and
// any other expression itself.
func assigned(stmts []ast.Stmt, e ast.Expr) ast.Expr {
	name, ok := e.(*ast.IdentExpr)
	if !ok {
		return e
	}
	for _, s := range stmts {
		local, ok := s.(*ast.LocalAssignStmt)
		if !ok {
			continue
		}
		for i, n := range local.Names {
			if n == name.Value && i < len(local.Exprs) {
				return local.Exprs[i]
			}
		}
	}
	return e
}

// member finds the value of a key, or of an index of a list, and its line.
func member(table *ast.TableExpr, key string) (ast.Expr, int) {
	index := 0
	for _, f := range table.Fields {
		if f.Key == nil {
			if index++; strconv.Itoa(index) == key {
				return f.Value, f.Value.Line()
			}
			continue
		}
		if text, ok := f.Key.(*ast.StringExpr); ok && text.Value == key {
			return f.Value, max(f.Key.Line(), 1)
		}
	}
	return nil, 0
}
