package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Strangers holds the names that the runbook asks against the people of a
// configuration: who is nobody there, and questions to which too few of them could
// agree. What is computed is left to the run.
func (t *Text) Strangers(catalog *effect.Catalog, people effect.People) []Finding {
	var list []Finding
	t.eachExpr(catalog, func(f *file, e ast.Expr) {
		call, ok := e.(*ast.FuncCallExpr)
		if !ok || call.Method != "" || len(call.Args) != 1 {
			return
		}
		for _, q := range []struct{ name, key string }{{"approve", ""}, {"checklist", ""}, {"window", ""}, {"runbook", "ask"}, {"runbook", "unplanned"}} {
			if !f.isGlobal(call.Func, q.name) {
				continue
			}
			asked, name := f.asked(call.Args[0], call.Line()), q.name
			if asked != nil && q.key != "" {
				asked, name = f.asked(asked.value(q.key), call.Line()), q.name+"'s "+q.key
			}
			if asked == nil {
				continue
			}
			by, count := asked.names()
			if why := people.Lacks(by, count); why != "" && effect.ApprovalFault(map[string]any{"by": asked.folded("by")}) == "" {
				list = append(list, Finding{Where: effect.Position{File: f.name, Line: asked.lineOf("by")}, Severity: SeverityError,
					Message: "nobody can agree to " + name + ": " + why, Hint: "name people or roles that stand in people: of the configuration, as many as have to agree"})
			}
		}
	})
	return list
}

// asked reads a table that says who is asked; nil if it is none.
func (f *file) asked(e ast.Expr, line int) *constructor {
	if e == nil {
		return nil
	}
	if table, ok := f.tableOf(e); ok {
		return f.readTable(table, line)
	}
	return nil
}

// value is what stands under a key; nil if nothing does.
func (t *constructor) value(key string) ast.Expr {
	for _, e := range t.keyed {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// folded is the value under a key, if that can be told.
func (t *constructor) folded(key string) any {
	e := t.value(key)
	if e == nil {
		return nil
	}
	v, _ := t.file.fold(e)
	return v
}

// names are those of by, if that can be told, and how many of them are wanted.
func (t *constructor) names() (by []string, count int) {
	count = 1
	if e := t.value("count"); e != nil {
		n, _ := t.file.foldNumber(e)
		count = int(n)
	}
	names, _ := t.folded("by").([]any)
	for _, name := range names {
		if text, ok := name.(string); ok {
			by = append(by, text)
		}
	}
	return by, count
}
