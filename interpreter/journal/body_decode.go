package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// maxDepth bounds the nesting of a body's JSON; values are 64 deep at most,
// and an escaped map counts twice.
const maxDepth = 256

// decodeBody reads what encodeBody wrote. Members that this version does not
// know are passed over.
//
// It is no json.Unmarshal, because a resume spends most of its time here:
// texts are slices of text, and members that are kept as JSON slices of one
// copy. encoding/json takes three times as long (10,000 events: 22 ms beside 7
// ms, with 115,000 allocations beside 20,000), and with it the resume of 10,000
// writes took 160 ms where it took 110 ms, on both sides of the aim of 150 ms
// (BenchmarkDecodeAgainstStandard, BenchmarkResume).
func decodeBody(text string, b *effect.Body) error {
	s := scanner{data: text}
	s.object(func(name string) {
		switch name {
		case "op":
			b.Op = s.text()
		case "args":
			b.Args = s.kept()
		case "class":
			b.Class = effect.Class(s.text())
		case "recovery":
			b.Recovery = effect.Recovery(s.text())
		case "key":
			b.Key = s.text()
		case "attempt":
			b.Attempt = s.number()
		case "where":
			b.Where = s.position()
		case "value":
			b.Value = s.kept()
		case "error":
			if raw := s.kept(); s.err == nil {
				s.err = json.Unmarshal(raw, &b.Error)
			}
		case "outcome":
			b.Outcome = s.text()
		case "name":
			b.Name = s.text()
		case "text":
			b.Text = s.text()
		case "by":
			b.By = s.text()
		case "user":
			b.User = s.text()
		case "via":
			b.Via = s.text()
		case "roles":
			if raw := s.kept(); s.err == nil {
				s.err = json.Unmarshal(raw, &b.Roles)
			}
		case "reason":
			b.Reason = s.text()
		case "status":
			b.Status = effect.Status(s.text())
		case "origin":
			b.Origin = s.text()
		case "run":
			b.Run = s.text()
		case "hash":
			b.Hash = s.text()
		default:
			s.raw()
		}
	})
	s.space()
	if s.err == nil && s.pos != len(text) {
		s.fail("text after the end")
	}
	if s.err != nil {
		return fmt.Errorf("decode event: %w", s.err)
	}
	return nil
}

// scanner reads JSON from the front. After an error every method returns
// quickly with a zero value.
type scanner struct {
	data  string
	bytes []byte // a copy of data, once it is needed
	pos   int
	depth int
	err   error
}

func (s *scanner) fail(problem string) {
	if s.err == nil {
		s.err = fmt.Errorf("%s at byte %d", problem, s.pos)
	}
	s.pos = len(s.data)
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte that is not space, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos >= len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func (s *scanner) expect(c byte) bool {
	if s.peek() != c || s.err != nil {
		s.fail("wants " + strconv.QuoteRune(rune(c)))
		return false
	}
	s.pos++
	return true
}

// object calls member for each member with the scanner before its value, which
// member has to read.
func (s *scanner) object(member func(name string)) {
	if !s.expect('{') {
		return
	}
	if s.peek() == '}' {
		s.pos++
		return
	}
	for s.err == nil {
		quoted := s.valid()
		if !s.expect(':') {
			return
		}
		member(quoted[1 : len(quoted)-1])
		if s.peek() == ',' {
			s.pos++
			continue
		}
		s.expect('}')
		return
	}
}

// quoted returns a string with its quotes, as it stands.
func (s *scanner) quoted() string {
	if !s.expect('"') {
		return ""
	}
	start := s.pos - 1
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; {
		case c == '"':
			s.pos++
			return s.data[start:s.pos]
		case c == '\\':
			s.pos++
		case c < ' ':
			s.fail("control character in a string")
			return ""
		}
	}
	s.fail("string without an end")
	return ""
}

// valid is quoted with its escapes checked.
func (s *scanner) valid() string {
	quoted := s.quoted()
	if s.err == nil && strings.Contains(quoted, `\`) && !json.Valid([]byte(quoted)) {
		s.fail("bad escape in a string")
	}
	return quoted
}

func (s *scanner) text() string {
	quoted := s.quoted()
	if s.err != nil {
		return ""
	}
	for i := 1; i < len(quoted)-1; i++ {
		if c := quoted[i]; c == '\\' || c >= 0x80 {
			var v string
			s.err = json.Unmarshal([]byte(quoted), &v)
			return v
		}
	}
	return quoted[1 : len(quoted)-1]
}

func (s *scanner) number() int {
	raw := s.raw()
	if s.err != nil {
		return 0
	}
	n, err := strconv.Atoi(raw)
	s.err = err
	return n
}

func (s *scanner) position() (p effect.Position) {
	s.object(func(name string) {
		switch name {
		case "file":
			p.File = s.text()
		case "line":
			p.Line = s.number()
		default:
			s.raw()
		}
	})
	return p
}

// kept returns the next value as it stands, for the body to keep.
func (s *scanner) kept() json.RawMessage {
	raw := s.raw()
	if s.err != nil {
		return nil
	}
	if s.bytes == nil {
		s.bytes = []byte(s.data)
	}
	start := s.pos - len(raw)
	return s.bytes[start:s.pos:s.pos]
}

// raw returns the next value as it stands.
func (s *scanner) raw() string {
	c := s.peek()
	start := s.pos
	if s.depth++; s.depth > maxDepth {
		s.fail("nested too deep")
	}
	switch c {
	case '{':
		s.object(func(string) { s.raw() })
	case '[':
		s.array()
	case '"':
		s.valid()
	default:
		s.literal()
	}
	s.depth--
	if s.err != nil {
		return ""
	}
	return s.data[start:s.pos]
}

func (s *scanner) array() {
	s.pos++
	if s.peek() == ']' {
		s.pos++
		return
	}
	for s.err == nil {
		s.raw()
		if s.peek() == ',' {
			s.pos++
			continue
		}
		s.expect(']')
		return
	}
}

var errLiteral = errors.New("neither a number, true, false nor null")

// literal reads a number, true, false or null.
func (s *scanner) literal() {
	start, whole := s.pos, true
loop:
	for ; s.pos < len(s.data); s.pos++ {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n', ',', ']', '}', ':', '"', '{', '[':
			break loop
		default:
			whole = whole && '0' <= s.data[s.pos] && s.data[s.pos] <= '9'
		}
	}
	word := s.data[start:s.pos]
	if whole && word != "" && (word[0] != '0' || word == "0") || word == "true" || word == "false" || word == "null" {
		return
	}
	if !json.Valid([]byte(word)) && s.err == nil {
		s.fail(errLiteral.Error())
	}
}
