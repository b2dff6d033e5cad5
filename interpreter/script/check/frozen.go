package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// tableOf returns the table constructor that an expression certainly has the
// contents of: one written in place, or one held in a local that nothing can
// change in between.
func (f *file) tableOf(e ast.Expr) (*ast.TableExpr, bool) {
	if t, ok := e.(*ast.TableExpr); ok {
		return t, true
	}
	id, ok := e.(*ast.IdentExpr)
	if !ok {
		return nil, false
	}
	v := f.scopes.names[id]
	if v == nil || !f.frozen[v] {
		return nil, false
	}
	t, ok := v.constant().(*ast.TableExpr)
	return t, ok
}

// findFrozen finds the locals whose tables are only ever read: every use of
// their names is an argument of an op (which copies it), a look at a field,
// or a loop over them.
func (f *file) findFrozen(stmts []ast.Stmt) {
	u := &tableUses{file: f, written: map[ast.Expr]bool{}, copies: map[*variable]int{}, looks: map[*variable]int{}}
	for _, s := range stmts {
		syntax.Each(s, u.visit)
	}
	f.frozen = map[*variable]bool{}
	for _, v := range f.scopes.vars {
		t, ok := v.constant().(*ast.TableExpr)
		if !ok || u.copies[v]+u.looks[v] != v.reads {
			continue
		}
		// A look at a field may hand out a table inside, which can be changed.
		f.frozen[v] = u.looks[v] == 0 || !f.holdsTables(t)
	}
}

func (f *file) holdsTables(t *ast.TableExpr) bool {
	for _, field := range t.Fields {
		switch f.kindOf(field.Value) {
		case "number", "string", "boolean", "nil", "function":
		default:
			return true
		}
	}
	return false
}

// tableUses counts harmless uses of locals.
type tableUses struct {
	file          *file
	written       map[ast.Expr]bool // targets of assignments
	copies, looks map[*variable]int
}

func (u *tableUses) visit(node any) {
	switch n := node.(type) {
	case *ast.AssignStmt:
		for _, l := range n.Lhs {
			u.written[l] = true
		}
	case *ast.FuncDefStmt:
		u.written[n.Name.Func] = true
	case *ast.AttrGetExpr:
		if !u.written[n] {
			u.count(u.looks, n.Object)
		}
	case *ast.UnaryLenOpExpr:
		u.count(u.looks, n.Expr)
	case *ast.GenericForStmt:
		for _, e := range n.Exprs {
			call, ok := e.(*ast.FuncCallExpr)
			if ok && len(call.Args) == 1 && (u.file.isGlobal(call.Func, "pairs") || u.file.isGlobal(call.Func, "ipairs")) {
				u.count(u.looks, call.Args[0])
			}
		}
	case *ast.FuncCallExpr:
		if _, ok := u.file.opOf(n.Func); !ok || len(n.Args) != 1 {
			return
		}
		u.count(u.copies, n.Args[0])
		if t, ok := n.Args[0].(*ast.TableExpr); ok {
			for _, field := range t.Fields {
				u.count(u.copies, field.Value)
			}
		}
	}
}

func (u *tableUses) count(uses map[*variable]int, e ast.Expr) {
	if id, ok := e.(*ast.IdentExpr); ok {
		if v := u.file.scopes.names[id]; v != nil {
			uses[v]++
		}
	}
}
