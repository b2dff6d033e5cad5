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

// Bold marks what a line is about. Without colours all of these return the text
// as it is.
func (s Style) Bold(t string) string { return s.paint("1", t) }

// Dim marks what accompanies it.
func (s Style) Dim(t string) string { return s.paint("2", t) }

// Red marks what went wrong.
func (s Style) Red(t string) string { return s.paint("31", t) }

// Green marks what went well.
func (s Style) Green(t string) string { return s.paint("32", t) }

// Yellow marks what wants a second look.
func (s Style) Yellow(t string) string { return s.paint("33", t) }

// Cyan marks what was not done for real, or not by the run.
func (s Style) Cyan(t string) string { return s.paint("36", t) }

// Fit shortens a text to so many columns.
func Fit(text string, columns int) string { return fit(text, columns) }

// Table prints rows in aligned columns, two spaces apart. The last column is
// cut to the width. A row of one cell says more of the row above it, below it.
func Table(w io.Writer, s Style, rows [][]string) {
	widths := []int{}
	for n, row := range rows {
		if n > 0 && len(row) == 1 {
			continue
		}
		for i := range row {
			row[i] = clean(row[i])
			cell := row[i]
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(cell))
		}
	}
	for n, row := range rows {
		if n > 0 && len(row) == 1 {
			_, _ = fmt.Fprintln(w, Wrap(s, "  "+clean(row[0])))
			continue
		}
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
