package check

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// unmeasured warns of a figure that is the better the less it is, and that counts as 0
// where nothing was measured: what nobody can tell passes every threshold then.
func (f *file) unmeasured(n *ast.RelationalOpExpr, looked bool) {
	if looked || n.Operator == "==" || n.Operator == "~=" {
		return
	}
	for _, side := range []ast.Expr{n.Lhs, n.Rhs} {
		or, ok := f.origin(side).(*ast.LogicalOpExpr)
		if !ok || or.Operator != "or" {
			continue
		}
		get, ok := f.origin(or.Lhs).(*ast.AttrGetExpr)
		if zero, known := f.foldNumber(or.Rhs); !ok || !known || zero != 0 {
			continue
		}
		if metric := f.shapeOf(get); metric != nil && metric.LessIsBetter {
			f.warn(max(n.Line(), or.Line()), "fail where it is nil: no_data says why", "%s is left out where it could not be measured, and counts as 0 here, which is as good as it can be", textOf(get))
		}
	}
}

// looksForNoData reports whether the script looks whether something was measured.
func looksForNoData(stmts []ast.Stmt) bool {
	found := false
	for _, s := range stmts {
		syntax.Each(s, func(node any) {
			if key, ok := node.(*ast.StringExpr); ok {
				found = found || key.Value == "no_data" || key.Value == "samples"
			}
		})
	}
	return found
}

// boundless warns of instances that are taken away by as many as a parameter says,
// whatever that is: one digit too many takes all of them.
func (f *file) boundless(stmts []ast.Stmt) {
	for _, c := range f.calls.list {
		op, ok := f.opOf(c.call.Func)
		if !ok || c.back || f.params == nil {
			continue
		}
		for _, entry := range f.readTable(f.argsOrNone(c.call), 0).keyed {
			less, ok := f.origin(entry.value).(*ast.ArithmeticOpExpr)
			if !ok || less.Operator != "-" || !slices.ContainsFunc(op.Args, func(arg effect.Field) bool { return arg.Remaining && arg.Name == entry.key }) {
				continue
			}
			name, ok := f.paramOf(less.Rhs)
			if !ok || f.params.most[name] || f.holds(stmts, name, less) || f.asks() {
				continue
			}
			f.warn(entry.line, "give it a max, or fail where fewer are left than are needed", "as many instances are taken away as params.%s says, whatever that is", name)
		}
	}
}

// paramOf returns the parameter that an expression is.
func (f *file) paramOf(e ast.Expr) (string, bool) {
	get, ok := f.origin(e).(*ast.AttrGetExpr)
	if !ok || !f.isGlobal(get.Object, "params") {
		return "", false
	}
	key, ok := get.Key.(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return key.Value, true
}

// holds reports whether the script compares a parameter, or what it computes by it,
// with something.
func (f *file) holds(stmts []ast.Stmt, param string, computed *ast.ArithmeticOpExpr) bool {
	found := false
	for _, s := range stmts {
		syntax.Each(s, func(node any) {
			if n, ok := node.(*ast.RelationalOpExpr); ok {
				syntax.Each(n, func(part any) {
					e, ok := part.(ast.Expr)
					if !ok {
						return
					}
					name, is := f.paramOf(e)
					found = found || is && name == param || f.origin(e) == ast.Expr(computed)
				})
			}
		})
	}
	return found
}

// asks reports whether people are asked anything.
func (f *file) asks() bool {
	for _, c := range f.calls.list {
		if f.isGlobal(c.call.Func, "approve") || f.isGlobal(c.call.Func, "checklist") || f.leavesFile(c.call) {
			return true
		}
	}
	return false
}
