package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// opCall checks a call of an op or composite as far as its arguments are
// literal.
func (f *file) opCall(op *effect.Op, call *ast.FuncCallExpr) {
	f.namedCall(op, op.String(), call)
}

// namedCall checks a call that takes one table of named arguments; name is
// what the script writes ("approve" for run.approve).
func (f *file) namedCall(op *effect.Op, name string, call *ast.FuncCallExpr) {
	if len(call.Args) == 0 {
		f.arguments(op, name, &ast.TableExpr{}, call.Line())
		return
	}
	if len(call.Args) > 1 {
		f.report(call.Line(), "write "+language.Usage(op, name), "%s takes one table of named arguments", name)
		return
	}
	arg := call.Args[0]
	if table, ok := f.tableOf(arg); ok {
		f.arguments(op, name, table, call.Line())
		return
	}
	switch kind := f.kindOf(arg); kind {
	case "", "table":
	default:
		f.report(call.Line(), "write "+language.Usage(op, name), "%s takes a table of named arguments, not %s", name, article(kind))
	}
}

// arguments checks a table of named arguments against the op's declaration.
func (f *file) arguments(op *effect.Op, name string, table *ast.TableExpr, line int) {
	t := f.readTable(table, line)
	for _, p := range t.positional {
		f.report(p.line, "write "+language.Usage(op, name), "%s takes named arguments; this one has no name", name)
	}
	before := len(f.findings)
	if op.Module != effect.ControlModule {
		f.takeUndo(op, name, t)
	}
	f.checkTable(name, "", op.Args, op.Rest, t)
	if !t.closed || len(t.positional) > 0 || len(f.findings) > before || op.Validate == nil {
		return
	}
	args, ok := t.values()
	if !ok {
		return
	}
	if _, err := op.Check(args); err != nil {
		f.fieldError(name, "", err, t)
	}
}

// takeUndo checks the undo of a call and takes it out of the arguments.
func (f *file) takeUndo(op *effect.Op, name string, t *constructor) {
	at := slices.IndexFunc(t.keyed, func(e tableEntry) bool { return e.key == language.Undo })
	if at < 0 {
		return
	}
	e := t.keyed[at]
	switch kind := f.kindOf(e.value); {
	case kind != "" && kind != "function":
		if op.Rest != nil {
			return // a server may have the name
		}
		f.report(e.line, "write undo = function() … end", "%s: undo: should be a function that takes the call back, not %s", name, article(kind))
	case op.ReadsOnly():
		f.report(e.line, "leave undo out", "%s: undo: it only reads, so that there is nothing to take back", name)
	}
	t.keyed = slices.Delete(t.keyed, at, at+1)
}

// tableEntry is one key of a table constructor.
type tableEntry struct {
	key   string
	value ast.Expr
	line  int
}

// constructor is a table constructor as far as it can be read.
type constructor struct {
	line       int
	keyed      []tableEntry
	positional []tableEntry
	closed     bool // every key is known
	file       *file
}

// readTable sorts a table constructor's entries. The last value given for a
// key counts, as in Lua; nil removes nothing and is left out.
func (f *file) readTable(table *ast.TableExpr, line int) *constructor {
	t := &constructor{line: line, closed: true, file: f}
	at := map[string]int{}
	for i, field := range table.Fields {
		here := line
		for _, e := range []ast.Expr{field.Value, field.Key} { // the key's line counts if it has one
			if e != nil && e.Line() > 0 {
				here = e.Line()
			}
		}
		if field.Key == nil {
			switch {
			case f.kindOf(field.Value) == "nil":
			case i == len(table.Fields)-1 && multi(field.Value): // may give no value at all
				t.closed = false
			default:
				t.positional = append(t.positional, tableEntry{"", field.Value, here})
			}
			continue
		}
		key, known := f.fold(field.Key)
		name, isText := key.(string)
		if !known || !isText {
			t.closed = false
			continue
		}
		entry := tableEntry{name, field.Value, here}
		if j, dup := at[name]; dup {
			f.warn(here, "", "%s is given twice; the first is lost", name)
			t.keyed[j] = entry
			continue
		}
		at[name] = len(t.keyed)
		t.keyed = append(t.keyed, entry)
	}
	return t
}

// values returns the whole table if all of it is literal.
func (t *constructor) values() (map[string]any, bool) {
	out := map[string]any{}
	for _, e := range t.keyed {
		v, ok := t.file.fold(e.value)
		if !ok {
			return nil, false
		}
		if v != nil {
			out[e.key] = v
		}
	}
	return out, true
}

// lineOf returns the line of the key that a FieldError's path begins with.
func (t *constructor) lineOf(path string) int {
	for _, e := range t.keyed {
		if rest, ok := strings.CutPrefix(path, e.key); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return e.line
		}
	}
	return t.line
}

// checkTable checks a table's keys and literal values against fields. The
// path leads to the table: "" for a call's arguments.
func (f *file) checkTable(name, path string, fields []effect.Field, rest *effect.Field, t *constructor) {
	present := map[string]bool{}
	byName := map[string]*effect.Field{}
	for i := range fields {
		byName[fields[i].Name] = &fields[i]
	}
	unknown := map[string]any{}
	for _, e := range t.keyed {
		field := byName[e.key]
		if f.kindOf(e.value) == "nil" {
			continue
		}
		present[e.key] = true
		if field == nil {
			field = rest
		}
		if field == nil {
			unknown[e.key] = true
			continue
		}
		f.checkValue(name, language.Join(path, e.key), field, e.value, e.line)
	}
	meant := f.unknownKeys(name, path, fields, unknown, t)
	if !t.closed {
		return
	}
	for i := range fields {
		if fields[i].Required && !present[fields[i].Name] && !meant[fields[i].Name] {
			_, err := effect.CheckFields(fields[i:i+1], nil, nil)
			f.fieldError(name, path, err, t)
		}
	}
}

// unknownKeys reports the keys that no field has, and returns the fields that
// they were probably meant for.
func (f *file) unknownKeys(name, path string, fields []effect.Field, unknown map[string]any, t *constructor) map[string]bool {
	optional := make([]effect.Field, len(fields))
	var names []string
	for i := range fields {
		optional[i] = fields[i]
		optional[i].Required, optional[i].Default = false, nil
		names = append(names, fields[i].Name)
	}
	meant := map[string]bool{}
	for key := range unknown {
		_, err := effect.CheckFields(optional, nil, map[string]any{key: true})
		f.fieldError(name, path, err, t)
		if near, ok := effect.Nearest(key, names); ok {
			meant[near] = true
		}
	}
	return meant
}

// checkValue checks one value as far as it is literal.
func (f *file) checkValue(name, path string, field *effect.Field, e ast.Expr, line int) {
	if v, ok := f.fold(e); ok {
		if _, err := field.Check(v); err != nil {
			var fe *effect.FieldError
			if errors.As(err, &fe) {
				f.report(line, fe.Hint, "%s: %s", under(name, language.Join(path, fe.Path)), fe.Problem)
			}
		}
		return
	}
	if f.kindOf(e) == "function" {
		f.report(line, "", "%s: %s: a function cannot be an argument here", name, path)
		return
	}
	table, ok := f.tableOf(e)
	if !ok {
		return
	}
	t := f.readTable(table, line)
	switch field.Type {
	case effect.Object:
		f.checkTable(name, path, field.Fields, nil, t)
	case effect.Map:
		if field.Elem != nil {
			for _, entry := range t.keyed {
				f.checkValue(name, language.Join(path, entry.key), field.Elem, entry.value, entry.line)
			}
		}
	case effect.List:
		if field.Elem != nil {
			for i, entry := range t.positional {
				f.checkValue(name, fmt.Sprintf("%s[%d]", path, i+1), field.Elem, entry.value, entry.line)
			}
		}
	case effect.Any:
	default:
		f.report(line, "", "%s: %s: wants a %s, got a table", name, path, field.Type)
	}
}

// fieldError reports an error of the effect package at the line of its key.
func (f *file) fieldError(name, path string, err error, t *constructor) {
	var fe *effect.FieldError
	if !errors.As(err, &fe) {
		return
	}
	f.report(t.lineOf(fe.Path), fe.Hint, "%s: %s", under(name, language.Join(path, fe.Path)), fe.Problem)
}

// under puts a path, if there is one, under the name of what is called.
func under(name, path string) string {
	if path == "" {
		return name
	}
	return name + ": " + path
}
