package script

import (
	"fmt"
	"maps"
	"slices"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// openLibraries builds the script's world: what it finds by name, and nothing
// that reads the machine, loads code, or shows addresses. Functions of Lua's
// own libraries are kept only where gopher-lua's do the right thing and end in
// a time that depends on what they are given.
func (s *Script) openLibraries() {
	L := s.base
	for _, open := range []lua.LGFunction{lua.OpenBase, lua.OpenTable, lua.OpenString, lua.OpenMath, lua.OpenCoroutine} {
		L.Push(L.NewFunction(open))
		L.Call(0, 0)
	}
	original := L.G.Global
	s.globals = L.NewTable()
	front := s.readonlyGlobals()
	front.RawSetString(syntax.ConcatName, L.NewFunction(s.concat)) // in front, where it is found fastest
	L.Env = front
	L.G.Global = front

	keep := func(from *lua.LTable, names ...string) *lua.LTable {
		t := L.CreateTable(0, len(names))
		for _, name := range names {
			t.RawSetString(name, s.guarded(from.RawGetString(name)))
		}
		return t
	}
	library := func(name string) *lua.LTable { return original.RawGetString(name).(*lua.LTable) }
	base := keep(original, "ipairs", "rawequal", "rawget", "select", "setmetatable", "getmetatable", "type")
	s.set(base, s.baseFunctions())
	if s.eval != nil {
		s.set(base, s.evaluationFunctions())
	} else {
		s.set(base, s.controlFunctions())
	}
	for k, v := base.Next(lua.LNil); k != lua.LNil; k, v = base.Next(k) {
		s.globals.RawSet(k, v)
	}
	s.globals.RawSetString("_G", front)
	if s.opts.Cover != nil {
		s.globals.RawSetString(coverName, L.NewFunction(s.opts.Cover.hit))
	}
	s.globals.RawSetString("_VERSION", lua.LString(lua.LuaVersion))

	text := keep(library("string"), "byte", "char", "len", "lower", "reverse", "sub", "upper")
	s.set(text, s.stringFunctions())
	s.publish("string", text)
	meta := L.NewTable()
	meta.RawSetString("__index", text)
	meta.RawSetString("__metatable", lua.LString("string"))
	L.SetMetatable(lua.LString(""), meta)

	tables := keep(library("table"), "getn", "insert", "maxn", "remove")
	s.set(tables, s.tableFunctions())
	s.publish("table", tables)

	maths := keep(library("math"), "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod",
		"frexp", "ldexp", "log", "log10", "max", "min", "mod", "modf", "pi", "pow", "rad", "sin", "sinh", "sqrt", "tan", "tanh")
	maths.RawSetString("random", s.globals.RawGetString("random"))
	maths.RawSetString("huge", infinity())
	s.publish("math", maths)

	coroutines := L.NewTable()
	s.set(coroutines, s.coroutineFunctions(library("coroutine")))
	s.publish("coroutine", coroutines)

	s.openJSON()
	times := L.CreateTable(0, 4)
	s.set(times, s.timeFunctions())
	s.publish("time", times)
	if s.eval == nil {
		logs := L.NewTable()
		for _, level := range language.LogLevels() {
			logs.RawSetString(level, L.NewFunction(s.log(level)))
		}
		s.publish("log", logs)
		s.publishInvariant()
	}
	s.openMetatables()
}

// guarded returns a library function that does nothing once the script has
// been stopped. Other values are returned as they are.
func (s *Script) guarded(v lua.LValue) lua.LValue {
	fn, ok := v.(*lua.LFunction)
	if !ok {
		return v
	}
	inner := fn.GFunction
	guard := func(L *lua.LState) int {
		s.enter(L)
		return inner(L)
	}
	return &lua.LFunction{IsG: true, Env: s.base.Env, GFunction: guard, Upvalues: fn.Upvalues}
}

func (s *Script) set(t *lua.LTable, functions map[string]lua.LGFunction) {
	for _, name := range slices.Sorted(maps.Keys(functions)) { // in one order: pairs shows it
		t.RawSetString(name, s.base.NewFunction(functions[name]))
	}
}

// publish makes a library a read-only global.
func (s *Script) publish(name string, real *lua.LTable) {
	var members []string
	for k, _ := real.Next(lua.LNil); k != lua.LNil; k, _ = real.Next(k) {
		members = append(members, k.String())
	}
	s.globals.RawSetString(name, s.protect(real, name, func(L *lua.LState, key string) {
		hint := effect.DidYouMean(key, members)
		if name == "math" && key == "randomseed" {
			hint = "every run draws its own numbers, and a resume draws the same"
		}
		s.enter(L).fail(L, hint, "%s.%s does not exist", name, key)
	}))
}

// readonlyGlobals returns the table that functions see as their globals.
func (s *Script) readonlyGlobals() *lua.LTable {
	front := s.protect(s.globals, "_G", func(L *lua.LState, key string) {
		b := s.enter(L)
		if s.eval != nil {
			b.fail(L, s.eval.hint(key), "%s is not defined", effect.Brief(key))
		}
		if key == "params" || key == "run" {
			b.fail(L, language.HeaderExample, "%s has no values before runbook{} was called", key)
		}
		hint, ok := language.Missing()[key]
		if _, isModule := s.opts.Catalog.Module(key); isModule {
			hint = fmt.Sprintf("write local %s = require %q at the top", key, key)
		} else if !ok {
			hint = effect.DidYouMean(key, language.Globals())
		}
		b.fail(L, hint, "%s is not defined", effect.Brief(key))
	})
	front.Metatable.(*lua.LTable).RawSetString("__newindex", s.base.NewFunction(func(L *lua.LState) int {
		b, key := s.enter(L), keyText(L.Get(2))
		if s.globals.RawGetString(key) != lua.LNil || key == "params" || key == "run" {
			b.fail(L, fmt.Sprintf("give your own another name, as a local: local my_%s = …", key),
				"%s is part of the runbook's language and cannot be changed", key)
		}
		if _, ok := L.Get(3).(*lua.LFunction); ok {
			b.fail(L, fmt.Sprintf("write local function %s(…)", key), "the function %s would be a global, which runbooks do not have", key)
		}
		b.fail(L, fmt.Sprintf("write local %s = …", key), "%s would be a global, which runbooks do not have", key)
		return 0
	}))
	return front
}

// openMetatables prepares what secrets and errors have in common.
func (s *Script) openMetatables() {
	L := s.base
	s.secretMeta = L.NewTable()
	s.secretMeta.RawSetString("__metatable", lua.LString("secret"))
	s.secretMeta.RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		text := "[secret]"
		if ud, ok := L.Get(1).(*lua.LUserData); ok {
			text = fmt.Sprint(ud.Value)
		}
		L.Push(lua.LString(text))
		return 1
	}))
	s.secretMeta.RawSetString("__concat", L.NewFunction(func(L *lua.LState) int {
		s.enter(L).fail(L, "pass the secret by itself to an argument that takes one", "a secret cannot be joined with text")
		return 0
	}))
	s.errorText = L.NewFunction(func(L *lua.LState) int {
		s.enter(L)
		L.Push(lua.LString(s.shown(L.Get(1))))
		return 1
	})
	s.errorJoin = L.NewFunction(func(L *lua.LState) int {
		s.enter(L)
		L.Push(lua.LString(s.textOf(L, L.Get(1)) + s.textOf(L, L.Get(2))))
		return 1
	})
}

// shown returns the text of an error table.
func (s *Script) shown(v lua.LValue) string {
	if t, ok := v.(*lua.LTable); ok {
		if r := raisedOf(t); r != nil {
			return r.current(t).Error()
		}
	}
	return v.Type().String()
}
