package booktest

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/script"
)

// Coverage says which statements of a file the tests came to.
type Coverage struct {
	File       string
	Statements int
	Covered    int
	Missing    []Range // in order
}

// Range is a run of lines with statements that never ran.
type Range struct {
	From, To int
	Text     []string // the lines
	// Partly says that others on the same line did run, as the condition
	// before a "then return end" does.
	Partly bool
}

// Percent returns the covered share; a file without statements is covered.
func (c *Coverage) Percent() float64 {
	if c.Statements == 0 {
		return 100
	}
	return 100 * float64(c.Covered) / float64(c.Statements)
}

// CoverageOf tells what was counted, by file, in the order of their names.
func CoverageOf(counted *script.Coverage) []Coverage {
	var out []Coverage
	for _, src := range counted.Files() {
		text := strings.Split(string(src.Text), "\n")
		c := Coverage{File: src.Name}
		var open *Range
		for _, l := range counted.Lines(src.Name) {
			c.Statements += l.Statements
			c.Covered += l.Ran
			switch partly := l.Ran > 0; {
			case l.Ran == l.Statements:
				open = nil
				continue
			case open != nil && !partly && !open.Partly:
				open.To = l.Line
			default:
				c.Missing = append(c.Missing, Range{From: l.Line, To: l.Line, Partly: partly})
				open = &c.Missing[len(c.Missing)-1]
			}
		}
		for i := range c.Missing {
			m := &c.Missing[i]
			m.Text = text[min(m.From-1, len(text)):min(m.To, len(text))]
		}
		out = append(out, c)
	}
	return out
}

// Text lists the lines that were not come to, one each.
func (c *Coverage) Text() string {
	var b strings.Builder
	for _, m := range c.Missing {
		note := ""
		if m.Partly {
			note = "  (in part)"
		}
		for i, line := range m.Text {
			fmt.Fprintf(&b, "%s:%d: %s%s\n", c.File, m.From+i, line, note)
		}
	}
	return b.String()
}
