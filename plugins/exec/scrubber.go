package exec

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// minLine is how long a line of a secret of several lines has to be to be
// replaced by itself: shorter ones ("{", "end") stand for nothing.
const minLine = 8

// scrubber replaces the values of secrets in a stream of bytes. It holds back
// what may be the beginning of one until more is known. The zero of its state
// is an empty stream; the secrets themselves are shared by copies made with
// fresh.
type scrubber struct {
	needles []needle // longest first
	held    []byte
}

type needle struct {
	value, shown []byte
}

// newScrubber returns a scrubber for values by name. It knows each value as it
// is, without the newline at its end, and by its single lines.
func newScrubber(secrets map[string]string) *scrubber {
	s := &scrubber{}
	seen := map[string]bool{}
	add := func(name, value string) {
		if value != "" && !seen[value] {
			seen[value] = true
			s.needles = append(s.needles, needle{[]byte(value), []byte("[secret " + name + "]")})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		value := secrets[name]
		add(name, value)
		add(name, strings.TrimRight(value, "\r\n"))
		if lines := strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) > 1 {
			for _, line := range lines {
				if len(line) >= minLine {
					add(name, line)
				}
			}
		}
	}
	slices.SortStableFunc(s.needles, func(a, b needle) int { return len(b.value) - len(a.value) })
	return s
}

// fresh returns a scrubber with the same secrets for another stream.
func (s *scrubber) fresh() *scrubber { return &scrubber{needles: s.needles} }

// text scrubs a whole text.
func (s *scrubber) text(t string) string {
	f := s.fresh()
	return string(f.write([]byte(t))) + string(f.flush())
}

// write takes the next bytes of the stream and returns those that may be
// shown. The result is valid until the next call.
func (s *scrubber) write(p []byte) []byte {
	if len(s.needles) == 0 {
		return p
	}
	return s.pass(p, false)
}

// flush ends the stream and returns what was held back.
func (s *scrubber) flush() []byte { return s.pass(nil, true) }

func (s *scrubber) pass(p []byte, last bool) []byte {
	data := append(s.held, p...)
	out := make([]byte, 0, len(data))
	i := 0
scan:
	for i < len(data) {
		rest := data[i:]
		for _, n := range s.needles { // the longest decides, even when it is not complete yet
			if bytes.HasPrefix(rest, n.value) {
				out = append(out, n.shown...)
				i += len(n.value)
				continue scan
			}
			if !last && len(rest) < len(n.value) && bytes.HasPrefix(n.value, rest) {
				break scan
			}
		}
		out = append(out, data[i])
		i++
	}
	s.held = slices.Clone(data[i:])
	return out
}
