package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// findExtended finds the locals whose tables may hold more than what an op
// returned: the script sets a field of them, by whatever name, or hands them to a
// function of its own.
func (f *file) findExtended(stmts []ast.Stmt) {
	f.extended = map[*variable]bool{}
	for _, s := range stmts {
		syntax.Each(s, func(node any) {
			switch n := node.(type) {
			case *ast.AssignStmt:
				for _, target := range n.Lhs {
					f.extend(target)
				}
				f.extendAll(n.Rhs) // kept where others reach it
			case *ast.ReturnStmt:
				f.extendAll(n.Exprs)
			case *ast.TableExpr:
				for _, field := range n.Fields {
					f.extendAll([]ast.Expr{field.Value})
				}
			case *ast.FuncCallExpr:
				if f.onlyReadsArguments(n) {
					return
				}
				f.extendAll(n.Args)
			}
		})
	}
}

// extendAll notes those of some values that are tables, or may be.
func (f *file) extendAll(values []ast.Expr) {
	for _, value := range values {
		if kind, of := f.kindOfResult(value); of != nil && (kind == "table" || kind == "") {
			f.extend(value)
		}
	}
}

// extend notes the local that a table belongs to, and those that it came from.
func (f *file) extend(e ast.Expr) {
	for range maxAlias {
		switch n := e.(type) {
		case *ast.AttrGetExpr:
			e = n.Object
		case *ast.IdentExpr:
			v := f.scopes.names[n]
			if v == nil {
				return
			}
			f.extended[v] = true
			if e = v.each; e == nil {
				e = v.init
			}
		default:
			return
		}
	}
}

// reading are globals that leave their arguments as they are.
var reading = []string{"pairs", "ipairs", "next", "print", "tostring", "tonumber", "type", "assert", "error", "select", "unpack", "fail"}

// onlyReadsArguments reports whether a call leaves the tables that it is given as
// they are: that of an op, of the language, or of a library.
func (f *file) onlyReadsArguments(call *ast.FuncCallExpr) bool {
	if _, ok := f.opOf(call.Func); ok {
		return true
	}
	switch fn := f.origin(call.Func).(type) {
	case *ast.IdentExpr:
		return f.scopes.names[fn] == nil && slices.Contains(reading, fn.Value)
	case *ast.AttrGetExpr:
		lib, ok := f.origin(fn.Object).(*ast.IdentExpr)
		return ok && f.scopes.names[lib] == nil && lib.Value != "table"
	}
	return false
}

// shapeOf returns what is declared of a value that comes out of an op: of the
// whole result, of a part of it, or of an element that a loop goes through. It
// returns nil for everything else.
func (f *file) shapeOf(e ast.Expr) *effect.Field { return f.declared(e, maxAlias) }

func (f *file) declared(e ast.Expr, depth int) *effect.Field {
	if depth == 0 {
		return nil
	}
	switch e := e.(type) {
	case *ast.IdentExpr:
		v := f.scopes.names[e]
		switch {
		case v == nil || v.assigned || f.extended[v]:
		case v.each != nil:
			return elementOf(f.declared(v.each, depth-1))
		case v.init != nil:
			return f.declared(v.init, depth-1)
		}
	case *ast.FuncCallExpr:
		if op, ok := f.opOf(e.Func); ok && e.Method == "" && len(op.Returns) > 0 {
			return &effect.Field{Name: op.String(), Type: effect.Object, Fields: op.Returns}
		}
	case *ast.AttrGetExpr:
		whole := f.declared(e.Object, depth-1)
		if whole == nil {
			return nil
		}
		if key, ok := e.Key.(*ast.StringExpr); ok && whole.Type == effect.Object {
			if i := fieldNamed(whole, key.Value); i >= 0 {
				return &whole.Fields[i]
			}
			return nil
		}
		return elementOf(whole)
	}
	return nil
}

// elementOf returns what is declared of each element of a list or a map.
func elementOf(whole *effect.Field) *effect.Field {
	if whole == nil || whole.Type != effect.List && whole.Type != effect.Map {
		return nil
	}
	return whole.Elem
}

func fieldNamed(of *effect.Field, name string) int {
	return slices.IndexFunc(of.Fields, func(field effect.Field) bool { return field.Name == name })
}

// resultField warns of a look at what an op does not return, which is always
// nil, and reports whether what it looks into comes out of an op.
func (f *file) resultField(get *ast.AttrGetExpr, name string, line int) bool {
	of := f.shapeOf(get.Object)
	if of == nil || of.Type != effect.Object || len(of.Fields) == 0 {
		return of != nil
	}
	if fieldNamed(of, name) >= 0 {
		return true
	}
	var names []string
	for _, field := range of.Fields {
		names = append(names, field.Name)
	}
	hint := effect.DidYouMean(name, names)
	if hint == "" {
		hint = "there are " + strings.Join(names, ", ")
	}
	f.warn(line, hint, "%s is always nil: what %s returns has no such field", textOf(get), sourceOf(f, get.Object))
	return true
}

// sourceOf names the op whose result an expression is a part of.
func sourceOf(f *file, e ast.Expr) string {
	for range maxAlias {
		switch n := e.(type) {
		case *ast.AttrGetExpr:
			e = n.Object
		case *ast.IdentExpr:
			v := f.scopes.names[n]
			if v == nil {
				return "the op"
			}
			if e = v.each; e == nil {
				e = v.init
			}
		case *ast.FuncCallExpr:
			if op, ok := f.opOf(n.Func); ok {
				return op.String()
			}
			return "the op"
		default:
			return "the op"
		}
	}
	return "the op"
}

// textOf writes a look into a table as a script does, as far as it is names.
func textOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e.Value
	case *ast.AttrGetExpr:
		if key, ok := e.Key.(*ast.StringExpr); ok {
			return textOf(e.Object) + "." + key.Value
		}
		return textOf(e.Object) + "[…]"
	case *ast.FuncCallExpr:
		return textOf(e.Func) + " {…}"
	}
	return "…"
}

// kindOfResult returns Lua's name of the type that a part of a result has, and
// what is declared of it; "" if that is not known.
func (f *file) kindOfResult(e ast.Expr) (string, *effect.Field) {
	of := f.shapeOf(e)
	if of == nil {
		return "", nil
	}
	switch of.Type {
	case effect.Int, effect.Number, effect.Duration, effect.Percent, effect.Size:
		return "number", of
	case effect.String, effect.Enum:
		if of.Secret {
			return "", nil
		}
		return "string", of
	case effect.Bool:
		return "boolean", of
	case effect.List, effect.Map, effect.Object:
		return "table", of
	}
	return "", nil
}

// slow is a latency, in seconds, that nobody means who writes a threshold.
const slow = 60

// comparison finds comparisons of a result that come out the same whatever was
// seen, or that fail.
func (f *file) comparison(n *ast.RelationalOpExpr) {
	result, other := n.Lhs, n.Rhs
	kind, of := f.kindOfResult(result)
	if of == nil {
		result, other = other, result
		if kind, of = f.kindOfResult(result); of == nil {
			return
		}
	}
	against := f.kindOf(other)
	if against == "" {
		against, _ = f.kindOfResult(other)
	}
	line, equality := max(n.Line(), result.Line()), n.Operator == "==" || n.Operator == "~="
	if i := f.unitIn(other); i >= 0 && of.Type == effect.Duration {
		f.warn(line, "write "+fmt.Sprintf(units[i].turned, textOf(result)), "%s is in seconds, and %s is in %s", textOf(result), textOf(other), units[i].name)
		return
	}
	switch {
	case against == "" || against == "nil" && equality:
	case against != kind && equality:
		f.warn(line, "", "%s is %s, and %s is %s: they are never equal", textOf(result), article(kind), literalText(f, other), article(against))
	case against != kind && (kind == "string" || kind == "number" || kind == "table") && !equality:
		hint := ""
		if kind == "string" && against == "number" {
			hint = fmt.Sprintf("write tonumber(%s)", textOf(result))
		}
		f.report(line, hint, "%s is %s, and cannot be compared with %s", textOf(result), article(kind), article(against))
	case kind == "string" && !equality:
		if value, ok := f.fold(other); ok {
			if comesInAnyLength(fmt.Sprint(value)) && !f.isTime(result) {
				f.warn(line, fmt.Sprintf("write tonumber(%s), and the number without quotes", textOf(result)), "%s is compared with %q letter by letter: \"9\" comes after \"10\"", textOf(result), value)
			}
		}
	case kind == "string" && equality && len(of.Enum) > 0:
		if value, ok := f.fold(other); ok && !slices.Contains(of.Enum, fmt.Sprint(value)) {
			hint := effect.DidYouMean(fmt.Sprint(value), of.Enum)
			if hint == "" {
				hint = "it is " + strings.Join(of.Enum, ", ")
			}
			f.warn(line, hint, "%s is never %q", textOf(result), value)
		}
	case kind == "number" && of.Type == effect.Duration && strings.HasSuffix(of.Name, "latency"):
		if limit, ok := f.foldNumber(other); ok && limit >= slow {
			f.warn(line, fmt.Sprintf("write %g for %gms", limit/1000, limit), "%s is in seconds, and %g of them are %s", textOf(result), limit, effect.FormatDuration(effect.Seconds(limit)))
		}
	}
}

// comesInAnyLength reports whether a text is a number of a kind that comes with more
// and with fewer digits: not a day, a year or what is filled up with zeros, of which
// the letters are in order too.
func comesInAnyLength(text string) bool {
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return false
	}
	whole, _, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return len(whole) < 4 && (whole == "0" || !strings.HasPrefix(whole, "0"))
}

// isTime reports whether a part of a result is what date printed, whose fields are
// of one length.
func (f *file) isTime(e ast.Expr) bool {
	for range maxAlias {
		switch n := e.(type) {
		case *ast.AttrGetExpr:
			e = n.Object
		case *ast.IdentExpr:
			v := f.scopes.names[n]
			if v == nil {
				return false
			}
			if e = v.each; e == nil {
				e = v.init
			}
		case *ast.FuncCallExpr:
			date := false
			syntax.Each(n, func(node any) {
				text, ok := node.(*ast.StringExpr)
				date = date || ok && dates.MatchString(text.Value)
			})
			return date
		default:
			return false
		}
	}
	return false
}

var dates = lazyregexp.New(`(^|[\s/;|&])date(\s|$)`)

func literalText(f *file, e ast.Expr) string {
	if value, ok := f.fold(e); ok {
		if text, ok := value.(string); ok {
			return fmt.Sprintf("%q", text)
		}
		return fmt.Sprint(value)
	}
	return textOf(e)
}

// condition finds conditions on the whole result of an op, which is a table: it
// counts as true, whatever stands in it.
func (f *file) condition(e ast.Expr) {
	switch n := e.(type) {
	case *ast.LogicalOpExpr:
		f.condition(n.Lhs)
		f.condition(n.Rhs)
	case *ast.FuncCallExpr:
		of := f.shapeOf(n)
		if of == nil {
			return
		}
		hint := "look at a field of it"
		if i := slices.IndexFunc(of.Fields, func(field effect.Field) bool { return field.Type == effect.Bool }); i >= 0 {
			hint = fmt.Sprintf("look at %s {…}.%s", textOf(n.Func), of.Fields[i].Name)
		}
		f.warn(n.Line(), hint, "%s returns a table, which counts as true whatever stands in it", of.Name)
	}
}

// unheard finds calls whose answer is all that they are for, and that nobody looks
// at: no script, and nobody who is asked next.
func (f *file) unheard(n *ast.FuncCallStmt) {
	call, ok := n.Expr.(*ast.FuncCallExpr)
	if !ok {
		return
	}
	f.discarded(call, max(n.Line(), call.Line()))
	if op, ok := f.opOf(call.Func); ok && op.Answers && !f.asksNext(call) {
		f.warn(max(n.Line(), call.Line()), "let it decide what comes next, or leave it out", "nobody looks at what %s returns: it fails on nothing that it sees", op)
	}
}
