package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What others wrote (scripts, plugins, programs, file names, people) is printed
// so that it can neither move the cursor, nor change what stands on the terminal
// already, nor look like something else: what does not print is written as an
// escape, as in a Lua or a Go text. Nothing is left out.

// clean makes text safe for one line of a terminal. Tabs become blanks.
func clean(text string) string {
	if plain(text) == len(text) {
		return text
	}
	var b strings.Builder
	for text != "" {
		if n := plain(text); n > 0 {
			b.WriteString(text[:n])
			text = text[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '\t':
			b.WriteByte(' ')
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[0])
		default:
			escape(&b, r)
		}
		text = text[size:]
	}
	return b.String()
}

// Clean is clean for several lines: line ends stay.
func Clean(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(strings.TrimSuffix(lines[i], "\r"))
	}
	return strings.Join(lines, "\n")
}

// Line is clean for the packages that print: names, above all, have no lines.
func Line(text string) string { return clean(text) }

// plain returns how many bytes of printable ASCII a text begins with.
func plain(text string) int {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] >= 0x7f {
			return i
		}
	}
	return len(text)
}

// escape writes a character, or its escape if it does not print.
func escape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r < 0x20, r >= 0x7f && r < 0xa0:
		fmt.Fprintf(b, `\x%02x`, r)
	case invisible(r) && r > 0xffff:
		fmt.Fprintf(b, `\U%08x`, r)
	case invisible(r):
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		b.WriteRune(r)
	}
}

// invisible reports whether a character shows nothing itself: marks that turn
// the direction of writing, separators of lines, blanks without width. The two
// joiners stay: scripts and emoji are written with them.
func invisible(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800': // letters without ink
		return true
	}
	return r >= 0xa0 && unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) && r != nonJoiner && r != joiner
}
