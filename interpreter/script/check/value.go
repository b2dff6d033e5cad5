package check

import (
	"math"
	"strconv"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxAlias bounds how many locals are followed from name to value.
const maxAlias = 16

// origin follows a name to the expression it certainly stands for: through
// locals that are never given another value. Other expressions are returned
// as they are.
func (f *file) origin(e ast.Expr) ast.Expr {
	for range maxAlias {
		id, ok := e.(*ast.IdentExpr)
		if !ok {
			return e
		}
		v := f.scopes.names[id]
		if v == nil || v.constant() == nil {
			return e
		}
		e = v.constant()
	}
	return e
}

// isGlobal reports whether an expression is the global of that name.
func (f *file) isGlobal(e ast.Expr, name string) bool {
	id, ok := f.origin(e).(*ast.IdentExpr)
	return ok && id.Value == name && f.scopes.names[id] == nil
}

// requireOf returns the module's name if an expression is a call of require
// with a text.
func (f *file) requireOf(e ast.Expr) (string, bool) {
	call, ok := e.(*ast.FuncCallExpr)
	if !ok || call.Method != "" || len(call.Args) != 1 || !f.isGlobal(call.Func, "require") {
		return "", false
	}
	name, ok := call.Args[0].(*ast.StringExpr)
	if !ok {
		return "", false
	}
	return name.Value, true
}

// moduleOf returns the standard module that an expression certainly is.
func (f *file) moduleOf(e ast.Expr) (effect.Module, bool) {
	name, ok := f.requireOf(f.origin(e))
	if !ok || name == effect.ControlModule {
		return effect.Module{}, false
	}
	return f.catalog.Module(name)
}

// opOf returns the op or composite that an expression certainly is.
func (f *file) opOf(e ast.Expr) (*effect.Op, bool) {
	get, ok := f.origin(e).(*ast.AttrGetExpr)
	if !ok {
		return nil, false
	}
	module, ok := f.moduleOf(get.Object)
	key, isText := get.Key.(*ast.StringExpr)
	if !ok || !isText {
		return nil, false
	}
	return f.member(module.Name + "." + key.Value)
}

func (f *file) member(name string) (*effect.Op, bool) {
	if op, ok := f.catalog.Op(name); ok {
		return op, true
	}
	if comp, ok := f.catalog.Composite(name); ok {
		return &comp.Op, true
	}
	return nil, false
}

// maxFold bounds the work on one constant, and the length of a text that
// comes of it: locals that double one another grow without end.
const (
	maxFold = 1000
	maxText = 64 << 10
)

// fold returns the value of an expression that is the same in every run: a
// literal, or arithmetic and concatenation of literals.
func (f *file) fold(e ast.Expr) (value any, known bool) {
	if f.folding == 0 {
		f.folding = maxFold
		defer func() { f.folding = 0 }()
	}
	if f.folding == 1 {
		return nil, false
	}
	f.folding--
	switch e := f.origin(e).(type) {
	case *ast.NilExpr:
		return nil, true
	case *ast.TrueExpr:
		return true, true
	case *ast.FalseExpr:
		return false, true
	case *ast.StringExpr:
		return e.Value, true
	case *ast.NumberExpr:
		return numberOf(e.Value)
	case *ast.UnaryMinusOpExpr:
		if n, ok := f.foldNumber(e.Expr); ok {
			return -n, true
		}
	case *ast.ArithmeticOpExpr:
		return f.foldArithmetic(e)
	case *ast.StringConcatOpExpr:
		return f.foldConcat(e)
	}
	if t, ok := f.tableOf(e); ok {
		return f.foldTable(t)
	}
	return nil, false
}

func (f *file) foldConcat(e *ast.StringConcatOpExpr) (any, bool) {
	l, _ := f.fold(e.Lhs)
	left, ok := l.(string)
	if !ok {
		return nil, false
	}
	r, _ := f.fold(e.Rhs)
	right, ok := r.(string)
	if !ok || len(left)+len(right) > maxText {
		return nil, false
	}
	return left + right, true
}

func (f *file) foldNumber(e ast.Expr) (float64, bool) {
	v, ok := f.fold(e)
	n, isNumber := v.(float64)
	return n, ok && isNumber
}

func (f *file) foldArithmetic(e *ast.ArithmeticOpExpr) (any, bool) {
	l, lok := f.foldNumber(e.Lhs)
	r, rok := f.foldNumber(e.Rhs)
	if !lok || !rok {
		return nil, false
	}
	switch e.Operator {
	case "+":
		return l + r, true
	case "-":
		return l - r, true
	case "*":
		return l * r, true
	case "/":
		return l / r, true
	case "^":
		return math.Pow(l, r), true
	}
	return nil, false
}

// foldTable returns a table of literals as []any or map[string]any. Tables
// that are neither a list nor keyed by text are not known.
func (f *file) foldTable(t *ast.TableExpr) (any, bool) {
	list := []any{}
	fields := map[string]any{}
	for _, field := range t.Fields {
		v, ok := f.fold(field.Value)
		if !ok {
			return nil, false
		}
		if field.Key == nil {
			if v == nil {
				return nil, false
			}
			list = append(list, v)
			continue
		}
		key, ok := f.fold(field.Key)
		name, isText := key.(string)
		if !ok || !isText {
			return nil, false
		}
		if v != nil {
			fields[name] = v
		}
	}
	switch {
	case len(fields) == 0 && len(list) > 0:
		return list, true
	case len(list) == 0:
		return fields, true
	}
	return nil, false
}

func numberOf(text string) (any, bool) {
	if n, err := strconv.ParseInt(text, 0, 64); err == nil { // as gopher-lua reads it
		return float64(n), true
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// kindOf returns Lua's name of the type that an expression certainly has, or
// "" if that is not certain.
func (f *file) kindOf(e ast.Expr) string {
	switch e := f.origin(e).(type) {
	case *ast.NilExpr:
		return "nil"
	case *ast.TrueExpr, *ast.FalseExpr, *ast.UnaryNotOpExpr:
		return "boolean"
	case *ast.NumberExpr:
		return "number"
	case *ast.StringExpr:
		return "string"
	case *ast.TableExpr:
		return "table"
	case *ast.FunctionExpr:
		return "function"
	case *ast.StringConcatOpExpr, *ast.ArithmeticOpExpr, *ast.UnaryMinusOpExpr:
		if v, ok := f.fold(e); ok {
			switch v.(type) {
			case string:
				return "string"
			case float64:
				return "number"
			}
		}
	}
	return ""
}

// article puts "a" or "an" before a type's name, for messages.
func article(kind string) string {
	if kind == "nil" {
		return "nil"
	}
	return "a " + kind
}
