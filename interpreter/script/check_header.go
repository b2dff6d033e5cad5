package script

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// headerExample is what a script without a header is shown.
const headerExample = `begin the script with runbook { name = "…" }`

// header finds and checks the call of runbook{}. Definitions may stand before
// it, effects may not.
func (f *checkFile) header(stmts []ast.Stmt) {
	for i, s := range stmts {
		if call, ok := f.headerOf(s); ok {
			f.headerCall = call
			f.headerTable(call)
			f.beforeHeader(stmts[:i])
			return
		}
	}
	for _, s := range stmts { // it may stand inside something
		checkEach(s, func(node any) {
			if call, ok := node.(*ast.FuncCallExpr); ok && f.headerCall == nil && call.Method == "" && f.isGlobal(call.Func, "runbook") {
				f.headerCall = call
			}
		})
	}
	if f.headerCall == nil {
		f.report(1, headerExample, "the script has no runbook{} header")
		return
	}
	f.report(f.headerCall.Line(), "move it to the top of the script", "runbook{} must come first")
	f.headerTable(f.headerCall)
}

// beforeHeader reports what needs the header and stands before it.
func (f *checkFile) beforeHeader(stmts []ast.Stmt) {
	for _, s := range stmts {
		f.atOnce(s, func(name string, line int) {
			f.report(line, "move runbook{} above "+name, "runbook{} must come first")
		})
	}
}

func (f *checkFile) headerOf(s ast.Stmt) (*ast.FuncCallExpr, bool) {
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
func (f *checkFile) runbookCall(call *ast.FuncCallExpr) {
	switch {
	case call == f.headerCall:
	case f.isMain:
		f.report(call.Line(), "", "runbook{} may be called once")
	default:
		f.report(call.Line(), "remove it here", "runbook{} belongs at the top of the main script, not into a required file")
	}
}

// headerFields declares the header's keys; params is checked by itself.
func headerFields() []effect.Field {
	return []effect.Field{
		{Name: "name", Type: effect.String, Required: true, Min: effect.Bound(1)},
		{Name: "summary", Type: effect.String},
		{Name: "params", Type: effect.Any},
		{Name: "locks", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}},
		{Name: "on_failure", Type: effect.Enum, Enum: []string{"rollback", "ask", "stop"}},
	}
}

func (f *checkFile) headerTable(call *ast.FuncCallExpr) {
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
	f.checkTable("runbook", "", headerFields(), nil, &rest)
	f.headerParams(t)
}

func (f *checkFile) noPositional(name string, t *checkTableRead) {
	for _, p := range t.positional {
		f.report(p.line, "write key = value", "%s: every entry has to have a name", name)
	}
}

// headerParams checks the declarations of the parameters and remembers their
// names.
func (f *checkFile) headerParams(header *checkTableRead) {
	params := &checkParams{names: map[string]bool{}}
	for _, e := range header.keyed {
		if e.key != "params" {
			continue
		}
		table, ok := f.tableOf(e.value)
		if !ok {
			if kind := f.kindOf(e.value); kind != "" && kind != "table" {
				f.report(e.line, `write params = { version = { type = "string" } }`, "runbook: params: wants a table, got %s", checkArticle(kind))
			}
			return
		}
		t := f.readTable(table, e.line)
		f.noPositional("runbook: params", t)
		for _, p := range t.keyed {
			params.names[p.key] = true
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

// paramTypes returns the types that a parameter may have.
func paramTypes() []string {
	return []string{"string", "int", "number", "bool", "duration", "percent", "size", "enum", "list", "secret"}
}

// attributeFields declares what may be said about a parameter.
func attributeFields() []effect.Field {
	text := func(name string) effect.Field { return effect.Field{Name: name, Type: effect.String} }
	return []effect.Field{
		text("type"), text("doc"), {Name: "required", Type: effect.Bool}, {Name: "default", Type: effect.Any},
		text("pattern"), {Name: "min", Type: effect.Any}, {Name: "max", Type: effect.Any},
		{Name: "values", Type: effect.List, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String}},
		{Name: "of", Type: effect.Any},
	}
}

func (f *checkFile) paramDeclaration(p checkEntry) {
	where := "param " + p.key
	table, ok := f.tableOf(p.value)
	if !ok {
		if kind := f.kindOf(p.value); kind != "" && kind != "table" {
			f.report(p.line, fmt.Sprintf(`write %s = { type = "string" }`, p.key), "%s: wants a table that declares it, got %s", where, checkArticle(kind))
		}
		return
	}
	t := f.readTable(table, p.line)
	f.noPositional(where, t)
	before := len(f.findings)
	f.checkTable(where, "", attributeFields(), nil, t)
	if len(f.findings) > before {
		return
	}
	values, ok := t.values()
	if !ok || !t.closed {
		return
	}
	if _, problem := checkParamField(p.key, values); problem != nil {
		f.fieldError(where, "", problem, t)
	}
}
