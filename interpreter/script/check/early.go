package check

import (
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// whileRequired reports effects that a file asks for while it is being
// required: it may only define things then.
func (f *file) whileRequired(stmts []ast.Stmt) {
	for _, s := range stmts {
		f.atOnce(s, func(name string, line int) {
			f.report(line, "put it into a function and call that from the script",
				"%s may not be called while a file is being required", name)
		})
	}
}

// atOnce calls found for each effect that a statement asks for when it is
// reached, rather than in a function that it defines.
func (f *file) atOnce(node any, found func(name string, line int)) {
	switch n := node.(type) {
	case *ast.FunctionExpr: // runs later, if at all
		return
	case *ast.FuncCallExpr:
		if name := f.effectOf(n); name != "" {
			found(name, n.Line())
		}
	}
	for _, child := range syntax.Children(node) {
		f.atOnce(child, found)
	}
}

// effectOf returns the name of the op or function by which a call certainly
// leaves the script, or "".
func (f *file) effectOf(call *ast.FuncCallExpr) string {
	if call.Method != "" {
		return ""
	}
	if op, ok := f.opOf(call.Func); ok {
		return op.String()
	}
	switch fn := f.origin(call.Func).(type) {
	case *ast.IdentExpr:
		if f.scopes.names[fn] == nil && slices.Contains([]string{"step", "checkpoint", "sleep", "approve", "checklist", "on_rollback",
			"parallel", "wait", "window", "now", "uuid", "env", "random", "print"}, fn.Value) {
			return fn.Value
		}
	case *ast.AttrGetExpr:
		key, ok := fn.Key.(*ast.StringExpr)
		if ok && f.isGlobal(fn.Object, "log") {
			return "log." + key.Value
		}
		if ok && f.isGlobal(fn.Object, "math") && key.Value == "random" {
			return "math.random"
		}
	}
	return ""
}
