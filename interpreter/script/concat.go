package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// concat is what ".." calls: texts and numbers are joined as tostring shows
// them, anything else by its metamethod __concat.
func (s *Script) concat(L *lua.LState) int {
	b := s.enter(L)
	at := L.GetTop()
	joined := L.Get(at)
	for at--; at >= 1; {
		left := L.Get(at)
		if !lua.LVCanConvToString(left) || !lua.LVCanConvToString(joined) {
			joined = b.concatBy(L, left, joined)
			at--
			continue
		}
		// As many as there are at once: pair by pair would copy what is at the
		// end each time.
		first := at
		for first > 1 && lua.LVCanConvToString(L.Get(first-1)) {
			first--
		}
		last := plainText(joined)
		size := len(last)
		parts := make([]string, at-first+1)
		for i := range parts {
			parts[i] = plainText(L.Get(first + i))
			size += len(parts[i])
		}
		b.bounded(L, "..", size)
		var out strings.Builder
		out.Grow(size)
		for _, p := range parts {
			out.WriteString(p)
		}
		out.WriteString(last)
		joined = lua.LString(out.String())
		at = first - 1
	}
	L.Push(joined)
	return 1
}

// concatBy joins two values of which one is neither text nor number.
func (b *branch) concatBy(L *lua.LState, left, right lua.LValue) lua.LValue {
	for _, v := range []lua.LValue{left, right} {
		if fn, ok := L.GetMetaField(v, "__concat").(*lua.LFunction); ok {
			L.Push(fn)
			L.Push(left)
			L.Push(right)
			L.Call(2, 1)
			result := L.Get(-1)
			L.Pop(1)
			return result
		}
	}
	hint := "turn it into text with tostring"
	if left == lua.LNil || right == lua.LNil {
		hint = "one of the values is nil here"
	}
	b.fail(L, hint, "attempt to join a %s and a %s", left.Type(), right.Type())
	return nil
}

// plainText returns the text of a string or number.
func plainText(v lua.LValue) string {
	if n, ok := v.(lua.LNumber); ok {
		return formatNumber(n)
	}
	return lua.LVAsString(v)
}
