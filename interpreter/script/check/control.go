package check

import (
	"fmt"
	"math"
	"regexp"
	"slices"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// control checks a call of one of the global run-control functions.
func (f *file) control(name string, call *ast.FuncCallExpr) {
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
		f.approve(call)
	case "checklist":
		f.checklist(call)
	case "retry":
		f.retry(call)
	case "wait":
		f.wait(call)
	case "window":
		f.window(call)
	case "parallel":
		f.parallel(call)
	case "fail":
		f.fail(call)
	}
}

// shape checks that a call has these arguments, by their Lua types. Texts may
// not be empty. What is given beyond them has no effect.
func (f *file) shape(call *ast.FuncCallExpr, name, usage string, kinds ...string) {
	n := len(call.Args)
	open := n > 0 && multi(call.Args[n-1])
	if n < len(kinds) && !open {
		f.report(call.Line(), "write "+usage, "%s takes %s", name, argumentCount(len(kinds)))
		return
	}
	for i, arg := range call.Args[:min(n, len(kinds))] {
		if kind := f.kindOf(arg); kind != "" && kind != kinds[i] {
			f.report(call.Line(), "write "+usage, "%s wants %s here, got %s", name, article(kinds[i]), article(kind))
			return
		}
		if text, _ := f.fold(arg); text == "" {
			f.report(call.Line(), "write "+usage, "%s wants a text that is not empty", name)
			return
		}
	}
	if n > len(kinds) {
		f.warn(call.Line(), "write "+usage, "%s takes %s; the rest has no effect", name, argumentCount(len(kinds)))
	}
}

func argumentCount(n int) string {
	switch n {
	case 0:
		return "no arguments"
	case 1:
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func (f *file) onRollback(call *ast.FuncCallExpr) {
	usage := "on_rollback(function() … end)"
	if len(call.Args) > 1 {
		f.shape(call, "on_rollback", `on_rollback("name", function() … end)`, "string", "function")
		return
	}
	if len(call.Args) == 1 && multi(call.Args[0]) {
		return
	}
	f.shape(call, "on_rollback", usage, "function")
}

func (f *file) sleep(call *ast.FuncCallExpr) {
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
		f.report(call.Line(), usage, "sleep wants a duration, got %s", article(kind))
	}
}

// approve checks, beside the arguments, whether anybody could agree.
func (f *file) approve(call *ast.FuncCallExpr) {
	op, ok := f.catalog.Op(effect.OpApprove)
	if !ok || len(call.Args) == 1 && f.kindOf(call.Args[0]) == "string" {
		return
	}
	before := len(f.findings)
	f.namedCall(op, "approve", call)
	if len(call.Args) != 1 || len(f.findings) > before {
		return
	}
	table, ok := f.tableOf(call.Args[0])
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	args := map[string]any{}
	for _, e := range t.keyed {
		switch e.key {
		case "by":
			names, ok := f.fold(e.value)
			if !ok {
				return
			}
			args[e.key] = names
		case "count":
			if n, ok := f.foldNumber(e.value); ok {
				args[e.key] = n
			}
		}
	}
	if fault := effect.ApprovalFault(args); fault != "" {
		f.report(t.lineOf("by"), effect.ApprovalHint,
			"nobody can agree to approve: %s", fault)
	}
}

// checklist checks the arguments; what the items are is checked as far as they
// stand there.
func (f *file) checklist(call *ast.FuncCallExpr) {
	op, ok := f.catalog.Op(effect.OpChecklist)
	if !ok {
		return
	}
	if _, ok := f.oneTable(call, "checklist", `write checklist { title = "…", items = { "…" } }`); ok {
		f.namedCall(op, "checklist", call)
	}
}

func (f *file) retry(call *ast.FuncCallExpr) {
	const usage = "write retry { attempts = 3, function() … end }"
	table, ok := f.oneTable(call, "retry", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	f.checkTable("retry", "", language.RetryFields(), nil, t)
	f.repeats(table)
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
			f.report(t.positional[0].line, usage, "retry wants a function, got %s", article(kind))
		}
	}
}

func (f *file) wait(call *ast.FuncCallExpr) {
	const usage = `write wait { until_ = function() return … end, every = "5s", timeout = "2m" }`
	table, ok := f.oneTable(call, "wait", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	if len(t.positional) > 0 {
		f.report(t.positional[0].line, usage, "wait takes its function by name")
	}
	i := slices.IndexFunc(t.keyed, func(e tableEntry) bool { return e.key == "until_" })
	if i < 0 {
		if t.closed {
			f.report(call.Line(), usage, "wait has to know what for: until_ is missing")
		}
	} else if kind := f.kindOf(t.keyed[i].value); kind != "" && kind != "function" {
		f.report(t.keyed[i].line, usage, "until_ of wait has to be a function, not %s", article(kind))
	}
	t.keyed = slices.DeleteFunc(t.keyed, func(e tableEntry) bool { return e.key == "until_" })
	f.checkTable("wait", "", language.WaitFields()[1:], nil, t)
}

// window checks its arguments as far as they stand there, the windows and
// freezes themselves included.
func (f *file) window(call *ast.FuncCallExpr) {
	const usage = "write " + language.WindowUsage
	table, ok := f.oneTable(call, "window", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	if len(t.positional) > 0 {
		f.report(t.positional[0].line, usage, "window takes its arguments by name")
		return
	}
	before := len(f.findings)
	f.checkTable("window", "", language.WindowFields(), nil, t)
	values, known := f.fold(table)
	named, isMap := values.(map[string]any)
	if len(f.findings) > before || !known || !isMap {
		return
	}
	checked, err := effect.CheckFields(language.WindowFields(), nil, named)
	if err == nil {
		_, err = language.Calendar(checked)
	}
	if err != nil {
		f.fieldError("window", "", err, t)
	}
}

func (f *file) parallel(call *ast.FuncCallExpr) {
	const usage = "write parallel { a = function() … end, b = function() … end }"
	table, ok := f.oneTable(call, "parallel", usage)
	if !ok {
		return
	}
	t := f.readTable(table, call.Line())
	t.keyed = slices.DeleteFunc(t.keyed, f.parallelOption)
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
			f.report(branch.line, "write function() … end", "a branch of parallel has to be a function, not %s", article(kind))
		}
	}
}

// parallelOption checks an option of parallel{}, which stands beside the
// branches.
func (f *file) parallelOption(e tableEntry) bool {
	kind := f.kindOf(e.value)
	switch {
	case kind == "function":
		return false
	case e.key == "fail_fast":
		if kind != "" && kind != "boolean" {
			f.report(e.line, "write fail_fast = false to let all branches run to their end", "fail_fast of parallel has to be true or false, not %s", article(kind))
		}
	case e.key == "limit":
		if n, ok := f.foldNumber(e.value); kind != "" && kind != "number" || ok && (n < 1 || n != math.Trunc(n)) {
			f.report(e.line, "write limit = 3 to have three branches at work at once", "limit of parallel has to be a whole number from 1 on")
		}
	default:
		return false
	}
	return true
}

func (f *file) fail(call *ast.FuncCallExpr) {
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
		f.report(call.Line(), usage, "fail wants a message, got %s", article(kind))
	}
}

// oneTable returns the table of a call that takes one, if it is known.
func (f *file) oneTable(call *ast.FuncCallExpr, name, usage string) (*ast.TableExpr, bool) {
	if len(call.Args) != 1 {
		f.report(call.Line(), usage, "%s takes one table", name)
		return nil, false
	}
	if kind := f.kindOf(call.Args[0]); kind != "" && kind != "table" {
		f.report(call.Line(), usage, "%s takes a table, not %s", name, article(kind))
	}
	return f.tableOf(call.Args[0])
}

// logCall checks a call of log.info and its like, which take one text or one
// table.
func (f *file) logCall(get *ast.AttrGetExpr, call *ast.FuncCallExpr) {
	level, ok := get.Key.(*ast.StringExpr)
	if !ok || !f.isGlobal(get.Object, "log") || !slices.Contains(language.LogLevels(), level.Value) {
		return
	}
	n := len(call.Args)
	if n == 1 || n > 0 && multi(call.Args[n-1]) {
		return
	}
	f.report(call.Line(), fmt.Sprintf("write log.%s \"what happened\"", level.Value), "log.%s takes one text or one table", level.Value)
}
