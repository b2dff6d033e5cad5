package script

import (
	"fmt"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// maxValueDepth bounds the nesting of tables that leave the script.
const maxValueDepth = 60

// toLua turns plain data into Lua values. Maps become tables whose pairs come
// in the order of their keys; secrets become opaque objects.
func (s *Script) toLua(v any) lua.LValue {
	switch v := v.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case int:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		t := s.base.CreateTable(len(v), 0)
		for _, e := range v {
			if e == nil {
				t.Append(s.null) // a list keeps its places
				continue
			}
			t.Append(s.toLua(e))
		}
		if len(v) == 0 {
			t.Metatable = s.listMeta
		}
		return t
	case map[string]any:
		t := s.base.CreateTable(0, len(v))
		for _, k := range sortedKeys(v) {
			t.RawSetString(k, s.toLua(v[k]))
		}
		return t
	case Func:
		return s.base.NewFunction(s.goFunction(v))
	case Lookup:
		return s.lookupTable(v)
	case *Callback:
		if v.script == s {
			return v.fn
		}
	case effect.Secret, effect.SecretDigest:
		ud := s.base.NewUserData()
		ud.Value = v
		ud.Metatable = s.secretMeta
		return ud
	}
	return lua.LString(fmt.Sprint(v))
}

// toGo turns a Lua value into plain data: nil, bool, float64, string, []any,
// map[string]any, effect.Secret. An empty table becomes an empty map, which
// argument checks take for a list too, unless it was made as a list. The error is a *effect.FieldError with
// the path of what cannot leave the script.
func (s *Script) toGo(v lua.LValue) (any, error) { return (&converter{s: s}).value(v, "") }

// leaving counts what leaves the script at once. A table that is reached twice
// counts twice: it is copied twice.
type leaving struct{ values, bytes int }

// goMap turns a table with string keys into a map, the keys of skip left out.
func (s *Script) goMap(t *lua.LTable, skip ...string) (map[string]any, error) {
	if real, ok := s.readonly[t]; ok {
		t = real
	}
	out := map[string]any{}
	c := converter{s: s, path: []*lua.LTable{t}}
	for k, e := t.Next(lua.LNil); k != lua.LNil; k, e = t.Next(k) {
		name, ok := k.(lua.LString)
		if !ok {
			return nil, &effect.FieldError{Problem: fmt.Sprintf("has a value without a name (%s)", describe(e))}
		}
		if slices.Contains(skip, string(name)) {
			continue
		}
		if err := c.count(len(name), ""); err != nil {
			return nil, err
		}
		v, err := c.value(e, string(name))
		if err != nil {
			return nil, err
		}
		out[string(name)] = v
	}
	return out, nil
}

// converter turns one value into plain data. It knows the tables that it is
// inside of, to find cycles.
type converter struct {
	s    *Script
	path []*lua.LTable
	// evaluated lets functions leave as *Callback, and tables that are both a
	// list and named values as Mixed.
	evaluated bool
	left      leaving
}

// count takes note of one value more, of a text's bytes.
func (c *converter) count(bytes int, at string) error {
	c.left.values++
	c.left.bytes += bytes
	switch {
	case c.left.values > maxValues:
		return &effect.FieldError{Path: at, Problem: fmt.Sprintf("here are more than %d values at once", maxValues),
			Hint: "a table that stands in several places is copied to each of them"}
	case c.left.bytes > maxLeaving:
		return &effect.FieldError{Path: at, Problem: fmt.Sprintf("here are more than %d MiB of text at once", maxLeaving>>20),
			Hint: "put it into a file and pass the file's name"}
	}
	return nil
}

func (c *converter) value(v lua.LValue, at string) (any, error) {
	wrong := func(format string, args ...any) error {
		return &effect.FieldError{Path: at, Problem: fmt.Sprintf(format, args...)}
	}
	text, _ := v.(lua.LString)
	if err := c.count(len(text), at); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		return string(v), nil
	case lua.LNumber:
		if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, wrong("is %s, which is not a number to work with", formatNumber(v))
		}
		return float64(v), nil
	case *lua.LTable:
		return c.table(v, at)
	case *lua.LUserData:
		switch v.Value.(type) {
		case effect.Secret, effect.SecretDigest:
			return v.Value, nil
		case jsonNull:
			return nil, nil
		}
	}
	if v == lua.LNil {
		return nil, nil
	}
	if fn, ok := v.(*lua.LFunction); ok && c.evaluated {
		return &Callback{script: c.s, fn: fn}, nil
	}
	return nil, wrong("is a %s, which cannot leave the script", v.Type())
}

func (c *converter) table(t *lua.LTable, at string) (any, error) {
	if real, ok := c.s.readonly[t]; ok {
		t = real
	}
	wrong := func(problem, hint string) error { return &effect.FieldError{Path: at, Problem: problem, Hint: hint} }
	if slices.Contains(c.path, t) {
		return nil, wrong("contains itself", "")
	}
	if len(c.path) >= maxValueDepth {
		return nil, wrong(fmt.Sprintf("is nested deeper than %d tables", maxValueDepth), "")
	}
	c.path = append(c.path, t)
	defer func() { c.path = c.path[:len(c.path)-1] }()

	list, named := []any{}, map[string]any{}
	for k, e := t.Next(lua.LNil); k != lua.LNil; k, e = t.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			if err := c.count(len(k), at); err != nil {
				return nil, err
			}
			v, err := c.value(e, language.Join(at, string(k)))
			if err != nil {
				return nil, err
			}
			named[string(k)] = v
		case lua.LNumber:
			if int(k) != len(list)+1 || k != lua.LNumber(int(k)) {
				return nil, wrong(fmt.Sprintf("is a list with a hole before [%s]", formatNumber(k)),
					"number its entries 1, 2, 3 without a gap")
			}
			v, err := c.value(e, fmt.Sprintf("%s[%d]", at, int(k)))
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		default:
			return nil, wrong(fmt.Sprintf("has a key that is a %s", k.Type()), "keys are texts, or 1, 2, 3")
		}
	}
	switch {
	case len(list) == 0 && len(named) == 0 && t.Metatable == c.s.listMeta:
		return list, nil
	case len(list) == 0:
		return named, nil
	case len(named) == 0:
		return list, nil
	case c.evaluated:
		return Mixed{list, named}, nil
	}
	return nil, wrong("mixes a list with named values", "write either { 1, 2 } or { a = 1, b = 2 }")
}

// describe names a value in an error message.
func describe(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		if len(v) > 40 {
			v = v[:40] + "…"
		}
		return fmt.Sprintf("%q", string(v))
	case lua.LNumber:
		return formatNumber(v)
	case lua.LBool:
		return v.String()
	}
	return kindOf(v)
}

// kindOf returns "a table", "nothing" and so on.
func kindOf(v lua.LValue) string {
	switch v.Type() {
	case lua.LTNil:
		return "nothing"
	case lua.LTUserData:
		if ud, ok := v.(*lua.LUserData); ok && ud.Value == (jsonNull{}) {
			return "null"
		}
		return "a secret"
	}
	return "a " + v.Type().String()
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
