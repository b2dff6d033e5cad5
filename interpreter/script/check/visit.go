package check

import (
	"slices"
	"sort"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// visit checks every call and every look into a module or the params.
func (f *file) visit(stmts []ast.Stmt) {
	written := map[ast.Expr]bool{}
	f.findExtended(stmts)
	f.findCalls(stmts)
	f.outlived()
	f.boundless(stmts)
	noData := looksForNoData(stmts)
	for _, s := range stmts {
		syntax.Each(s, func(node any) {
			switch n := node.(type) {
			case *ast.AssignStmt:
				for _, l := range n.Lhs {
					written[l] = true
					f.assignment(l)
				}
			case *ast.FuncDefStmt:
				if n.Name.Func != nil {
					written[n.Name.Func] = true
					f.assignment(n.Name.Func)
				}
			case *ast.AttrGetExpr:
				if !written[n] {
					f.look(n)
				}
			case *ast.FuncCallExpr:
				f.call(n)
			case *ast.FuncCallStmt:
				f.unheard(n)
			case *ast.RelationalOpExpr:
				f.comparison(n)
				f.unmeasured(n, noData)
			case *ast.IfStmt:
				f.condition(n.Condition)
			case *ast.WhileStmt:
				f.condition(n.Condition)
			case *ast.RepeatStmt:
				f.condition(n.Condition)
			case *ast.UnaryNotOpExpr:
				f.condition(n.Expr)
			}
		})
	}
}

// assignment reports changes to what cannot be changed.
func (f *file) assignment(target ast.Expr) {
	get, ok := target.(*ast.AttrGetExpr)
	if !ok {
		return
	}
	if m, ok := f.moduleOf(get.Object); ok {
		f.report(get.Line(), "keep it in a local of your own", "the module %s cannot be changed", m.Name)
	}
	if f.isGlobal(get.Object, "params") {
		f.report(get.Line(), "keep it in a local of your own", "params cannot be changed")
	}
	lib, ok := f.origin(get.Object).(*ast.IdentExpr)
	if ok && f.scopes.names[lib] == nil && (language.Libraries()[lib.Value] != nil || lib.Value == "log" || lib.Value == "run") {
		f.report(get.Line(), "keep your own functions in a local table", "%s cannot be changed", lib.Value)
	}
}

// look checks the name after a dot, where the table before it is known.
func (f *file) look(get *ast.AttrGetExpr) {
	key, ok := get.Key.(*ast.StringExpr)
	if !ok {
		return
	}
	line := max(get.Line(), key.Line())
	if m, ok := f.moduleOf(get.Object); ok {
		if _, ok := f.member(m.Name + "." + key.Value); !ok {
			f.report(line, language.Suggest(key.Value, m.Members()), "%s.%s: the module %s has no such op", m.Name, key.Value, m.Name)
		}
		return
	}
	if f.params != nil && f.isGlobal(get.Object, "params") {
		if !f.params.names[key.Value] {
			f.report(line, language.Suggest(key.Value, f.params.list()), "params.%s is not declared in runbook{}", key.Value)
		}
		return
	}
	if f.resultField(get, key.Value, line) {
		return
	}
	lib, ok := f.origin(get.Object).(*ast.IdentExpr)
	if !ok || f.scopes.names[lib] != nil {
		return
	}
	members := language.Libraries()[lib.Value]
	switch lib.Value {
	case "log":
		members = language.LogLevels()
	case "run":
		members = language.RunMembers()
	}
	if lib.Value == "invariant" {
		members = language.InvariantKinds()
	}
	if members == nil || slices.Contains(members, key.Value) {
		return
	}
	hint := effect.DidYouMean(key.Value, members)
	if lib.Value == "math" && key.Value == "randomseed" {
		hint = "every run draws its own numbers, and a resume draws the same"
	}
	f.report(line, hint, "%s.%s does not exist", lib.Value, key.Value)
}

// call checks one call.
func (f *file) call(call *ast.FuncCallExpr) {
	if module, ok := f.requireOf(call); ok {
		if _, standard := f.catalog.Module(module); !standard || module == effect.ControlModule {
			f.require(module, call.Line())
		}
		return
	}
	if call.Method != "" {
		if m, ok := f.moduleOf(call.Receiver); ok {
			f.report(call.Line(), "write "+m.Name+"."+call.Method+" { … }", "%s:%s: ops are called with a dot", m.Name, call.Method)
		}
		return
	}
	if op, ok := f.opOf(call.Func); ok {
		f.opCall(op, call)
		return
	}
	switch fn := f.origin(call.Func).(type) {
	case *ast.IdentExpr:
		if f.scopes.names[fn] == nil {
			f.control(fn.Value, call)
		}
	case *ast.AttrGetExpr:
		f.logCall(fn, call)
	}
}

// declaredParams is what the header declares under params.
type declaredParams struct {
	names map[string]bool
	most  map[string]bool // those that have a max, or are one of few values
	units map[string]int  // which of units each is in; -1 if it does not say
}

func (p *declaredParams) list() []string {
	var names []string
	for name := range p.names {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
