package check

import (
	"path"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// discarded finds gates of which nobody sees that they failed: in a pcall whose
// answer nobody takes, or a look that counts a bad code as success and of which
// nobody reads the code. What does more than look may be made on a chance, and a
// gate on whose target the script looks again may as well.
func (f *file) discarded(call *ast.FuncCallExpr, line int) {
	if f.isGlobal(call.Func, "pcall") || f.isGlobal(call.Func, "xpcall") {
		at, known := f.calls.at[call]
		if !known || f.calls.list[at].back { // a rollback goes on whatever it sees
			return
		}
		for _, g := range f.onlyGates(call) {
			if g.op == nil || !f.looksAgain(at, g) {
				f.warn(line, "leave out the pcall, or look at what it returns", "nobody sees it where %s fails: the script goes on as if it had not", g.name)
				return
			}
		}
		return
	}
	op, ok := f.opOf(call.Func)
	if !ok || len(call.Args) != 1 {
		return
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok || f.classOf(op, table) != effect.Read || f.asksAfter(call) {
		return
	}
	if f.failsAmong(op, table) {
		f.warn(line, "let only the code that is meant be ok, or look at which it was", "%s counts several codes as success, and nobody looks at which it was: it lets all of them pass", op)
	}
}

// answering are programs that tell by their code what they found.
var answering = []string{"grep", "egrep", "fgrep", "zgrep", "rg", "pgrep", "diff", "cmp", "git", "awk", "sed", "echo", "printf"}

var (
	verifier  = lazyregexp.New(`(^|[-_])(verify|validate)([-_.]|$)`)
	verifying = lazyregexp.New(`^-{0,2}(verify|validate)$`)
)

// failsAmong reports whether of the codes that a call counts as success one is
// certainly a failure: a server's error of 500 and more, or any code but 0 of a
// program that is there to verify. What else a code means its program knows.
func (f *file) failsAmong(op *effect.Op, table *ast.TableExpr) bool {
	var codes []any
	var argv []tableEntry
	for _, entry := range f.readTable(table, 0).keyed {
		switch list, isTable := f.tableOf(entry.value); {
		case entry.key == "ok":
			value, _ := f.fold(entry.value)
			codes, _ = value.([]any)
		case entry.key == "argv" && isTable:
			argv = f.readTable(list, 0).positional
		}
	}
	if len(codes) < 2 {
		return false
	}
	if op.KindArg == "method" {
		return slices.ContainsFunc(codes, func(code any) bool { n, _ := code.(float64); return n >= 500 }) &&
			slices.ContainsFunc(codes, func(code any) bool { n, _ := code.(float64); return n < 300 })
	}
	word := func(i int) string {
		if i >= len(argv) {
			return ""
		}
		value, _ := f.fold(argv[i].value)
		text, _ := value.(string)
		return text
	}
	program := path.Base(word(0))
	return !slices.Contains(answering, program) && (verifier.MatchString(program) || verifying.MatchString(word(1)))
}

// classOf returns the class of a call as far as its arguments are literal.
func (f *file) classOf(op *effect.Op, table *ast.TableExpr) effect.Class {
	return op.ClassFor(f.literal(op, table))
}

// literal returns the arguments of a call that stand there, and what decides its
// class as its default says.
func (f *file) literal(op *effect.Op, table *ast.TableExpr) map[string]any {
	args := map[string]any{}
	for _, entry := range f.readTable(table, 0).keyed {
		if value, known := f.fold(entry.value); known && value != nil {
			args[entry.key] = value
		}
	}
	if op.KindArg != "" && args[op.KindArg] == nil {
		for _, field := range op.Args {
			if field.Name == op.KindArg && field.Default != nil {
				args[op.KindArg] = field.Default
			}
		}
	}
	return args
}

// gate is a look that a protected call makes: of an op, with its arguments where
// they stand there, or a question to people, which has no op here.
type gate struct {
	name string
	op   *effect.Op
	args *ast.TableExpr
}

// onlyGates returns what a protected call does, if that is only to look, and to
// fail where it is not as it should be.
func (f *file) onlyGates(call *ast.FuncCallExpr) []gate {
	if len(call.Args) == 0 {
		return nil
	}
	if op, ok := f.opOf(call.Args[0]); ok {
		if f.judges(op) && len(call.Args) > 1 {
			table, _ := f.tableOf(call.Args[len(call.Args)-1])
			return []gate{{op.String(), op, table}}
		}
		return nil
	}
	fn, ok := f.origin(call.Args[0]).(*ast.FunctionExpr)
	if !ok {
		return nil
	}
	var gates []gate
	for _, s := range fn.Stmts {
		stmt, ok := s.(*ast.FuncCallStmt)
		if !ok {
			return nil
		}
		inner, ok := stmt.Expr.(*ast.FuncCallExpr)
		if !ok {
			return nil
		}
		op, ok := f.opOf(inner.Func)
		switch {
		case ok && f.judges(op):
			gates = append(gates, gate{op.String(), op, f.argsOf(inner)})
		case f.isGlobal(inner.Func, "approve") || f.isGlobal(inner.Func, "checklist"):
			gates = append(gates, gate{name: f.origin(inner.Func).(*ast.IdentExpr).Value})
		default:
			return nil
		}
	}
	return gates
}

// judges reports whether an op is there to fail where what it sees is not good.
func (f *file) judges(op *effect.Op) bool { return op.Judges || f.loopOfReads(op) }

// loopOfReads reports whether an op is a composite that only reads.
func (f *file) loopOfReads(op *effect.Op) bool {
	comp, ok := f.catalog.Composite(op.String())
	return ok && len(comp.Uses) > 0 && !slices.ContainsFunc(comp.Uses, func(name string) bool {
		used, ok := f.catalog.Op(name)
		return !ok || used.Class != effect.Read
	})
}
