package rehearsal

import (
	"github.com/q-ecosystem/runbook/interpreter/booktest"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// testLine is a test as --json prints it.
type testLine struct {
	Type      string            `json:"type"`
	File      string            `json:"file"`
	Name      string            `json:"name"`
	Where     effect.Position   `json:"where"`
	Passed    bool              `json:"passed"`
	Took      float64           `json:"took" doc:"seconds, real ones"`
	Runs      int               `json:"runs" doc:"how many were simulated"`
	Schedules int               `json:"schedules" doc:"how many were explored"`
	Failures  []testFailureLine `json:"failures,omitempty"`
	Log       []string          `json:"log,omitempty" doc:"what it printed"`
}

// testFailureLine is an expectation that was not met.
type testFailureLine struct {
	Where   effect.Position `json:"where"`
	Message string          `json:"message"`
	Hint    string          `json:"hint,omitempty"`
	Diff    []string        `json:"diff,omitempty" doc:"what was expected and what came"`
	Run     []string        `json:"run,omitempty" doc:"the timeline of the run that it is about"`
}

func testLineOf(file string, t *booktest.Test) testLine {
	line := testLine{Type: "test", File: file, Name: t.Name, Where: t.Where, Passed: t.Passed(), Took: t.Took.Seconds(),
		Runs: t.Runs, Schedules: t.Schedules, Log: t.Log}
	for _, f := range t.Failures {
		line.Failures = append(line.Failures, testFailureLine{f.Where, f.Message, f.Hint, f.Diff, f.Run})
	}
	return line
}

// testErrorLine tells why a file of tests could not be run to its end.
type testErrorLine struct {
	Type  string `json:"type"`
	File  string `json:"file"`
	Error string `json:"error"`
	Hint  string `json:"hint,omitempty"`
}

// coverageLine says how much of a file the tests came to.
type coverageLine struct {
	Type       string        `json:"type"`
	File       string        `json:"file"`
	Statements int           `json:"statements"`
	Covered    int           `json:"covered"`
	Percent    float64       `json:"percent" doc:"of the statements"`
	Missing    []missingLine `json:"missing" doc:"lines that no test came to"`
}

// missingLine is a range of lines that no test came to.
type missingLine struct {
	From   int  `json:"from"`
	To     int  `json:"to"`
	Partly bool `json:"partly,omitempty" doc:"some of it was reached"`
}

func coverageLineOf(c *booktest.Coverage) coverageLine {
	line := coverageLine{"coverage", c.File, c.Statements, c.Covered, c.Percent(), []missingLine{}}
	for _, m := range c.Missing {
		line.Missing = append(line.Missing, missingLine{m.From, m.To, m.Partly})
	}
	return line
}

// testsLine ends the stream.
type testsLine struct {
	Type      string `json:"type"`
	Passed    int    `json:"passed"`
	Failed    int    `json:"failed"`
	Runs      int    `json:"runs" doc:"how many were simulated"`
	Schedules int    `json:"schedules" doc:"how many were explored"`
	Exit      int    `json:"exit" doc:"the exit code"`
}
