package booktest

import (
	"fmt"
	"strings"
)

// Text tells why a test failed, for people, in lines that end with a newline:
// each failure with its place and its diff, and once for each run that they
// are about, its timeline. A test that passed gives its log only.
func (t *Test) Text() string {
	var b strings.Builder
	for i := range t.Failures {
		f := &t.Failures[i]
		b.WriteString(f.Text())
		// The timeline of a run follows the last failure that is about it.
		if f.Run != nil && (i == len(t.Failures)-1 || t.Failures[i+1].RunName != f.RunName) {
			fmt.Fprintf(&b, "  %s:\n", f.RunName)
			for _, line := range f.Run {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
	}
	for _, line := range t.Log {
		fmt.Fprintf(&b, "  log: %s\n", strings.ReplaceAll(line, "\n", "\n       "))
	}
	return b.String()
}

// Text tells one failure, its timeline left out.
func (f *Failure) Text() string {
	var b strings.Builder
	place := f.Where.String()
	if place != "" {
		place += ": "
	}
	fmt.Fprintf(&b, "%s%s\n", place, strings.ReplaceAll(f.Message, "\n", "\n  "))
	if f.Hint != "" {
		fmt.Fprintf(&b, "  hint: %s\n", f.Hint)
	}
	if f.compares() {
		b.WriteString("  - expected  + got\n")
	}
	for _, line := range f.Diff {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	return b.String()
}

// compares reports whether the diff is one.
func (f *Failure) compares() bool {
	for _, line := range f.Diff {
		if !strings.HasPrefix(line, "  ") {
			return true
		}
	}
	return false
}
