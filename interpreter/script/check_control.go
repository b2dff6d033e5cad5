package script

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// logLevels returns the members of the global log.
func logLevels() []string { return []string{"debug", "info", "warn", "error"} }

// control checks a call of one of the global run-control functions.
func (f *checkFile) control(name string, call *ast.FuncCallExpr) {
	switch name {
	case "runbook":
		f.runbookCall(call)
	case "step":
		f.shape(call, name, `step("name", function() … end)`, "string", "function")
	case "checkpoint":
		f.shape(call, name, `checkpoint "name"`, "string")
	case "env":
		f.shape(call, name, `env "NAME"`, "string")
	case "now", "uuid":
		f.shape(call, name, name+"()")
	case "on_rollback":
		f.onRollback(call)
	case "sleep":
		f.sleep(call)
	case "approve":
		if op, ok := f.catalog.Op(effect.OpApprove); ok && !(len(call.Args) == 1 && f.kindOf(call.Args[0]) == "string") {
			f.namedCall(op, name, call)
		}
	case "retry":
		f.retry(call)
	case "parallel":
		f.parallel(call)
	case "fail":
		f.fail(call)
	}
}

// shape checks that a call has these arguments, by their Lua types. Texts may
// not be empty. What is given beyond them has no effect.
func (f *checkFile) shape(call *ast.FuncCallExpr, name, usage string, kinds ...string) {
	n := len(call.Args)
	open := n > 0 && checkMulti(call.Args[n-1])
	if n < len(kinds) && !open {
		f.report(call.Line(), "write "+usage, "%s takes %s", name, checkCount(len(kinds)))
		return
	}
	for i, arg := range call.Args[:min(n, len(kinds))] {
		if kind := f.kindOf(arg); kind != "" && kind != kinds[i] {
			f.report(call.Line(), "write "+usage, "%s wants %s here, got %s", name, checkArticle(kinds[i]), checkArticle(kind))
			return
		}
		if text, _ := f.fold(arg); text == "" {
			f.report(call.Line(), "write "+usage, "%s wants a text that is not empty", name)
			return
		}
	}
	if n > len(kinds) {
		f.warn(call.Line(), "write "+usage, "%s takes %s; the rest has no effect", name, checkCount(len(kinds)))
	}
}

func checkCount(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func (f *checkFile) onRollback(call *ast.FuncCallExpr) {
	usage := "on_rollback(function() … end)"
	if len(call.Args) > 1 {
		f.shape(call, "on_rollback", `on_rollback("name", function() … end)`, "string", "function")
		return
	}
	if len(call.Args) == 1 && checkMulti(call.Args[0]) {
		return
	}
	f.shape(call, "on_rollback", usage, "function")
}

func (f *checkFile) sleep(call *ast.FuncCallExpr) {
	const usage = `write sleep "15m"`
	op, ok := f.catalog.Op(effect.OpSleep)
	if !ok {
		return
	}
	if len(call.Args) != 1 {
		f.report(call.Line(), usage, "sleep takes one argument, how long")
		return
	}
	arg := call.Args[0]
	switch kind := f.kindOf(arg); kind {
	case "table":
		f.namedCall(op, "sleep", call)
	case "string", "number":
		for i := range op.Args {
			if op.Args[i].Name == "duration" {
				f.checkValue("sleep", "", &op.Args[i], arg, call.Line())
			}
		}
	case "":
	default:
		f.report(call.Line(), usage, "sleep wants a duration, got %s", checkArticle(kind))
	}
}

// retryFields declares the named arguments of retry{}.
func retryFields() []effect.Field {
	return []effect.Field{
		{Name: "attempts", Type: effect.Int, Min: effect.Bound(1)},
		{Name: "wait", Type: effect.Duration},
		{Name: "backoff", Type: effect.Number},
		{Name: "max_wait", Type: effect.Duration},
		{Name: "any", Type: effect.Bool},
	}
}

func (f *checkFile) retry(call *ast.FuncCallExpr) {
	const usage = "write retry { attempts = 3, function() … end }"
	table, ok := f.oneTable(call, "retry", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	f.checkTable("retry", "", retryFields(), nil, t)
	for _, e := range t.keyed {
		if n, ok := f.foldNumber(e.value); ok && e.key == "backoff" && n < 1 {
			f.report(e.line, "write backoff = 2 to double the pauses, 1 to keep them", "retry: backoff must be at least 1")
		}
	}
	switch {
	case len(t.positional) == 0 && t.closed:
		f.report(call.Line(), usage, "retry has no function to try")
	case len(t.positional) > 1:
		f.report(t.positional[1].line, "put both into one function", "retry takes one function")
	case len(t.positional) == 1:
		if kind := f.kindOf(t.positional[0].value); kind != "" && kind != "function" {
			f.report(t.positional[0].line, usage, "retry wants a function, got %s", checkArticle(kind))
		}
	}
}

func (f *checkFile) parallel(call *ast.FuncCallExpr) {
	const usage = "write parallel { a = function() … end, b = function() … end }"
	table, ok := f.oneTable(call, "parallel", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	if len(t.keyed) > 0 && len(t.positional) > 0 {
		f.report(call.Line(), "name all branches or none", "parallel mixes named branches with others")
	}
	for _, branch := range t.keyed {
		if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`).MatchString(branch.key) {
			f.report(branch.line, "use letters, digits, _ and -, and begin with a letter", "%q cannot be the name of a branch", branch.key)
		}
	}
	for _, branch := range append(t.keyed, t.positional...) {
		if kind := f.kindOf(branch.value); kind != "" && kind != "function" && kind != "nil" {
			f.report(branch.line, "write function() … end", "a branch of parallel has to be a function, not %s", checkArticle(kind))
		}
	}
}

func (f *checkFile) fail(call *ast.FuncCallExpr) {
	const usage = `write fail "what went wrong"`
	if len(call.Args) == 0 {
		f.report(call.Line(), usage, "fail wants a message")
		return
	}
	if table, ok := f.tableOf(call.Args[0]); ok {
		text := effect.Field{Type: effect.String}
		code, hint := text, text
		code.Name, hint.Name = "code", "hint"
		message := effect.Field{Name: "message", Type: effect.String, Required: true}
		t := f.readTable(table, call.Line())
		f.checkTable("fail", "", []effect.Field{message, code, hint}, nil, t)
		return
	}
	switch kind := f.kindOf(call.Args[0]); kind {
	case "boolean", "function", "nil":
		f.report(call.Line(), usage, "fail wants a message, got %s", checkArticle(kind))
	}
}

// oneTable returns the table of a call that takes one, if it is known.
func (f *checkFile) oneTable(call *ast.FuncCallExpr, name, usage string) (*ast.TableExpr, bool) {
	if len(call.Args) != 1 {
		f.report(call.Line(), usage, "%s takes one table", name)
		return nil, false
	}
	if kind := f.kindOf(call.Args[0]); kind != "" && kind != "table" {
		f.report(call.Line(), usage, "%s takes a table, not %s", name, checkArticle(kind))
	}
	return f.tableOf(call.Args[0])
}

// logCall checks a call of log.info and its like, which take one text or one
// table.
func (f *checkFile) logCall(get *ast.AttrGetExpr, call *ast.FuncCallExpr) {
	level, ok := get.Key.(*ast.StringExpr)
	if !ok || !f.isGlobal(get.Object, "log") || !slices.Contains(logLevels(), level.Value) {
		return
	}
	n := len(call.Args)
	if n == 1 || n > 0 && checkMulti(call.Args[n-1]) {
		return
	}
	f.report(call.Line(), fmt.Sprintf("write log.%s \"what happened\"", level.Value), "log.%s takes one text or one table", level.Value)
}

// libraryMembers returns what the sandbox keeps of Lua's own libraries.
func libraryMembers() map[string][]string {
	return map[string][]string{
		"string": {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper"},
		"table":  {"concat", "getn", "insert", "maxn", "remove", "sort", "unpack"},
		"math": {"abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "huge",
			"ldexp", "log", "log10", "max", "min", "mod", "modf", "pi", "pow", "rad", "random", "sin", "sinh", "sqrt", "tan", "tanh"},
		"coroutine": {"create", "isyieldable", "resume", "running", "status", "wrap", "yield"},
	}
}
