package script

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// jsonWriter turns Lua values into JSON: keys in order, whole numbers in full,
// other numbers as short as they read back the same.
type jsonWriter struct {
	s      *Script
	out    strings.Builder
	indent string
	inside []*lua.LTable
	keys   []string // that lead to the value under way
	places []int    // the place in a list, or 0
	values int
	bound  func(size int)                 // called now and then with the length so far
	fail   func(at, hint, problem string) // does not return
}

// wrong ends the writing, and says where in the value.
func (w *jsonWriter) wrong(hint, format string, args ...any) {
	var at strings.Builder
	for i, key := range w.keys {
		switch {
		case w.places[i] > 0:
			fmt.Fprintf(&at, "[%d]", w.places[i])
		case i > 0:
			at.WriteString("." + key)
		default:
			at.WriteString(key)
		}
	}
	if at.Len() == 0 {
		at.WriteString("the value")
	}
	w.fail(at.String(), hint, fmt.Sprintf(format, args...))
}

// at writes what a table has under a key, or at a place.
func (w *jsonWriter) at(key string, place int, v lua.LValue) {
	w.keys, w.places = append(w.keys, key), append(w.places, place)
	w.value(v)
	w.keys, w.places = w.keys[:len(w.keys)-1], w.places[:len(w.places)-1]
}

func (w *jsonWriter) value(v lua.LValue) {
	if w.values++; w.values > maxJSONValues {
		w.wrong("a table that stands in several places is written at each of them", "here are more than %d values", maxJSONValues)
	}
	if w.values%512 == 0 {
		w.bound(w.out.Len())
	}
	switch v := v.(type) {
	case lua.LBool:
		w.out.WriteString(v.String())
		return
	case lua.LNumber:
		w.number(v)
		return
	case lua.LString:
		w.quoted(string(v))
		return
	case *lua.LTable:
		w.table(w.s.open(v))
		return
	case *lua.LUserData:
		if v == w.s.null {
			w.out.WriteString("null")
			return
		}
	}
	if v == lua.LNil {
		w.out.WriteString("null")
		return
	}
	w.wrong("", "is %s, which JSON does not have", kindOf(v))
}

func (w *jsonWriter) number(v lua.LNumber) {
	f := float64(v)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		w.wrong("", "is %s, which JSON does not have", formatNumber(v))
	}
	if f == 0 {
		f = 0 // not -0
	}
	format := byte('f')
	if a := math.Abs(f); a > maxExact || a != 0 && a < 1e-6 {
		format = 'e'
	}
	w.out.WriteString(strconv.FormatFloat(f, format, -1, 64))
}

func (w *jsonWriter) quoted(text string) {
	if !utf8.ValidString(text) {
		w.wrong("", "is not UTF-8, and JSON is")
	}
	w.bound(w.out.Len() + escapedLen(text))
	w.out.WriteByte('"')
	plain := 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		w.out.WriteString(text[plain:i])
		plain = i + 1
		switch c {
		case '"', '\\':
			w.out.WriteByte('\\')
			w.out.WriteByte(c)
		case '\n':
			w.out.WriteString(`\n`)
		case '\r':
			w.out.WriteString(`\r`)
		case '\t':
			w.out.WriteString(`\t`)
		default:
			const digits = "0123456789abcdef"
			w.out.WriteString(`\u00`)
			w.out.WriteByte(digits[c>>4])
			w.out.WriteByte(digits[c&15])
		}
	}
	w.out.WriteString(text[plain:])
	w.out.WriteByte('"')
}

// escapedLen is what a text takes once it is escaped, at most, in bytes.
func escapedLen(text string) int {
	n := len(text)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < 0x20:
			n += len(`\u0000`) - 1
		case c == '"' || c == '\\':
			n++
		}
	}
	return n
}

// table writes a list if the keys are 1, 2, 3, or if it was made as one; else
// an object. An empty table that says nothing of itself is an object.
func (w *jsonWriter) table(t *lua.LTable) {
	switch {
	case slices.Contains(w.inside, t):
		w.wrong("", "contains itself")
	case len(w.inside) >= maxJSONDepth:
		w.wrong("", "is nested deeper than %d", maxJSONDepth)
	}
	w.inside = append(w.inside, t)
	defer func() { w.inside = w.inside[:len(w.inside)-1] }()
	count, names := 0, []string{}
	for k, _ := t.Next(lua.LNil); k != lua.LNil; k, _ = t.Next(k) {
		switch k := k.(type) {
		case lua.LString:
			names = append(names, string(k))
		case lua.LNumber:
			if count++; k != lua.LNumber(count) {
				w.wrong("number its entries 1, 2, 3 without a gap, and put json.null into gaps; or make the keys texts with tostring",
					"is a list with a hole before [%s]", formatNumber(k))
			}
		default:
			w.wrong("keys are texts, or 1, 2, 3", "has a key that is %s", kindOf(k))
		}
		if n := count + len(names); n > maxJSONValues {
			w.wrong("", "here are more than %d values", maxJSONValues)
		}
	}
	switch {
	case count > 0 && len(names) > 0:
		w.wrong("write either { 1, 2 } or { a = 1, b = 2 }", "mixes a list with named values")
	case count > 0 || len(names) == 0 && t.Metatable == w.s.listMeta:
		w.sequence('[', ']', count, func(i int) { w.at("", i+1, t.RawGetInt(i+1)) })
	default:
		slices.Sort(names)
		w.sequence('{', '}', len(names), func(i int) {
			w.quoted(names[i])
			w.out.WriteByte(':')
			if w.indent != "" {
				w.out.WriteByte(' ')
			}
			w.at(names[i], 0, t.RawGetString(names[i]))
		})
	}
}

func (w *jsonWriter) sequence(open, end byte, n int, element func(int)) {
	w.out.WriteByte(open)
	line := func(depth int) {
		if w.indent != "" && n > 0 {
			w.out.WriteByte('\n')
			for range depth {
				w.out.WriteString(w.indent)
			}
		}
	}
	for i := range n {
		if i > 0 {
			w.out.WriteByte(',')
		}
		line(len(w.inside))
		element(i)
	}
	line(len(w.inside) - 1)
	w.out.WriteByte(end)
}
