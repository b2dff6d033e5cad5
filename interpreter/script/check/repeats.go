package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// repeats finds what cannot be taken back in the function of a retry, before
// something else that may fail: every try does it once more. What a condition
// leads to is left alone, as it may be the way that a try ends.
func (f *file) repeats(table *ast.TableExpr) {
	for _, field := range table.Fields {
		fn, ok := f.origin(field.Value).(*ast.FunctionExpr)
		if !ok || field.Key != nil {
			continue
		}
		var first *ast.FuncCallExpr
		var done *effect.Op
		f.tried(fn.Stmts, true, func(call *ast.FuncCallExpr, sure bool) {
			op, ok := f.opOf(call.Func)
			switch {
			case !ok:
			case done != nil && !op.Answers: // who pages until somebody comes means to
				f.warn(first.Line(), "do it after the retry, or in one of its own", "%s cannot be taken back, and %s comes after it in the same retry: each time that fails, it is done once more", done, op)
				done = nil
			case first == nil && sure && f.forGood(op, call):
				first, done = call, op
			}
		})
	}
}

// tried calls visit for the calls of a try, in their order; sure says that each try
// gets to one if nothing fails before. What a function holds that is only defined,
// or of which failures are caught, is left out.
func (f *file) tried(stmts []ast.Stmt, sure bool, visit func(call *ast.FuncCallExpr, sure bool)) {
	for _, s := range stmts {
		switch s := s.(type) {
		case *ast.DoBlockStmt:
			f.tried(s.Stmts, sure, visit)
		case *ast.FuncCallStmt, *ast.LocalAssignStmt, *ast.AssignStmt, *ast.ReturnStmt:
			f.triedIn(s, sure, visit)
		default:
			f.triedIn(s, false, visit)
		}
	}
}

func (f *file) triedIn(node any, sure bool, visit func(call *ast.FuncCallExpr, sure bool)) {
	switch n := node.(type) {
	case *ast.FunctionExpr:
		return
	case *ast.LogicalOpExpr:
		sure = false
	case *ast.FuncCallExpr:
		if f.isGlobal(n.Func, "step") && len(n.Args) == 2 {
			if fn, ok := f.origin(n.Args[1]).(*ast.FunctionExpr); ok {
				f.tried(fn.Stmts, sure, visit)
				return
			}
		}
		visit(n, sure)
	}
	for _, child := range syntax.Children(node) {
		f.triedIn(child, sure, visit)
	}
}

// forGood reports whether a call is known to do what cannot be taken back, and
// what is more each time that it is made: it has no key by which a repetition
// would be known, may not safely run twice, and is the same in every try.
func (f *file) forGood(op *effect.Op, call *ast.FuncCallExpr) bool {
	if _, composite := f.catalog.Composite(op.String()); composite || len(call.Args) != 1 {
		return false
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok || f.varies(table) {
		return false
	}
	stated := op.ClassArg == ""
	for _, entry := range f.readTable(table, 0).keyed {
		if entry.key == "key_header" {
			return false
		}
		stated = stated || entry.key == op.ClassArg || op.KindArg != "" && entry.key == op.KindArg
	}
	if recovery := op.RecoveryFor(f.literal(op, table)); recovery == effect.Retry || op.Recovery == effect.Observe {
		return false
	}
	return stated && f.classOf(op, table) == effect.Irreversible
}

// varies reports whether arguments hold a variable that is given other values: a
// try says another thing than the one before it, and is meant to.
func (f *file) varies(table *ast.TableExpr) bool {
	other := false
	syntax.Each(table, func(node any) {
		if id, ok := node.(*ast.IdentExpr); ok {
			v := f.scopes.names[id]
			other = other || v != nil && v.assigned
		}
	})
	return other
}
