package booktest

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

// File is one file of tests and what became of it, for reports.
type File struct {
	Path  string
	Tests []*Test
	Err   error // why it could not be run, or not to its end
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Time     string      `xml:"time,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure"`
	Error   *junitProblem `xml:"error"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes a report in the XML that build servers read: a suite for
// each file. A file that could not be run is an error.
func WriteJUnit(w io.Writer, files []File) error {
	var all junitSuites
	var total time.Duration
	for _, f := range files {
		s := junitSuite{Name: f.Path}
		var took time.Duration
		for _, t := range f.Tests {
			c := junitCase{Name: t.Name, Class: f.Path, Time: junitTime(t.Took), Out: legal(strings.Join(t.Log, "\n"))}
			if !t.Passed() {
				c.Failure = &junitProblem{legal(t.Failures[0].Message), legal(t.Text())}
				s.Failures++
			}
			s.Cases = append(s.Cases, c)
			took += t.Took
		}
		if f.Err != nil {
			s.Cases = append(s.Cases, junitCase{Name: f.Path, Class: f.Path, Time: junitTime(0), Error: &junitProblem{legal(f.Err.Error()), ""}})
			s.Errors++
		}
		s.Tests, s.Time = len(s.Cases), junitTime(took)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		total += took
		all.Suites = append(all.Suites, s)
	}
	all.Time = junitTime(total)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return nil
}

func junitTime(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// legal leaves out what XML cannot hold.
func legal(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r >= 0x20 && r != 0xfffe && r != 0xffff {
			return r
		}
		return -1
	}, text)
}
