package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// sequence is what a file calls, in the order in which it is written.
type sequence struct {
	list []called
	at   map[*ast.FuncCallExpr]int
}

type called struct {
	call   *ast.FuncCallExpr
	caught bool // a pcall is around it
	back   bool // it belongs to a rollback
	later  bool // it stands in a function that may be called at any time
}

// findCalls lists the calls of a file.
func (f *file) findCalls(stmts []ast.Stmt) {
	f.calls = sequence{at: map[*ast.FuncCallExpr]int{}}
	for _, s := range stmts {
		f.listCalls(s, called{}, false)
	}
}

// listCalls lists the calls within a node; handed says that a function here is
// handed to one that calls it at once, as step and parallel do.
func (f *file) listCalls(node any, in called, handed bool) {
	switch n := node.(type) {
	case *ast.FunctionExpr:
		in.later = in.later || !handed
		handed = false
	case *ast.FuncCallExpr:
		in.call = n
		f.calls.at[n] = len(f.calls.list)
		f.calls.list = append(f.calls.list, in)
		id, ok := f.origin(n.Func).(*ast.IdentExpr)
		handed = ok && f.scopes.names[id] == nil
		in.caught = in.caught || f.isGlobal(n.Func, "pcall") || f.isGlobal(n.Func, "xpcall")
		in.back = in.back || f.isGlobal(n.Func, "on_rollback")
	}
	for _, child := range syntax.Children(node) {
		f.listCalls(child, in, handed)
	}
}

// follows reports whether a call may come after the one at a place of the list.
func (f *file) follows(at int, match func(c called) bool) bool {
	for i, c := range f.calls.list {
		if (i > at || c.later) && !c.caught && !c.back && match(c) {
			return true
		}
	}
	return false
}

// asksAfter reports whether people are asked after a call, who see what it showed.
func (f *file) asksAfter(call *ast.FuncCallExpr) bool {
	at, ok := f.calls.at[call]
	return !ok || f.follows(at, func(c called) bool {
		return f.isGlobal(c.call.Func, "approve") || f.isGlobal(c.call.Func, "checklist") || f.leavesFile(c.call)
	})
}

// asksNext reports whether people are asked after a call before anything changes.
func (f *file) asksNext(call *ast.FuncCallExpr) bool {
	at, ok := f.calls.at[call]
	if !ok {
		return true
	}
	for _, c := range f.calls.list[at+1:] {
		switch op, isOp := f.opOf(c.call.Func); {
		case f.isGlobal(c.call.Func, "approve") || f.isGlobal(c.call.Func, "checklist") || f.leavesFile(c.call):
			return true
		case isOp && !f.loopOfReads(op) && f.classOf(op, f.argsOrNone(c.call)) != effect.Read:
			return false
		}
	}
	return false
}

// argsOrNone returns the arguments of a call as far as they are known.
func (f *file) argsOrNone(call *ast.FuncCallExpr) *ast.TableExpr {
	if table := f.argsOf(call); table != nil {
		return table
	}
	return &ast.TableExpr{}
}

// looksAgain reports whether the script, after a gate that nobody hears, looks at
// the same by the same module where its failure counts, or may do so in another
// file.
func (f *file) looksAgain(at int, g gate) bool {
	return f.follows(at, func(c called) bool {
		op, ok := f.opOf(c.call.Func)
		if !ok {
			return f.leavesFile(c.call)
		}
		return op.Module == g.op.Module && (op.Class == effect.Read || f.loopOfReads(op)) && f.mayBeSame(g.args, f.argsOf(c.call))
	})
}

// argsOf returns the table of named arguments of a call, nil if it is not known.
func (f *file) argsOf(call *ast.FuncCallExpr) *ast.TableExpr {
	if len(call.Args) != 1 {
		return nil
	}
	table, _ := f.tableOf(call.Args[0])
	return table
}

// mayBeSame reports whether two calls may be about the same: no text that both are
// given is another one.
func (f *file) mayBeSame(a, b *ast.TableExpr) bool {
	if a == nil || b == nil {
		return true
	}
	texts := map[string]string{}
	for _, entry := range f.readTable(a, 0).keyed {
		if value, ok := f.fold(entry.value); ok {
			if text, ok := value.(string); ok && entry.key != "timeout" && entry.key != "during" && entry.key != "every" {
				texts[entry.key] = text
			}
		}
	}
	for _, entry := range f.readTable(b, 0).keyed {
		was, given := texts[entry.key]
		if value, ok := f.fold(entry.value); given && ok && value != was {
			return false
		}
	}
	return true
}

// leavesFile reports whether a call is of a function of another file of the team,
// of which this one does not tell what it does.
func (f *file) leavesFile(call *ast.FuncCallExpr) bool {
	fn := f.origin(call.Func)
	for range maxAlias {
		if name, ok := f.requireOf(fn); ok {
			_, standard := f.catalog.Module(name)
			return !standard
		}
		get, ok := fn.(*ast.AttrGetExpr)
		if !ok {
			return false
		}
		fn = f.origin(get.Object)
	}
	return false
}
