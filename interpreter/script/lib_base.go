package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func infinity() lua.LNumber { return lua.LNumber(math.Inf(1)) }

// baseFunctions replace those of gopher-lua that show addresses, lose errors,
// or do not mean what they mean in Lua 5.1.
func (s *Script) baseFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"assert":   s.assert,
		"error":    s.error,
		"next":     s.next,
		"pairs":    s.pairs,
		"pcall":    s.pcall,
		"xpcall":   s.xpcall,
		"rawset":   s.rawset,
		"tonumber": s.tonumber,
		"tostring": s.tostring,
		"unpack":   s.unpack,
	}
}

func (s *Script) assert(L *lua.LState) int {
	b := s.enter(L)
	L.CheckAny(1)
	if L.ToBool(1) {
		return L.GetTop()
	}
	if L.GetTop() == 1 {
		b.fail(L, "", "assertion failed")
	}
	L.Error(L.Get(2), 0)
	return 0
}

// error raises any value. A string gets the position of the caller, or with
// level 2 of the caller's caller.
func (s *Script) error(L *lua.LState) int {
	b := s.enter(L)
	value, level := L.Get(1), L.OptInt(2, 1)
	if text, ok := value.(lua.LString); ok && level > 0 {
		n, at := 0, ""
		b.frames(L, "Sl", func(d *lua.Debug) bool {
			if n++; n == level {
				at = fmt.Sprintf("%s:%d: ", d.Source, d.CurrentLine)
			}
			return n < level
		})
		value = lua.LString(at) + text
	}
	L.Error(value, 0)
	return 0
}

func (s *Script) next(L *lua.LState) int {
	s.enter(L)
	key, value := s.open(L.CheckTable(1)).Next(L.Get(2))
	L.Push(key)
	if key == lua.LNil {
		return 1
	}
	L.Push(value)
	return 2
}

// pairs visits a read-only table too, by way of a copy.
func (s *Script) pairs(L *lua.LState) int {
	s.enter(L)
	t := L.CheckTable(1)
	if real, ok := s.readonly[t]; ok {
		t = s.copyOf(real)
	}
	L.Push(s.globals.RawGetString("next"))
	L.Push(t)
	L.Push(lua.LNil)
	return 3
}

func (s *Script) pcall(L *lua.LState) int {
	b := s.enter(L)
	fn := L.CheckAny(1)
	results, failure := b.try(L, fn, argsFrom(L, 2)...)
	if failure != nil {
		L.Push(lua.LFalse)
		L.Push(failure.value)
		return 2
	}
	L.Push(lua.LTrue)
	return 1 + pushAll(L, results)
}

// xpcall calls the handler after the failed function has gone, which scripts
// cannot tell: there is no debug library.
func (s *Script) xpcall(L *lua.LState) int {
	b := s.enter(L)
	fn, handler := L.CheckAny(1), L.CheckFunction(2)
	results, failure := b.try(L, fn, argsFrom(L, 3)...)
	if failure == nil {
		L.Push(lua.LTrue)
		return 1 + pushAll(L, results)
	}
	results, worse := b.try(L, handler, failure.value)
	if worse != nil {
		results = []lua.LValue{worse.value}
	}
	L.Push(lua.LFalse)
	return 1 + pushAll(L, results)
}

func argsFrom(L *lua.LState, first int) []lua.LValue {
	var args []lua.LValue
	for i := first; i <= L.GetTop(); i++ {
		args = append(args, L.Get(i))
	}
	return args
}

func (s *Script) rawset(L *lua.LState) int {
	b := s.enter(L)
	t := L.CheckTable(1)
	if _, ok := s.readonly[t]; ok {
		b.fail(L, "keep your own values in a local", "this table may only be read")
	}
	L.RawSet(t, L.CheckAny(2), L.CheckAny(3))
	L.SetTop(1)
	return 1
}

// tonumber reads what Lua 5.1 reads, exponents included.
func (s *Script) tonumber(L *lua.LState) int {
	s.enter(L)
	base := L.OptInt(2, 10)
	if base < 2 || base > 36 {
		L.ArgError(2, "base out of range")
	}
	result := lua.LNil
	switch v := L.CheckAny(1).(type) {
	case lua.LNumber:
		result = v
	case lua.LString:
		text := strings.Trim(string(v), " \t\n\v\f\r")
		if n, ok := parseNumber(text, base); ok {
			result = lua.LNumber(n)
		}
	}
	L.Push(result)
	return 1
}

func parseNumber(text string, base int) (float64, bool) {
	if strings.ContainsAny(text, "_pP") && base == 10 || strings.ContainsAny(text, "_") {
		return 0, false
	}
	digits := strings.ToLower(strings.TrimLeft(text, "+-"))
	negative := strings.HasPrefix(text, "-")
	switch hex := strings.TrimPrefix(digits, "0x"); {
	case len(text)-len(digits) > 1:
		return 0, false
	case hex != digits && (base == 10 || base == 16):
		n, err := strconv.ParseUint(hex, 16, 64)
		return signed(float64(n), negative), err == nil
	case base != 10:
		n, err := strconv.ParseUint(digits, base, 64)
		return signed(float64(n), negative), err == nil
	case digits == "" || digits[0] != '.' && (digits[0] < '0' || digits[0] > '9'):
		return 0, false // "inf" and "nan" are words here
	}
	n, err := strconv.ParseFloat(digits, 64)
	return signed(n, negative), err == nil || math.IsInf(n, 0)
}

func signed(n float64, negative bool) float64 {
	if negative {
		return -n
	}
	return n
}

func (s *Script) tostring(L *lua.LState) int {
	s.enter(L)
	L.Push(lua.LString(s.textOf(L, L.CheckAny(1))))
	return 1
}

// textOf is tostring: metamethods are asked, numbers read as Lua prints them,
// and addresses are never shown.
func (s *Script) textOf(L *lua.LState, v lua.LValue) string {
	switch v := v.(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return formatNumber(v)
	case lua.LBool, *lua.LNilType:
		return v.String()
	}
	if fn, ok := L.GetMetaField(v, "__tostring").(*lua.LFunction); ok {
		L.Push(fn)
		L.Push(v)
		L.Call(1, 1)
		result := L.Get(-1)
		L.Pop(1)
		text, ok := result.(lua.LString)
		if !ok {
			s.enter(L).fail(L, "", "__tostring must return a string")
		}
		return string(text)
	}
	return v.Type().String()
}

// formatNumber prints a number as Lua does, whole numbers up to 2^53 in full.
func formatNumber(n lua.LNumber) string {
	f := float64(n)
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == math.Trunc(f) && math.Abs(f) <= 1<<53:
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 14, 64)
}

func (s *Script) unpack(L *lua.LState) int {
	b := s.enter(L)
	t := s.open(L.CheckTable(1))
	first, last := L.OptInt(2, 1), L.OptInt(3, t.Len())
	if last < first {
		return 0
	}
	if last-first >= maxUnpack || last-first < 0 {
		b.fail(L, "", "unpack returns at most %d values", maxUnpack)
	}
	for i := first; i <= last; i++ {
		L.Push(t.RawGet(lua.LNumber(i)))
	}
	return last - first + 1
}
