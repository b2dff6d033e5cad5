package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxString bounds the strings that library functions make, in bytes.
const maxString = 16 << 20

func (s *Script) tableFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"concat": s.concat, "unpack": s.unpack}
}

func (s *Script) concat(L *lua.LState) int {
	b := s.enter(L)
	t := s.open(L.CheckTable(1))
	sep, first, last := L.OptString(2, ""), L.OptInt(3, 1), L.OptInt(4, t.Len())
	var out strings.Builder
	for i := first; i <= last; i++ {
		v := t.RawGet(lua.LNumber(i))
		if !lua.LVCanConvToString(v) {
			b.fail(L, "turn it into text with tostring", "table.concat: the value at [%d] is %s", i, kindOf(v))
		}
		out.WriteString(s.textOf(L, v))
		if i < last {
			out.WriteString(sep)
		}
		b.bounded(L, "table.concat", out.Len())
	}
	L.Push(lua.LString(out.String()))
	return 1
}

// bounded raises an error if a string has become too long.
func (b *branch) bounded(L *lua.LState, function string, size int) {
	if size > maxString {
		b.fail(L, "", "%s: the text would be longer than %d MiB", function, maxString>>20)
	}
}
