package view

import (
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// redraw is how a line that moves is drawn again.
const redraw = "\r\x1b[K"

// Screen is standard output or standard error: all text of the program goes
// through one. It lets through line ends, tabs, and the colours and the moving
// line of this package where the style has them, and escapes what else is
// printed and does not print, as [Line] does: nothing that a script, a file name
// or a plugin contains reaches a terminal as a command.
type Screen struct {
	w     io.Writer
	color bool
	moves bool

	mu   sync.Mutex
	rest []byte // the beginning of a character
}

// NewScreen returns a Screen on w. moves allows the line that is drawn again.
func NewScreen(w io.Writer, s Style, moves bool) *Screen {
	return &Screen{w: w, color: s.Color, moves: moves}
}

// Write prints text.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := string(append(s.rest, p...))
	s.rest = nil
	var b strings.Builder
	for text != "" {
		if n := max(plain(text), s.own(text)); n > 0 {
			b.WriteString(text[:n])
			text = text[n:]
			continue
		}
		if !utf8.FullRuneInString(text) {
			s.rest = []byte(text)
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(clean(text[:1]))
		case r == '\n', r == '\t':
			b.WriteRune(r)
		default:
			escape(&b, r)
		}
		text = text[size:]
	}
	_, err := io.WriteString(s.w, b.String())
	return len(p), err
}

// own returns the length of a sequence of this package that text begins with.
func (s *Screen) own(text string) int {
	switch {
	case text[0] == '\r' && s.moves && strings.HasPrefix(text, redraw):
		return len(redraw)
	case text[0] != '\x1b' || !s.color:
		return 0
	}
	for _, code := range [...]string{"0", "1", "2", "31", "32", "33", "36"} { // those that Style paints with
		if sequence := "\x1b[" + code + "m"; strings.HasPrefix(text, sequence) {
			return len(sequence)
		}
	}
	return 0
}
