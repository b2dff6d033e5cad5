package script

import (
	"fmt"
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stringFunctions replace those of gopher-lua whose time or memory a short
// script could blow up, and format, which is Go's there.
func (s *Script) stringFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{
		"find":   func(L *lua.LState) int { return s.search(L, true) },
		"match":  func(L *lua.LState) int { return s.search(L, false) },
		"gmatch": s.gmatch,
		"gsub":   s.gsub,
		"rep":    s.rep,
		"format": s.format,
	}
}

func (s *Script) rep(L *lua.LState) int {
	b := s.enter(L)
	text, n := L.CheckString(1), L.CheckInt(2)
	if n <= 0 || text == "" {
		L.Push(lua.LString(""))
		return 1
	}
	if n > maxString/len(text) {
		b.bounded(L, "string.rep", maxString+1)
	}
	L.Push(lua.LString(strings.Repeat(text, n)))
	return 1
}

// format is string.format of Lua 5.1; %s takes any value.
func (s *Script) format(L *lua.LState) int {
	b := s.enter(L)
	in, arg := L.CheckString(1), 1
	var out strings.Builder
	for {
		text, rest, found := strings.Cut(in, "%")
		out.WriteString(text)
		if !found {
			break
		}
		if strings.HasPrefix(rest, "%") {
			out.WriteByte('%')
			in = rest[1:]
			continue
		}
		n := strings.IndexFunc(rest, func(r rune) bool { return !strings.ContainsRune("-+ #0123456789.", r) })
		if n < 0 {
			b.fail(L, `write "%%" for the character`, "string.format: the format ends in %s", effect.Quote("%"+rest))
		}
		arg++
		if arg > L.GetTop() {
			b.fail(L, "", "string.format: there is no value for %s", effect.Quote("%"+rest[:n+1]))
		}
		piece := s.directive(L, b, rest[:n], rest[n], arg)
		b.bounded(L, "string.format", out.Len()+len(piece))
		out.WriteString(piece)
		in = rest[n+1:]
	}
	L.Push(lua.LString(out.String()))
	return 1
}

// directive formats one value.
func (s *Script) directive(L *lua.LState, b *branch, flags string, verb byte, arg int) string {
	if !validFlags(flags) {
		b.fail(L, "width and precision have at most two digits", "string.format: %s is too long", effect.Quote("%"+flags+string(verb)))
	}
	switch verb {
	case 'd', 'i':
		return fmt.Sprintf("%"+flags+"d", b.whole(L, arg))
	case 'c':
		return string([]byte{byte(b.whole(L, arg))})
	case 'o', 'x', 'X', 'u':
		if verb == 'u' {
			verb = 'd'
		}
		return fmt.Sprintf("%"+flags+string(verb), uint64(b.whole(L, arg)))
	case 'e', 'E', 'f', 'g', 'G':
		n := float64(L.CheckNumber(arg))
		if math.IsInf(n, 0) || math.IsNaN(n) {
			width, _, _ := strings.Cut(strings.ReplaceAll(flags, "0", ""), ".")
			return fmt.Sprintf("%"+width+"s", formatNumber(lua.LNumber(n)))
		}
		if !strings.Contains(flags, ".") {
			flags += ".6"
		}
		return fmt.Sprintf("%"+flags+string(verb), n)
	case 's':
		text := s.textOf(L, L.CheckAny(arg))
		if flags == "" {
			return text // as it is: a copy of a long one is dear
		}
		return fmt.Sprintf("%"+flags+"s", text)
	case 'q':
		return quote(L.CheckString(arg))
	}
	b.fail(L, "%d, %s, %f, %x and %q are the usual ones", "string.format: %s is not known", effect.Quote("%"+flags+string(verb)))
	return ""
}

// validFlags accepts flags, then up to two digits of width, then up to two of
// precision.
func validFlags(flags string) bool {
	width, precision, _ := strings.Cut(strings.TrimLeft(flags, "-+ #0"), ".")
	digits := func(s string) bool { return len(s) <= 2 && strings.Trim(s, "0123456789") == "" }
	return len(flags) <= 12 && digits(width) && digits(precision)
}

// whole returns a whole-number argument; a fraction is cut off.
func (b *branch) whole(L *lua.LState, arg int) int64 {
	n := float64(L.CheckNumber(arg))
	if math.IsNaN(n) || math.Abs(n) >= 1<<63 {
		b.fail(L, "", "string.format: %s is not a whole number", formatNumber(lua.LNumber(n)))
	}
	return int64(n)
}

// quote writes a string so that Lua reads it back.
func quote(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\\', '\n':
			out.WriteByte('\\')
			out.WriteByte(c)
		case '\r':
			out.WriteString(`\r`)
		case 0:
			out.WriteString(`\000`)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// matcherFor prepares matching of the first two arguments.
func (s *Script) matcherFor(L *lua.LState, b *branch) *matcher {
	return &matcher{src: L.CheckString(1), pat: L.CheckString(2),
		poll: func() { b.check(L) },
		fail: func(problem string) { b.fail(L, "", "the pattern %s: %s", effect.Quote(L.CheckString(2)), problem) }}
}

// search is string.find, or string.match.
func (s *Script) search(L *lua.LState, find bool) int {
	b := s.enter(L)
	m := s.matcherFor(L, b)
	start := L.OptInt(3, 1)
	if start < 0 {
		start = max(len(m.src)+start+1, 1)
	}
	start = max(start-1, 0)
	if start > len(m.src) {
		L.Push(lua.LNil)
		return 1
	}
	if find && (L.ToBool(4) || !strings.ContainsAny(m.pat, "^$*+?.([%-")) {
		i := strings.Index(m.src[start:], m.pat)
		if i < 0 {
			L.Push(lua.LNil)
			return 1
		}
		L.Push(lua.LNumber(start + i + 1))
		L.Push(lua.LNumber(start + i + len(m.pat)))
		return 2
	}
	end := m.search(start)
	if end < 0 {
		L.Push(lua.LNil)
		return 1
	}
	if find {
		L.Push(lua.LNumber(m.start + 1))
		L.Push(lua.LNumber(end))
		return 2 + pushAll(L, m.captures(end, false))
	}
	return pushAll(L, m.captures(end, true))
}

func (s *Script) gmatch(L *lua.LState) int {
	b := s.enter(L)
	m := s.matcherFor(L, b)
	m.literalCaret = true
	at := 0
	L.Push(s.base.NewFunction(func(L *lua.LState) int {
		b := s.enter(L)
		m.poll = func() { b.check(L) }
		for at <= len(m.src) {
			end := m.at(at)
			if end < 0 {
				at++
				continue
			}
			if at = end; end == m.start {
				at++ // an empty match does not stand still
			}
			return pushAll(L, m.captures(end, true))
		}
		L.Push(lua.LNil)
		return 1
	}))
	return 1
}

func (s *Script) gsub(L *lua.LState) int {
	b := s.enter(L)
	m := s.matcherFor(L, b)
	limit := L.OptInt(4, math.MaxInt)
	replacement := L.CheckAny(3)
	switch replacement.(type) {
	case lua.LString, lua.LNumber, *lua.LTable, *lua.LFunction:
	default:
		b.fail(L, "", "string.gsub replaces by a text, a table or a function, got %s", kindOf(replacement))
	}
	anchored := strings.HasPrefix(m.pat, "^")
	var out strings.Builder
	at, count := 0, 0
	for count < limit {
		end := m.at(at)
		if end >= 0 {
			count++
			s.replace(L, b, &out, m, end, replacement)
		}
		switch {
		case end > at:
			at = end
		case at < len(m.src):
			out.WriteByte(m.src[at])
			at++
		default:
			at = len(m.src) + 1
		}
		b.bounded(L, "string.gsub", out.Len())
		if at > len(m.src) || anchored {
			break
		}
	}
	if at < len(m.src) {
		out.WriteString(m.src[at:])
	}
	L.Push(lua.LString(out.String()))
	L.Push(lua.LNumber(count))
	return 2
}

// replace writes what stands for one match.
func (s *Script) replace(L *lua.LState, b *branch, out *strings.Builder, m *matcher, end int, by lua.LValue) {
	whole := m.src[m.start:end]
	var value lua.LValue
	switch by := by.(type) {
	case *lua.LTable:
		value = L.GetTable(by, m.captures(end, true)[0])
	case *lua.LFunction:
		captures := m.captures(end, true)
		start := m.start
		L.Push(by)
		pushAll(L, captures)
		L.Call(len(captures), 1)
		value = L.Get(-1)
		L.Pop(1)
		m.start = start
	default:
		s.expand(L, b, out, m, end, plainText(by))
		return
	}
	switch value.(type) {
	case lua.LString, lua.LNumber:
		out.WriteString(s.textOf(L, value))
	default:
		if lua.LVAsBool(value) {
			b.fail(L, "return a text, or nil to keep what was found", "string.gsub: the replacement is %s", kindOf(value))
		}
		out.WriteString(whole)
	}
}

// expand writes a replacement text, in which %1 stands for a capture.
func (s *Script) expand(L *lua.LState, b *branch, out *strings.Builder, m *matcher, end int, text string) {
	for i := 0; i < len(text); i++ {
		if text[i] != '%' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		i++
		b.bounded(L, "string.gsub", out.Len()+end-m.start)
		switch c := text[i]; {
		case c == '0':
			out.WriteString(m.src[m.start:end])
		case c >= '1' && c <= '9':
			captures := m.captures(end, true)
			if int(c-'1') >= len(captures) {
				b.fail(L, "", "string.gsub: there is no capture %%%c", c)
			}
			out.WriteString(s.textOf(L, captures[c-'1']))
		default:
			out.WriteByte(c)
		}
	}
}
