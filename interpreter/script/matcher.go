package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

const (
	maxCaptures     = 32
	maxMatchNesting = 200

	capturePosition = -2 // the length of a position capture
	captureOpen     = -1 // the length of a capture that is not closed
)

// matcher finds Lua patterns. It works as the reference implementation does,
// by backtracking, and looks now and then whether the script may go on: a bad
// pattern can take time exponential in its length.
type matcher struct {
	src, pat string
	// literalCaret makes "^" an ordinary character, as gmatch wants it.
	literalCaret bool
	poll         func()               // called every few thousand steps
	fail         func(problem string) // for a malformed pattern; does not return

	start   int // of the last match
	level   int // captures
	capture [maxCaptures]struct{ start, length int }
	nesting int
	steps   int
}

// search returns the end of the first match at or after a position, or -1.
func (m *matcher) search(from int) int {
	for at := from; at <= len(m.src); at++ {
		if end := m.at(at); end >= 0 {
			return end
		}
		if strings.HasPrefix(m.pat, "^") && !m.literalCaret {
			break
		}
	}
	return -1
}

// at returns the end of a match that begins at a position, or -1.
func (m *matcher) at(s int) int {
	m.start, m.level, m.nesting = s, 0, 0
	if strings.HasPrefix(m.pat, "^") && !m.literalCaret {
		return m.match(s, 1)
	}
	return m.match(s, 0)
}

// captures returns what was captured; with whole set, the whole match if there
// are no captures.
func (m *matcher) captures(end int, whole bool) []lua.LValue {
	if m.level == 0 && whole {
		return []lua.LValue{lua.LString(m.src[m.start:end])}
	}
	values := make([]lua.LValue, m.level)
	for i := range values {
		switch c := m.capture[i]; c.length {
		case capturePosition:
			values[i] = lua.LNumber(c.start + 1)
		case captureOpen:
			m.fail("a capture is not closed")
		default:
			values[i] = lua.LString(m.src[c.start : c.start+c.length])
		}
	}
	return values
}

func (m *matcher) step() { m.work(1) }

// work counts steps, and polls when enough have come together.
func (m *matcher) work(steps int) {
	if m.steps += steps; m.steps >= 1<<12 {
		m.steps = 0
		m.poll()
	}
}

// match matches the pattern from p on at s, and returns the end or -1.
func (m *matcher) match(s, p int) int {
	if m.nesting++; m.nesting > maxMatchNesting {
		m.fail("it is too complex")
	}
	defer func() { m.nesting-- }()
	for {
		m.step()
		if p == len(m.pat) {
			return s
		}
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.open(s, p+2, capturePosition)
			}
			return m.open(s, p+1, captureOpen)
		case ')':
			return m.close(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			next, end, special := m.special(s, p)
			if special {
				if end < 0 {
					return -1
				}
				s, p = end, next
				continue
			}
		}
		after := m.classEnd(p)
		repeat := byte(0)
		if after < len(m.pat) {
			repeat = m.pat[after]
		}
		switch repeat {
		case '?':
			if m.single(s, p, after) {
				if end := m.match(s+1, after+1); end >= 0 {
					return end
				}
			}
			p = after + 1
			continue
		case '*':
			return m.expand(s, p, after, 0)
		case '+':
			return m.expand(s, p, after, 1)
		case '-':
			return m.shrink(s, p, after)
		}
		if !m.single(s, p, after) {
			return -1
		}
		s, p = s+1, after
	}
}

// special matches %b, %f and back-references.
func (m *matcher) special(s, p int) (next, end int, ok bool) {
	if p+1 == len(m.pat) {
		m.fail(`it ends in "%"`)
	}
	switch c := m.pat[p+1]; {
	case c == 'b':
		return p + 4, m.balance(s, p+2), true
	case c == 'f':
		return m.frontier(s, p+2)
	case c >= '0' && c <= '9':
		i := int(c - '1')
		if i < 0 || i >= m.level || m.capture[i].length == captureOpen {
			m.fail("it refers to a capture that is not there")
		}
		if m.capture[i].length == capturePosition {
			return p + 2, -1, true // as in Lua: there is no text to find again
		}
		text := m.src[m.capture[i].start : m.capture[i].start+m.capture[i].length]
		m.work(1 + len(text)>>6)
		if strings.HasPrefix(m.src[s:], text) {
			return p + 2, s + len(text), true
		}
		return p + 2, -1, true
	}
	return 0, 0, false
}

func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail("%b wants two characters")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		m.step()
		switch m.src[i] {
		case m.pat[p+1]:
			if depth--; depth == 0 {
				return i + 1
			}
		case m.pat[p]:
			depth++
		}
	}
	return -1
}

// frontier matches the empty text between a character outside of a set and one
// inside.
func (m *matcher) frontier(s, p int) (next, end int, ok bool) {
	if p >= len(m.pat) || m.pat[p] != '[' {
		m.fail(`%f wants a set: "%f[%w]"`)
	}
	after := m.classEnd(p)
	before, here := byte(0), byte(0)
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		here = m.src[s]
	}
	if m.inSet(before, p, after-1) || !m.inSet(here, p, after-1) {
		return after, -1, true
	}
	return after, s, true
}

func (m *matcher) open(s, p, length int) int {
	if m.level >= maxCaptures {
		m.fail("it has too many captures")
	}
	m.capture[m.level] = struct{ start, length int }{s, length}
	m.level++
	end := m.match(s, p)
	if end < 0 {
		m.level--
	}
	return end
}

func (m *matcher) close(s, p int) int {
	for i := m.level - 1; i >= 0; i-- {
		if m.capture[i].length == captureOpen {
			m.capture[i].length = s - m.capture[i].start
			end := m.match(s, p)
			if end < 0 {
				m.capture[i].length = captureOpen
			}
			return end
		}
	}
	m.fail(`a ")" closes nothing`)
	return -1
}

// expand matches a class as often as possible, then less often.
func (m *matcher) expand(s, p, after, least int) int {
	n := 0
	for m.single(s+n, p, after) {
		m.step()
		n++
	}
	for ; n >= least; n-- {
		if end := m.match(s+n, after+1); end >= 0 {
			return end
		}
	}
	return -1
}

// shrink matches a class as seldom as possible, then more often.
func (m *matcher) shrink(s, p, after int) int {
	for {
		if end := m.match(s, after+1); end >= 0 {
			return end
		}
		if !m.single(s, p, after) {
			return -1
		}
		s++
	}
}

// single reports whether the character at s is of the class at p.
func (m *matcher) single(s, p, after int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pat[p+1])
	case '[':
		return m.inSet(c, p, after-1)
	}
	return m.pat[p] == c
}

// classEnd returns the position after the class that begins at p.
func (m *matcher) classEnd(p int) int {
	switch m.pat[p] {
	case '%':
		if p+1 == len(m.pat) {
			m.fail(`it ends in "%"`)
		}
		return p + 2
	case '[':
		p++
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for first := true; ; first = false {
			if p >= len(m.pat) {
				m.fail(`a "[" is not closed`)
			}
			c := m.pat[p]
			if c == ']' && !first {
				return p + 1
			}
			if p++; c == '%' {
				p++
			}
		}
	}
	return p + 1
}

// inSet reports whether c is in the set from "[" at p to "]" at end.
func (m *matcher) inSet(c byte, p, end int) bool {
	found := true
	if p++; m.pat[p] == '^' {
		found = false
		p++
	}
	for ; p < end; p++ {
		switch {
		case m.pat[p] == '%':
			if p++; inClass(c, m.pat[p]) {
				return found
			}
		case p+2 < end && m.pat[p+1] == '-':
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return found
			}
			p += 2
		case m.pat[p] == c:
			return found
		}
	}
	return !found
}

// inClass reports whether c is of the class %class.
func inClass(c, class byte) bool {
	var in bool
	lower, upper, digit := c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
	switch class | 0x20 {
	case 'a':
		in = lower || upper
	case 'c':
		in = c < 0x20 || c == 0x7f
	case 'd':
		in = digit
	case 'l':
		in = lower
	case 'p':
		in = c > 0x20 && c < 0x7f && !lower && !upper && !digit
	case 's':
		in = c == ' ' || c >= '\t' && c <= '\r'
	case 'u':
		in = upper
	case 'w':
		in = lower || upper || digit
	case 'x':
		in = digit || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
	case 'z':
		in = c == 0
	default:
		return c == class
	}
	return in == (class >= 'a')
}
