package check

import (
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// variable is one local variable, parameter or loop variable.
type variable struct {
	name string
	line int
	// init is the expression whose value it was declared with; nil for
	// parameters, loop variables, and what several values are spread over.
	init     ast.Expr
	each     ast.Expr // of a loop's second variable: what pairs or ipairs go through
	reads    int
	assigned bool // given another value somewhere after its declaration
	local    bool // declared by a local statement, so that it should be used
}

// constant returns the expression whose value the variable has wherever it is
// seen, or nil if it may change.
func (v *variable) constant() ast.Expr {
	if v.assigned {
		return nil
	}
	return v.init
}

// globalUse is a global that is read or assigned.
type globalUse struct {
	name    string
	line    int
	visible []string // the locals in sight, for suggestions
	defines bool     // by function f() … end
}

// scopes says which variable every name in a file stands for.
type scopes struct {
	names  map[*ast.IdentExpr]*variable // nil for a global
	vars   []*variable
	groups [][]*variable // several locals that take one call's results
	reads  []globalUse   // of globals that do not exist
	writes []globalUse
}

// resolveScopes follows Lua's scope rules through a file.
func resolveScopes(stmts []ast.Stmt) *scopes {
	r := &scopeResolver{out: &scopes{names: map[*ast.IdentExpr]*variable{}}, known: language.Globals()}
	r.block(stmts)
	return r.out
}

type scopeResolver struct {
	out    *scopes
	scopes []map[string]*variable
	known  []string // the globals that there are
}

func (r *scopeResolver) block(stmts []ast.Stmt) {
	r.within(func() { r.stmts(stmts) })
}

func (r *scopeResolver) within(body func()) {
	r.scopes = append(r.scopes, map[string]*variable{})
	body()
	r.scopes = r.scopes[:len(r.scopes)-1]
}

func (r *scopeResolver) declare(name string, line int, init ast.Expr, local bool) *variable {
	v := &variable{name: name, line: line, init: init, local: local}
	r.scopes[len(r.scopes)-1][name] = v
	r.out.vars = append(r.out.vars, v)
	return v
}

func (r *scopeResolver) lookup(name string) *variable {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		if v, ok := r.scopes[i][name]; ok {
			return v
		}
	}
	return nil
}

// visible returns the locals in sight, for the nth use that is recorded; those
// beyond what is ever reported do without.
func (r *scopeResolver) visible(n int) []string {
	if n >= maxFindings {
		return nil
	}
	var names []string
	for _, scope := range r.scopes {
		for name := range scope {
			names = append(names, name)
		}
	}
	return names
}

func (r *scopeResolver) stmts(list []ast.Stmt) {
	for _, s := range list {
		r.stmt(s)
	}
}

func (r *scopeResolver) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.LocalAssignStmt:
		r.local(s)
	case *ast.AssignStmt:
		r.exprs(s.Rhs)
		for _, l := range s.Lhs {
			r.assign(l, false)
		}
	case *ast.FuncDefStmt:
		if s.Name.Func != nil {
			r.assign(s.Name.Func, true)
		} else {
			r.expr(s.Name.Receiver)
		}
		r.function(s.Func, s.Name.Func == nil)
	case *ast.DoBlockStmt:
		r.block(s.Stmts)
	case *ast.WhileStmt:
		r.expr(s.Condition)
		r.block(s.Stmts)
	case *ast.RepeatStmt: // the condition sees the block's locals
		r.within(func() {
			r.stmts(s.Stmts)
			r.expr(s.Condition)
		})
	case *ast.IfStmt:
		r.expr(s.Condition)
		r.block(s.Then)
		r.block(s.Else)
	case *ast.NumberForStmt:
		r.exprs([]ast.Expr{s.Init, s.Limit, s.Step})
		r.within(func() {
			r.declare(s.Name, s.Line(), nil, false)
			r.stmts(s.Stmts)
		})
	case *ast.GenericForStmt:
		r.exprs(s.Exprs)
		r.within(func() {
			for i, n := range s.Names {
				if v := r.declare(n, s.Line(), nil, false); i == 1 {
					v.each = r.passedThrough(s.Exprs)
				}
			}
			r.stmts(s.Stmts)
		})
	default:
		for _, child := range syntax.Children(s) {
			if e, ok := child.(ast.Expr); ok {
				r.expr(e)
			}
		}
	}
}

// passedThrough returns the table that a loop by pairs or ipairs goes through.
func (r *scopeResolver) passedThrough(exprs []ast.Expr) ast.Expr {
	if len(exprs) != 1 {
		return nil
	}
	call, ok := exprs[0].(*ast.FuncCallExpr)
	if !ok || len(call.Args) != 1 {
		return nil
	}
	if by, ok := call.Func.(*ast.IdentExpr); ok && r.out.names[by] == nil && (by.Value == "pairs" || by.Value == "ipairs") {
		return call.Args[0]
	}
	return nil
}

func (r *scopeResolver) local(s *ast.LocalAssignStmt) {
	if len(s.Names) == 1 && len(s.Exprs) == 1 {
		if fn, ok := s.Exprs[0].(*ast.FunctionExpr); ok { // gopher-lua lets it see itself in both forms
			r.declare(s.Names[0], s.Line(), fn, true)
			r.expr(fn)
			return
		}
	}
	r.exprs(s.Exprs)
	spread := len(s.Names) > len(s.Exprs) && len(s.Exprs) > 0 && multi(s.Exprs[len(s.Exprs)-1])
	var group []*variable
	for i, name := range s.Names {
		var init ast.Expr
		if i < len(s.Exprs) {
			init = s.Exprs[i]
		}
		v := r.declare(name, s.Line(), init, true)
		if spread && i >= len(s.Exprs)-1 {
			group = append(group, v)
		}
	}
	if len(group) > 0 {
		r.out.groups = append(r.out.groups, group)
	}
}

// assign resolves the target of an assignment.
func (r *scopeResolver) assign(target ast.Expr, defines bool) {
	id, ok := target.(*ast.IdentExpr)
	if !ok {
		r.expr(target)
		return
	}
	v := r.lookup(id.Value)
	r.out.names[id] = v
	if v != nil {
		v.assigned = true
		return
	}
	r.out.writes = append(r.out.writes, globalUse{id.Value, id.Line(), r.visible(len(r.out.writes)), defines})
}

func (r *scopeResolver) exprs(list []ast.Expr) {
	for _, e := range list {
		r.expr(e)
	}
}

func (r *scopeResolver) expr(e ast.Expr) {
	switch e := e.(type) {
	case nil:
	case *ast.IdentExpr:
		v := r.lookup(e.Value)
		r.out.names[e] = v
		if v != nil {
			v.reads++
			return
		}
		if !slices.Contains(r.known, e.Value) {
			r.out.reads = append(r.out.reads, globalUse{e.Value, e.Line(), r.visible(len(r.out.reads)), false})
		}
	case *ast.FunctionExpr:
		r.function(e, false)
	default:
		for _, child := range syntax.Children(e) {
			if c, ok := child.(ast.Expr); ok {
				r.expr(c)
			}
		}
	}
}

func (r *scopeResolver) function(fn *ast.FunctionExpr, method bool) {
	r.within(func() {
		if method {
			r.declare("self", fn.Line(), nil, false)
		}
		if fn.ParList.HasVargs {
			r.declare("arg", fn.Line(), nil, false) // as in Lua 5.0, which gopher-lua keeps
		}
		for _, n := range fn.ParList.Names {
			r.declare(n, fn.Line(), nil, false)
		}
		r.stmts(fn.Stmts)
	})
}

// multi reports whether an expression may give several values.
func multi(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.FuncCallExpr:
		return !e.AdjustRet
	case *ast.Comma3Expr:
		return !e.AdjustRet
	}
	return false
}

// reportScopes reports undefined globals and locals that nothing reads.
func (f *file) reportScopes() {
	f.reportGlobals()
	// The values before one that is used cannot be left out.
	needed := map[*variable]bool{}
	for _, group := range f.scopes.groups {
		used := false
		for i := len(group) - 1; i >= 0; i-- {
			needed[group[i]] = used
			used = used || group[i].reads > 0
		}
	}
	for _, v := range f.scopes.vars {
		if v.local && v.reads == 0 && !needed[v] && !strings.HasPrefix(v.name, "_") {
			f.warn(v.line, "remove it, or begin its name with _", "the local %s is never used", v.name)
		}
	}
}
