// Package view prints runs for people: live, from the journal, and as a
// summary. The same lines come out of a run under way and of its record.
//
// Where things go is decided once, here and in cmd/runbook: results go to
// standard output, everything that accompanies them to standard error. Colour
// and the moving status line appear on a terminal only, and never with
// NO_COLOR set.
package view

import (
	"fmt"
	"io"
	"strings"
)

// Style says how to print.
type Style struct {
	Color bool
	Width int // of the terminal in columns; 0 if there is none
}

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// Bold, Dim, Red, Green, Yellow and Cyan colour text, if colours are on.
func (s Style) Bold(t string) string   { return s.paint("1", t) }
func (s Style) Dim(t string) string    { return s.paint("2", t) }
func (s Style) Red(t string) string    { return s.paint("31", t) }
func (s Style) Green(t string) string  { return s.paint("32", t) }
func (s Style) Yellow(t string) string { return s.paint("33", t) }
func (s Style) Cyan(t string) string   { return s.paint("36", t) }

// clean makes text safe for a terminal: control characters, which could move
// the cursor or hide what a log line says, become visible.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '·'
		}
		return r
	}, text)
}

// Clean is clean for several lines: line ends stay.
func Clean(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// Table prints rows in aligned columns, two spaces apart. The last column is
// cut to the width.
func Table(w io.Writer, s Style, rows [][]string) {
	widths := []int{}
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			if i > 0 {
				b.WriteString("  ")
			}
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-columns(cell)))
			}
		}
		line := fit(strings.TrimRight(b.String(), " "), s.Width)
		if n == 0 {
			line = s.Dim(line)
		}
		_, _ = fmt.Fprintln(w, line)
	}
}
