package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// maxExact is the greatest whole number up to which a number holds every one:
// 2^53.
const maxExact = 1 << 53

// jsonNull is what the value json.null holds.
type jsonNull struct{}

// openJSON makes the global json, and the values that stand for what Lua has
// no value for: null, and a list that is empty.
func (s *Script) openJSON() {
	L := s.base
	meta := L.CreateTable(0, 4)
	meta.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString("null"))
		return 1
	}))
	meta.RawSetString("__metatable", lua.LString("null"))
	s.null = L.NewUserData()
	s.null.Value = jsonNull{}
	s.null.Metatable = meta
	s.listMeta = L.CreateTable(0, 4)
	s.listMeta.RawSetString("__metatable", lua.LString("list"))
	library := L.CreateTable(0, 4)
	s.set(library, map[string]lua.LGFunction{"decode": s.jsonDecode, "encode": s.jsonEncode, "list": s.jsonList})
	library.RawSetString("null", s.null)
	s.publish("json", library)
}

func (s *Script) jsonDecode(L *lua.LState) int {
	b := s.enter(L)
	text, ok := L.Get(1).(lua.LString)
	if !ok || L.GetTop() != 1 {
		b.fail(L, "write json.decode(text)", "json.decode takes one text, got %s", describe(L.Get(1)))
	}
	b.bounded(L, "json.decode", len(text))
	r := &jsonReader{s: s, text: string(text), poll: func() { b.check(L) }}
	v, fault := r.document()
	if fault != nil {
		line, column := r.position(fault.at)
		b.fail(L, "", "json.decode: line %d, column %d: %s", line, column, fault.problem)
	}
	L.Push(v)
	return 1
}

func (s *Script) jsonEncode(L *lua.LState) int {
	b := s.enter(L)
	const usage = "write json.encode(value) or json.encode(value, { indent = 2 })"
	if n := L.GetTop(); n < 1 || n > 2 {
		b.fail(L, usage, "json.encode takes a value, got %d values", n)
	}
	w := &jsonWriter{s: s, bound: func(size int) { b.bounded(L, "json.encode", size); b.check(L) }}
	w.fail = func(at, hint, problem string) { b.fail(L, hint, "json.encode: %s %s", at, problem) }
	if L.GetTop() == 2 {
		options, ok := L.Get(2).(*lua.LTable)
		if !ok {
			b.fail(L, usage, "json.encode takes its options in a table, got %s", describe(L.Get(2)))
		}
		values, err := s.goMap(options)
		if err == nil {
			values, err = effect.CheckFields(language.JSONFields(), nil, values)
		}
		if err != nil {
			b.fail(L, usage, "json.encode: %s", err)
		}
		w.indent = strings.Repeat(" ", int(values["indent"].(float64)))
	}
	w.value(L.Get(1))
	L.Push(lua.LString(w.out.String()))
	return 1
}

// jsonList marks a table as a list, for json.encode and effects: one that is
// empty cannot be told from an object otherwise.
func (s *Script) jsonList(L *lua.LState) int {
	b := s.enter(L)
	t := s.base.CreateTable(0, 0)
	switch v := L.Get(1).(type) {
	case *lua.LNilType:
	case *lua.LTable:
		t = v
	default:
		b.fail(L, "write json.list { … }", "json.list takes a table, got %s", describe(v))
	}
	if _, fixed := s.readonly[t]; fixed || t.Metatable != lua.LNil && t.Metatable != s.listMeta {
		b.fail(L, "give it a table of your own", "json.list: this table has a metatable already")
	}
	t.Metatable = s.listMeta
	L.Push(t)
	return 1
}
