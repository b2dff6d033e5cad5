package script

import (
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func (s *Script) tableFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"concat": s.tableConcat, "unpack": s.unpack, "sort": s.sort}
}

func (s *Script) tableConcat(L *lua.LState) int {
	b := s.enter(L)
	t := s.open(L.CheckTable(1))
	sep, first, last := L.OptString(2, ""), L.OptInt(3, 1), L.OptInt(4, t.Len())
	var out strings.Builder
	for i := first; i <= last; i++ {
		v := t.RawGet(lua.LNumber(i))
		if !lua.LVCanConvToString(v) {
			b.fail(L, "turn it into text with tostring", "table.concat: the value at [%d] is %s", i, kindOf(v))
		}
		text := plainText(v)
		b.bounded(L, "table.concat", out.Len()+len(text)+len(sep))
		out.WriteString(text)
		if i < last {
			out.WriteString(sep)
		}
	}
	L.Push(lua.LString(out.String()))
	return 1
}

// sort is table.sort. It looks whether the script may go on: comparing long
// texts takes long.
func (s *Script) sort(L *lua.LState) int {
	b := s.enter(L)
	t := L.CheckTable(1)
	by := &sorter{L: L, b: b}
	if L.GetTop() > 1 {
		by.less = L.CheckFunction(2)
	}
	b.claim(L, 16*t.Len())
	by.values = make([]lua.LValue, t.Len())
	for i := range by.values {
		by.values[i] = t.RawGetInt(i + 1)
	}
	sort.Sort(by)
	for i, v := range by.values {
		t.RawSetInt(i+1, v)
	}
	return 0
}

type sorter struct {
	L      *lua.LState
	b      *branch
	less   *lua.LFunction // nil for "<"
	values []lua.LValue
	work   int
}

func (s *sorter) Len() int      { return len(s.values) }
func (s *sorter) Swap(i, j int) { s.values[i], s.values[j] = s.values[j], s.values[i] }

func (s *sorter) Less(i, j int) bool {
	left, right := s.values[i], s.values[j]
	if s.less != nil {
		s.L.Push(s.less)
		s.L.Push(left)
		s.L.Push(right)
		s.L.Call(2, 1)
		result := lua.LVAsBool(s.L.Get(-1))
		s.L.Pop(1)
		return result
	}
	s.work++
	if text, ok := left.(lua.LString); ok {
		if other, ok := right.(lua.LString); ok {
			s.poll(min(len(text), len(other)) >> 4)
			return text < other
		}
	}
	s.poll(0)
	return s.L.LessThan(left, right)
}

func (s *sorter) poll(work int) {
	if s.work += work; s.work >= 1<<12 {
		s.work = 0
		s.b.check(s.L)
	}
}
