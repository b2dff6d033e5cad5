package check

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// header finds and checks the call of runbook{}. Definitions may stand before
// it, effects may not.
func (f *file) header(stmts []ast.Stmt) {
	for i, s := range stmts {
		if call, ok := f.headerOf(s); ok {
			f.headerCall = call
			f.headerTable(call)
			f.beforeHeader(stmts[:i])
			return
		}
	}
	for _, s := range stmts { // it may stand inside something
		syntax.Each(s, func(node any) {
			if call, ok := node.(*ast.FuncCallExpr); ok && f.headerCall == nil && call.Method == "" && f.isGlobal(call.Func, "runbook") {
				f.headerCall = call
			}
		})
	}
	if f.headerCall == nil {
		f.report(1, language.HeaderExample, "the script has no runbook{} header")
		return
	}
	f.report(f.headerCall.Line(), "move it to the top of the script", "runbook{} must come first")
	f.headerTable(f.headerCall)
}

// beforeHeader reports what needs the header and stands before it.
func (f *file) beforeHeader(stmts []ast.Stmt) {
	for _, s := range stmts {
		f.atOnce(s, func(name string, line int) {
			f.report(line, "move runbook{} above "+name, "runbook{} must come first")
		})
	}
}

func (f *file) headerOf(s ast.Stmt) (*ast.FuncCallExpr, bool) {
	stmt, ok := s.(*ast.FuncCallStmt)
	if !ok {
		return nil, false
	}
	call, ok := stmt.Expr.(*ast.FuncCallExpr)
	if !ok || call.Method != "" || !f.isGlobal(call.Func, "runbook") {
		return nil, false
	}
	return call, true
}

// runbookCall reports calls of runbook{} other than the header.
func (f *file) runbookCall(call *ast.FuncCallExpr) {
	switch {
	case call == f.headerCall:
	case f.isMain:
		f.report(call.Line(), "", "runbook{} may be called once")
	default:
		f.report(call.Line(), "remove it here", "runbook{} belongs at the top of the main script, not into a required file")
	}
}

func (f *file) headerTable(call *ast.FuncCallExpr) {
	table, ok := f.oneTable(call, "runbook", "write runbook { name = … }")
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	f.noPositional("runbook", t)
	rest := *t
	rest.keyed = nil
	for _, e := range t.keyed {
		if e.key != "params" {
			rest.keyed = append(rest.keyed, e)
		}
	}
	f.checkTable("runbook", "", language.HeaderFields(), nil, &rest)
	f.headerAsks(t)
	f.headerAccepts(t)
	f.headerParams(t)
}

// headerAsks checks that those can answer whom the header names.
func (f *file) headerAsks(header *constructor) {
	for _, key := range []string{"ask", "unplanned"} {
		asked := f.asked(header.value(key), header.line)
		if asked == nil || asked.folded("by") == nil {
			continue
		}
		if fault := effect.ApprovalFault(map[string]any{"by": asked.folded("by")}); fault != "" {
			f.report(asked.lineOf("by"), effect.ApprovalHint, "runbook: %s: nobody can agree: %s", key, fault)
		}
	}
}

// headerAccepts warns of acceptances of what nobody holds: an invariant may have been
// called otherwise before, and that keeps no run from starting.
func (f *file) headerAccepts(header *constructor) {
	list := f.asked(header.value("accepts"), header.line)
	if list == nil {
		return
	}
	for _, e := range list.positional {
		one := f.asked(e.value, e.line)
		if one == nil {
			continue
		}
		if name, ok := one.folded("invariant").(string); ok {
			if err := f.catalog.Acceptable(effect.Acceptance{Invariant: name}); err != nil {
				f.warn(one.lineOf("invariant"), err.Hint, "runbook: %s", err.Message)
			}
		}
	}
}

func (f *file) noPositional(name string, t *constructor) {
	for _, p := range t.positional {
		f.report(p.line, "write key = value", "%s: every entry has to have a name", name)
	}
}

// headerParams checks the declarations of the parameters and remembers their
// names.
func (f *file) headerParams(header *constructor) {
	params := &declaredParams{names: map[string]bool{}, most: map[string]bool{}, units: map[string]int{}}
	for _, e := range header.keyed {
		if e.key != "params" {
			continue
		}
		table, ok := f.tableOf(e.value)
		if !ok {
			if kind := f.kindOf(e.value); kind != "" && kind != "table" {
				f.report(e.line, `write params = { version = { type = "string" } }`, "runbook: params: wants a table, got %s", article(kind))
			}
			return
		}
		t := f.readTable(table, e.line)
		f.noPositional("runbook: params", t)
		for _, p := range t.keyed {
			params.names[p.key] = true
			params.most[p.key] = f.atMost(p)
			params.units[p.key] = f.unitOf(p)
			f.paramDeclaration(p)
		}
		if !t.closed {
			return
		}
	}
	if header.closed {
		f.params = params
	}
}

// atMost reports whether a parameter has a bound, or may have one.
func (f *file) atMost(p tableEntry) bool {
	table, ok := f.tableOf(p.value)
	if !ok {
		return true
	}
	t := f.readTable(table, p.line)
	return !t.closed || t.value("max") != nil || t.value("values") != nil
}

func (f *file) paramDeclaration(p tableEntry) {
	where := "param " + p.key
	table, ok := f.tableOf(p.value)
	if !ok {
		if kind := f.kindOf(p.value); kind != "" && kind != "table" {
			f.report(p.line, fmt.Sprintf(`write %s = { type = "string" }`, p.key), "%s: wants a table that declares it, got %s", where, article(kind))
		}
		return
	}
	t := f.readTable(table, p.line)
	f.noPositional(where, t)
	before := len(f.findings)
	f.checkTable(where, "", language.AttributeFields(), nil, t)
	if len(f.findings) > before {
		return
	}
	values, ok := t.values()
	if !ok || !t.closed {
		return
	}
	if _, problem := language.Param(p.key, values); problem != nil {
		f.fieldError(where, "", problem, t)
	}
}
