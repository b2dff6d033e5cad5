package booktest_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/q-ecosystem/runbook/interpreter/booktest"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/stdlib"
)

func options(t *testing.T) booktest.Options {
	t.Helper()
	catalog, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	return booktest.Options{Catalog: catalog, Workers: 2}
}

// shift runs testdata/shift_test.lua and returns its tests by name.
func shift(t *testing.T, o booktest.Options) map[string]*booktest.Test {
	t.Helper()
	tests, err := booktest.Run(t.Context(), os.DirFS("testdata"), "shift_test.lua", o)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*booktest.Test{}
	for _, test := range tests {
		out[test.Name] = test
	}
	return out
}

func TestExpectationsThatAreMet(t *testing.T) {
	tests := shift(t, options(t))
	for _, name := range []string{"passes", "denied", "explores"} {
		if tests[name] == nil || !tests[name].Passed() {
			t.Errorf("%s:\n%s", name, tests[name].Text())
		}
	}
	if n := tests["explores"].Schedules; n < 10 {
		t.Errorf("%d schedules explored", n)
	}
}

func TestExpectationsThatAreNotMetAreTold(t *testing.T) {
	o := options(t)
	o.Only = regexp.MustCompile("every way")
	tests := shift(t, o)
	if len(tests) != 1 {
		t.Fatalf("%d tests ran", len(tests))
	}
	want, err := os.ReadFile("testdata/shift.golden")
	if err != nil {
		t.Fatal(err)
	}
	if got := tests["fails in every way"].Text(); got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCoverageNamesWhatNoTestCameTo(t *testing.T) {
	o := options(t)
	o.Cover = script.NewCoverage()
	shift(t, o)
	list := booktest.CoverageOf(o.Cover)
	if len(list) != 2 || list[0].File != "lib/limits.lua" || list[0].Percent() != 100 {
		t.Fatalf("covered: %+v", list)
	}
	if got := list[1].Text(); got != "shift.lua:17:   print \"never tested\"\n" || list[1].Percent() > 95 {
		t.Errorf("%.1f%%, missing:\n%s", list[1].Percent(), got)
	}
}

func TestSlipsInTestFiles(t *testing.T) {
	book, err := os.ReadFile("testdata/shift.lua")
	if err != nil {
		t.Fatal(err)
	}
	lib, err := os.ReadFile("testdata/lib/limits.lua")
	if err != nil {
		t.Fatal(err)
	}
	// in runs a line of Lua inside a test.
	in := func(line string) string {
		return "local book = runbook \"shift.lua\"\ntest(\"x\", function(t)\n" + line + "\nend)"
	}
	for name, c := range map[string]struct{ text, want string }{
		"no such runbook":         {`runbook "shft.lua"`, `x_test.lua:1: the runbook "shft.lua" cannot be read`},
		"a runbook elsewhere":     {`runbook "../shift.lua"`, `does not stand beside the tests`},
		"the same name twice":     {"test('a', function() end)\ntest('a', function() end)", `x_test.lua:2: there are two tests "a"`},
		"simulate outside a test": {`runbook("shift.lua").simulate {}`, `book.simulate belongs into a test`},
		"a broken scenario":       {in(`book.simulate { wrold = {} }`), "x_test.lua:3: wrold: is not known here"},
		"a broken scenario file":  {in(`book.simulate { scenario = "bad.lua" }`), `bad.lua:3: scenario: world.traffic.weights.blue: `},
		"a bad param":             {in(`book.simulate { params = { to = "x" } }`), `x_test.lua:3: params.to: wants a whole number`},
		"a fault nowhere":         {in(`book.simulate { schedule = "77:refused" }`), `the run does not come to effect 77`},
		"a fault of no step":      {in(`book.simulate { faults = { { step = "shft", kind = "refused" } } }`), `faults[1].step: without faults the run enters no step "shft"`},
		"an unknown op":           {in(`t.effects(book.simulate {}, { "traffic.splt" })`), `[1]: there is no op "traffic.splt"`},
		"an unknown argument":     {in(`t.effects(book.simulate {}, { { "traffic.switch", too = "x" } })`), `[1]: too: is not known here`},
		"an unknown selection":    {in(`t.effects(book.simulate {}, {}, "trafic")`), `no module and no op "trafic"`},
		"a method call":           {in(`t:equal(1, 1)`), `t.equal is called with ".", not with ":"`},
		"a method call of a book": {in(`book:simulate {}`), `one table of named values is wanted`},
		"run control":             {in(`sleep "1s"`), `x_test.lua:3: sleep is not defined`},
		"a failing runbook":       {`runbook "broken.lua"`, `broken.lua:1: `},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{"x_test.lua": {Data: []byte(c.text)}, "shift.lua": {Data: book}, "lib/limits.lua": {Data: lib},
				"broken.lua": {Data: []byte("local =")},
				"bad.lua":    {Data: []byte("return {\n  world = { traffic = { weights = {\n    blue = 'x' } } } }")}}
			tests, err := booktest.Run(t.Context(), fsys, "x_test.lua", options(t))
			got := ""
			if err != nil {
				got = err.Error()
			}
			for _, test := range tests {
				got += test.Text()
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestJUnit(t *testing.T) {
	o := options(t)
	tests, err := booktest.Run(t.Context(), os.DirFS("testdata"), "shift_test.lua", o)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	files := []booktest.File{{Path: "a/shift_test.lua", Tests: tests}, {Path: "b_test.lua", Err: errors.New("no \x01 Lua")}}
	if err := booktest.WriteJUnit(&b, files); err != nil {
		t.Fatal(err)
	}
	var report struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Cases []struct {
				Name    string `xml:"name,attr"`
				Failure *struct {
					Text string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	if report.Tests != 5 || report.Failures != 1 || report.Errors != 1 || report.Suites[0].Cases[0].Failure != nil ||
		!strings.Contains(report.Suites[0].Cases[1].Failure.Text, "shift_test.lua:") {
		t.Errorf("report:\n%s", b.String())
	}
}
