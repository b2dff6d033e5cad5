package script

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// Bounds of JSON, both ways.
const (
	maxJSONDepth  = 100
	maxJSONValues = 200_000
)

// jsonReader turns JSON text into Lua values. Objects keep the order of their
// keys in the text, and the last of two values for one key. A null in an object leaves the key out, so that a test for
// a field means what it says; elsewhere it is json.null, so that a list keeps
// its places. Whole numbers that a number cannot hold come as texts.
type jsonReader struct {
	s      *Script
	text   string
	at     int
	depth  int
	values int
	poll   func() // called every few hundred values
}

// jsonFault is what is wrong with a text, at a byte offset.
type jsonFault struct {
	at      int
	problem string
}

// wrong ends the reading.
func (r *jsonReader) wrong(at int, format string, args ...any) {
	panic(jsonFault{at, fmt.Sprintf(format, args...)})
}

// document reads one value and nothing beside it.
func (r *jsonReader) document() (v lua.LValue, fault *jsonFault) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case jsonFault:
			fault = &p
		default:
			panic(p)
		}
	}()
	if strings.HasPrefix(r.text, "\uFEFF") { // which tools of Windows write first
		r.at = len("\uFEFF")
	}
	r.space()
	if r.at == len(r.text) {
		r.wrong(r.at, "there is no value")
	}
	v = r.value()
	if r.space(); r.at < len(r.text) {
		r.wrong(r.at, "more follows the first value: %s", r.shown())
	}
	return v, nil
}

// position returns the line and the column of an offset, in characters.
func (r *jsonReader) position(at int) (line, column int) {
	before := r.text[:at]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

func (r *jsonReader) space() {
	for r.at < len(r.text) {
		switch r.text[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// shown names what stands at the reader's place.
func (r *jsonReader) shown() string {
	if r.at >= len(r.text) {
		return "the text ends"
	}
	rest := r.text[r.at:]
	if i := strings.IndexAny(rest, " \t\r\n,:]}"); i > 0 {
		rest = rest[:i]
	} else if i == 0 {
		rest = rest[:1]
	}
	if len(rest) > 20 {
		rest = rest[:20] + "…"
	}
	return fmt.Sprintf("%q", rest)
}

func (r *jsonReader) value() lua.LValue {
	if r.values++; r.values > maxJSONValues {
		r.wrong(r.at, "the text has more than %d values", maxJSONValues)
	}
	if r.values%512 == 0 {
		r.poll()
	}
	if r.at == len(r.text) {
		r.wrong(r.at, "a value is missing: the text ends")
	}
	switch c := r.text[r.at]; {
	case c == '{':
		return r.object()
	case c == '[':
		return r.list()
	case c == '"':
		return lua.LString(r.quoted())
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for word, v := range map[string]lua.LValue{"true": lua.LTrue, "false": lua.LFalse, "null": r.s.null} {
		if strings.HasPrefix(r.text[r.at:], word) {
			r.at += len(word)
			return v
		}
	}
	r.wrong(r.at, "a value is wanted, got %s", r.shown())
	return nil
}

func (r *jsonReader) enter() {
	if r.depth++; r.depth > maxJSONDepth {
		r.wrong(r.at, "it is nested deeper than %d", maxJSONDepth)
	}
	r.at++
	r.space()
}

// ends reports whether an object or list ends here.
func (r *jsonReader) ends(by byte) bool {
	if r.at < len(r.text) && r.text[r.at] == by {
		r.at++
		r.depth--
		return true
	}
	return false
}

// comma takes what stands between two elements, and reports whether there is
// no other.
func (r *jsonReader) comma(end byte) bool {
	r.space()
	if r.ends(end) {
		return true
	}
	if r.at == len(r.text) || r.text[r.at] != ',' {
		r.wrong(r.at, "\",\" or %q is wanted, got %s", string(end), r.shown())
	}
	r.at++
	r.space()
	return false
}

func (r *jsonReader) object() lua.LValue {
	t := r.s.base.CreateTable(0, 0)
	r.enter()
	if r.ends('}') {
		return t
	}
	for {
		if r.at == len(r.text) || r.text[r.at] != '"' {
			r.wrong(r.at, "a key in double quotes is wanted, got %s", r.shown())
		}
		key := r.quoted()
		r.space()
		if r.at == len(r.text) || r.text[r.at] != ':' {
			r.wrong(r.at, "\":\" is wanted, got %s", r.shown())
		}
		r.at++
		r.space()
		v := r.value()
		if v == r.s.null {
			v = lua.LNil
		}
		t.RawSetString(key, v)
		if r.comma('}') {
			return t
		}
	}
}

func (r *jsonReader) list() lua.LValue {
	t := r.s.base.CreateTable(0, 0)
	r.enter()
	if r.ends(']') {
		t.Metatable = r.s.listMeta
		return t
	}
	for {
		t.Append(r.value())
		if r.comma(']') {
			return t
		}
	}
}

func (r *jsonReader) number() lua.LValue {
	start := r.at
	digits := func() {
		if r.at == len(r.text) || r.text[r.at] < '0' || r.text[r.at] > '9' {
			r.wrong(start, "a number is wanted, got %q", r.text[start:min(r.at+1, len(r.text))])
		}
		for r.at < len(r.text) && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
			r.at++
		}
	}
	if r.text[r.at] == '-' {
		r.at++
	}
	first := r.at
	digits()
	if r.text[first] == '0' && r.at > first+1 {
		r.wrong(start, "a number may not begin with 0, got %q", r.text[start:r.at])
	}
	whole := true
	if r.at < len(r.text) && r.text[r.at] == '.' {
		whole = false
		r.at++
		digits()
	}
	if r.at < len(r.text) && (r.text[r.at] == 'e' || r.text[r.at] == 'E') {
		whole = false
		if r.at++; r.at < len(r.text) && (r.text[r.at] == '+' || r.text[r.at] == '-') {
			r.at++
		}
		digits()
	}
	text := r.text[start:r.at]
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		r.wrong(start, "the number %s is too large", text)
	}
	if whole && math.Abs(n) > maxExact || whole && math.Abs(n) == maxExact && strings.TrimPrefix(text, "-") != "9007199254740992" {
		return lua.LString(text)
	}
	return lua.LNumber(n)
}

// quoted reads a text in double quotes.
func (r *jsonReader) quoted() string {
	start := r.at
	r.at++
	plain := r.at
	var out strings.Builder
	for {
		if r.at == len(r.text) {
			r.wrong(start, "a text is not closed")
		}
		switch c := r.text[r.at]; {
		case c == '"':
			text := r.text[plain:r.at]
			r.at++
			if out.Len() == 0 {
				return strings.Clone(text) // not to hold on to all there is
			}
			return out.String() + text
		case c == '\\':
			out.WriteString(r.text[plain:r.at])
			r.escape(&out)
			plain = r.at
		case c < 0x20:
			r.wrong(r.at, "a control character (%#02x) in a text has to be written as \\u%04x", c, c)
		default:
			r.at++
		}
	}
}

func (r *jsonReader) escape(out *strings.Builder) {
	start := r.at
	if r.at += 2; r.at > len(r.text) {
		r.wrong(start, "a text is not closed")
	}
	switch c := r.text[r.at-1]; c {
	case '"', '\\', '/':
		out.WriteByte(c)
	case 'b':
		out.WriteByte('\b')
	case 'f':
		out.WriteByte('\f')
	case 'n':
		out.WriteByte('\n')
	case 'r':
		out.WriteByte('\r')
	case 't':
		out.WriteByte('\t')
	case 'u':
		code := r.hex(start)
		if code >= 0xd800 && code < 0xdc00 && strings.HasPrefix(r.text[r.at:], `\u`) { // one half of a character
			back := r.at
			r.at += 2
			if low := r.hex(back); low >= 0xdc00 && low < 0xe000 {
				out.WriteRune((code-0xd800)<<10 + low - 0xdc00 + 0x10000)
				return
			}
			r.at = back
		}
		out.WriteRune(code) // half a character alone becomes U+FFFD
	default:
		r.wrong(start, `%q is no escape of JSON`, r.text[start:r.at])
	}
}

// hex reads the four digits of \u; start is where the escape begins.
func (r *jsonReader) hex(start int) rune {
	end := r.at + 4
	if end > len(r.text) {
		r.wrong(start, `\u wants four hexadecimal digits`)
	}
	code, err := strconv.ParseUint(r.text[r.at:end], 16, 32)
	if err != nil || strings.ContainsAny(r.text[r.at:end], "+_") {
		r.wrong(start, `\u wants four hexadecimal digits, got %q`, r.text[r.at:end])
	}
	r.at = end
	return rune(code)
}
