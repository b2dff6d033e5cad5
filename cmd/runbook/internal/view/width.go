package view

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/width"
)

const reset = "\x1b[0m"

// columns counts the columns that text takes on a terminal; colours take none.
func columns(text string) int {
	n := 0
	for text != "" {
		glyph, w := next(text)
		n += w
		text = text[len(glyph):]
	}
	return n
}

// next returns the first colour code or character of text, and its columns.
func next(text string) (glyph string, w int) {
	if strings.HasPrefix(text, "\x1b[") {
		if end := strings.IndexByte(text, 'm'); end >= 0 {
			return text[:end+1], 0
		}
	}
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return text[:size], 0
	case r < 0x1100:
		return text[:size], 1
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return text[:size], 2
	}
	return text[:size], 1
}

// fit shortens text to n columns; n of 0 leaves it as it is.
func fit(text string, n int) string {
	if n <= 0 || columns(text) <= n {
		return text
	}
	var b strings.Builder
	used, painted := 0, false
	for text != "" {
		glyph, w := next(text)
		if used+w > n-1 {
			break
		}
		if w == 0 && glyph[0] == '\x1b' {
			painted = glyph != reset
		}
		b.WriteString(glyph)
		used += w
		text = text[len(glyph):]
	}
	b.WriteString("…")
	if painted {
		b.WriteString(reset)
	}
	return b.String()
}

// wrap breaks text into lines of at most n columns, at spaces where there are
// any. A colour that is on at the end of a line goes on in the next.
func wrap(text string, n int) []string {
	if n <= 0 || columns(text) <= n {
		return []string{text}
	}
	var lines []string
	var line strings.Builder
	used, color := 0, ""
	end := func() {
		if color != "" {
			line.WriteString(reset)
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
		line.Reset()
		line.WriteString(color)
		used = 0
	}
	for _, word := range strings.SplitAfter(text, " ") {
		if used > 0 && used+columns(strings.TrimRight(word, " ")) > n {
			end()
		}
		for word != "" {
			glyph, w := next(word)
			word = word[len(glyph):]
			if glyph[0] == '\x1b' {
				if color = glyph; glyph == reset {
					color = ""
				}
			} else if used+w > n {
				if glyph == " " {
					continue // the blank at which the line breaks
				}
				end()
			}
			line.WriteString(glyph)
			used += w
		}
	}
	if used > 0 {
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return lines
}

// Reflow fills the paragraphs of a text to a width. Lines that are indented stay
// as they are.
func Reflow(text string, width int) string {
	var out, paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out = append(out, wrap(strings.Join(paragraph, " "), width)...)
			paragraph = nil
		}
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || line[0] == ' ' {
			end()
			out = append(out, line)
			continue
		}
		paragraph = append(paragraph, line)
	}
	end()
	return strings.Join(out, "\n")
}

// Wrap wraps the lines of a text to a terminal's width; what continues a line
// is indented below it.
func Wrap(s Style, text string) string {
	if s.Width <= 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		body := strings.TrimLeft(line, " ")
		indent := line[:len(line)-len(body)]
		parts := wrap(body, max(s.Width-len(indent)-2, 20))
		if columns(line) <= s.Width {
			parts = []string{body}
		}
		lines[i] = indent + strings.Join(parts, "\n"+indent+"  ")
	}
	return strings.Join(lines, "\n")
}
