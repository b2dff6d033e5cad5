package script

import lua "github.com/yuin/gopher-lua"

// protect returns a table that reads from real and cannot be written: modules,
// params, the standard libraries and the globals are such. missing is called
// for a key that real does not have; when it returns, the script reads nil.
func (s *Script) protect(real *lua.LTable, name string, missing func(L *lua.LState, key string)) *lua.LTable {
	miss := s.base.CreateTable(0, 1)
	miss.RawSetString("__index", s.base.NewFunction(func(L *lua.LState) int {
		missing(L, keyText(L.Get(2)))
		L.Push(lua.LNil)
		return 1
	}))
	real.Metatable = miss
	front, meta := s.base.CreateTable(0, 0), s.base.CreateTable(0, 3)
	meta.RawSetString("__index", real)
	meta.RawSetString("__newindex", s.base.NewFunction(func(L *lua.LState) int {
		s.enter(L).fail(L, "keep your own values in a local", "%s.%s cannot be set: %s may only be read",
			name, keyText(L.Get(2)), name)
		return 0
	}))
	meta.RawSetString("__metatable", lua.LString(name))
	front.Metatable = meta
	s.readonly[front] = real
	return front
}

// open returns the table behind a read-only one, and any other table itself.
func (s *Script) open(t *lua.LTable) *lua.LTable {
	if real, ok := s.readonly[t]; ok {
		return real
	}
	return t
}

// copyOf returns a table with the same pairs in the same order.
func (s *Script) copyOf(t *lua.LTable) *lua.LTable {
	out := s.base.CreateTable(0, 0)
	for k, v := t.Next(lua.LNil); k != lua.LNil; k, v = t.Next(k) {
		out.RawSet(k, v)
	}
	return out
}

// keyText returns a key for a message.
func keyText(v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	}
	return v.Type().String()
}
