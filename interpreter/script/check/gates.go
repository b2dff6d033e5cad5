package check

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// discarded finds gates of which nobody sees that they failed: in a pcall whose
// answer nobody takes, or a look that counts a bad code as success and of which
// nobody reads the code. What does more than look may be made on a chance.
func (f *file) discarded(call *ast.FuncCallExpr, line int) {
	if f.isGlobal(call.Func, "pcall") || f.isGlobal(call.Func, "xpcall") {
		if gate := f.onlyGate(call); gate != "" {
			f.warn(line, "leave out the pcall, or look at what it returns", "nobody sees it where %s fails: the script goes on as if it had not", gate)
		}
		return
	}
	op, ok := f.opOf(call.Func)
	if !ok || len(call.Args) != 1 {
		return
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok || f.classOf(op, table) != effect.Read {
		return
	}
	for _, entry := range f.readTable(table, line).keyed {
		value, known := f.fold(entry.value)
		codes, _ := value.([]any)
		if entry.key == "ok" && known && len(codes) > 1 {
			f.warn(line, "let only the code that is meant be ok, or look at which it was", "%s counts several codes as success, and nobody looks at which it was: it lets all of them pass", op)
		}
	}
}

// classOf returns the class of a call as far as its arguments are literal.
func (f *file) classOf(op *effect.Op, table *ast.TableExpr) effect.Class {
	args := map[string]any{}
	for _, entry := range f.readTable(table, 0).keyed {
		if value, known := f.fold(entry.value); known && value != nil {
			args[entry.key] = value
		}
	}
	if op.KindArg != "" && args[op.KindArg] == nil { // as its default says
		for _, field := range op.Args {
			if field.Name == op.KindArg && field.Default != nil {
				args[op.KindArg] = field.Default
			}
		}
	}
	return op.ClassFor(args)
}

// onlyGate returns the name of what a protected call does, if that is only to look,
// and to fail where it is not as it should be.
func (f *file) onlyGate(call *ast.FuncCallExpr) string {
	if len(call.Args) == 0 {
		return ""
	}
	if op, ok := f.opOf(call.Args[0]); ok {
		if f.looksOnly(op) {
			return op.String()
		}
		return ""
	}
	fn, ok := f.origin(call.Args[0]).(*ast.FunctionExpr)
	if !ok {
		return ""
	}
	gate := ""
	for _, s := range fn.Stmts {
		stmt, ok := s.(*ast.FuncCallStmt)
		if !ok {
			return ""
		}
		inner, ok := stmt.Expr.(*ast.FuncCallExpr)
		if !ok {
			return ""
		}
		op, ok := f.opOf(inner.Func)
		switch {
		case ok && f.looksOnly(op):
			gate = op.String()
		case f.isGlobal(inner.Func, "approve") || f.isGlobal(inner.Func, "checklist"):
			gate = inner.Func.(*ast.IdentExpr).Value
		default:
			return ""
		}
	}
	return gate
}

// looksOnly reports whether an op reads, and fails where what it sees is not good.
func (f *file) looksOnly(op *effect.Op) bool {
	if comp, ok := f.catalog.Composite(op.String()); ok {
		return len(comp.Uses) > 0 && !slices.ContainsFunc(comp.Uses, func(name string) bool {
			used, ok := f.catalog.Op(name)
			return !ok || used.Class != effect.Read
		})
	}
	return op.Class == effect.Read && !op.Answers
}

// repeats finds what cannot be taken back in the function of a retry, before
// something else that may fail: every try does it once more.
func (f *file) repeats(table *ast.TableExpr) {
	for _, field := range table.Fields {
		fn, ok := field.Value.(*ast.FunctionExpr)
		if !ok || field.Key != nil {
			continue
		}
		var first *ast.FuncCallExpr
		var done *effect.Op
		for _, s := range fn.Stmts {
			syntax.Each(s, func(node any) {
				inner, ok := node.(*ast.FuncCallExpr)
				if !ok {
					return
				}
				op, ok := f.opOf(inner.Func)
				switch {
				case !ok:
				case done != nil:
					f.warn(first.Line(), "do it after the retry, or in one of its own", "%s cannot be taken back, and %s comes after it in the same retry: each time that fails, it is done once more", done, op)
					done = nil
				case first == nil && f.forGood(op, inner):
					first, done = inner, op
				}
			})
		}
	}
}

// forGood reports whether a call is known to do what cannot be taken back, and has
// no key by which a repetition would be known.
func (f *file) forGood(op *effect.Op, call *ast.FuncCallExpr) bool {
	if _, composite := f.catalog.Composite(op.String()); composite || len(call.Args) != 1 {
		return false
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok {
		return false
	}
	stated := op.ClassArg == ""
	for _, entry := range f.readTable(table, 0).keyed {
		if entry.key == "key_header" {
			return false
		}
		stated = stated || entry.key == op.ClassArg || op.KindArg != "" && entry.key == op.KindArg
	}
	return stated && f.classOf(op, table) == effect.Irreversible && op.Recovery != effect.Observe
}
