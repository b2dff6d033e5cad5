package check_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
	"github.com/q-ecosystem/runbook/stdlib"
)

// dirLoader loads required files from a directory.
type dirLoader string

func (d dirLoader) Load(module string) (script.Source, error) {
	name := strings.ReplaceAll(module, ".", "/") + ".lua"
	text, err := os.ReadFile(filepath.Join(string(d), name))
	return script.Source{Name: name, Text: text}, err
}

func catalog(t testing.TB) *effect.Catalog {
	t.Helper()
	all, err := effect.NewCatalog(append(stdlib.Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func scripts(t testing.TB, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in %s: %v", dir, err)
	}
	return files
}

func source(t testing.TB, path string) script.Source {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return script.Source{Name: filepath.Base(path), Text: text}
}

func TestFindsNothingInCorrectScripts(t *testing.T) {
	for _, dir := range []string{"testdata/ok", "../../../runbooks"} {
		if files, _ := filepath.Glob(filepath.Join(dir, "*.lua")); len(files) == 0 && dir != "testdata/ok" {
			continue
		}
		for _, path := range scripts(t, dir) {
			if strings.HasSuffix(path, "_test.lua") {
				continue
			}
			for _, f := range check.Run(source(t, path), dirLoader(dir), catalog(t)) {
				t.Errorf("%s", f)
			}
		}
	}
}

// What the check calls correct runs: else the corpus proves nothing.
func TestCheckedScriptsRun(t *testing.T) {
	const dir = "testdata/ok"
	for _, path := range scripts(t, dir) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			s, err := script.New(script.Options{Main: source(t, path), Loader: dirLoader(dir), Catalog: catalog(t), Handler: &answers{},
				OnHeader: func(_ context.Context, h script.Header) (map[string]any, error) {
					values := map[string]any{}
					for _, f := range h.Params {
						if values[f.Name] = f.Default; f.Default == nil {
							values[f.Name] = "v1.0.0"
						}
					}
					return effect.CheckFields(h.Params, nil, values)
				}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Run(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// What the check calls an error fails when it is run, and what it only warns
// of does not. The scripts here consist of lines that stand by themselves.
func TestAgreesWithTheHost(t *testing.T) {
	const prelude = `runbook { name = "x", params = { version = { type = "string", default = "v1" } } } ` +
		`local traffic, health, exec = require "traffic", require "health", require "exec" `
	tried := 0
	for _, file := range []string{"control.lua", "calls.lua"} {
		for i, line := range strings.Split(string(source(t, "testdata/wrong/"+file).Text), "\n") {
			m := expectation.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			main := script.Source{Name: "x.lua", Text: []byte(prelude + line)}
			if _, wrong := syntax.Parse(main.Name, main.Text); wrong != nil {
				continue // a part of something longer
			}
			found := check.Run(main, nil, catalog(t))
			if !slices.ContainsFunc(found, func(f check.Finding) bool { return string(f.Severity) == m[1] }) {
				continue // it needs the lines before it
			}
			tried++
			s, err := script.New(script.Options{Main: main, Catalog: catalog(t), Handler: &answers{}})
			if err == nil {
				err = s.Run(t.Context())
				s.Close()
			}
			if failed := err != nil; failed != (m[1] == "error") {
				t.Errorf("%s:%d: the check says %s, and the run ends with %v:\n%s", file, i+1, m[1], err, line)
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d lines were tried", tried)
	}
}

// answers answers every effect with something of the declared kind. Its
// clock goes on by a minute whenever it is looked at, so that gates end.
type answers struct{ minutes atomic.Int64 }

func (w *answers) Do(_ context.Context, call effect.Call) (effect.Result, error) {
	switch call.Op.String() {
	case effect.OpNow:
		return effect.Result{Value: 1e9 + 60*float64(w.minutes.Add(1))}, nil
	case effect.OpRandom:
		return effect.Result{Value: 0.5}, nil
	case effect.OpUUID, effect.OpEnv:
		return effect.Result{Value: "x"}, nil
	}
	return effect.Result{Value: map[string]any{"p99_latency": 0.1, "error_rate": 0.0, "uptime": 100.0}}, nil
}

// Each wrong script names the findings beside the line: -- error: REGEXP.
var expectation = regexp.MustCompile(`-- (error|warning): (.*?)( -- error: (.*))?$`)

func TestFindsWhatIsWrong(t *testing.T) {
	const dir = "testdata/wrong"
	for _, path := range scripts(t, dir) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			wanted := map[string][]string{} // file:line → severity: regexps
			for _, file := range append([]string{filepath.Base(path)}, requiredBy(t, path)...) {
				text, err := os.ReadFile(filepath.Join(dir, file))
				if err != nil {
					t.Fatal(err)
				}
				for i, line := range strings.Split(string(text), "\n") {
					m := expectation.FindStringSubmatch(line)
					if m == nil {
						continue
					}
					at := fmt.Sprintf("%s:%d", file, i+1)
					wanted[at] = append(wanted[at], m[1]+": "+m[2])
					if m[4] != "" {
						wanted[at] = append(wanted[at], "error: "+m[4])
					}
				}
			}
			for _, f := range check.Run(source(t, path), dirLoader(dir), catalog(t)) {
				at, text := f.Where.String(), string(f.Severity)+": "+f.Message+"; "+f.Hint
				found := false
				for i, want := range wanted[at] {
					severity, re, _ := strings.Cut(want, ": ")
					if string(f.Severity) == severity && regexp.MustCompile(re).MatchString(text) {
						wanted[at] = append(wanted[at][:i:i], wanted[at][i+1:]...)
						found = true
						break
					}
				}
				if !found {
					t.Errorf("not expected: %s: %s", at, text)
				}
			}
			for at, rest := range wanted {
				for _, want := range rest {
					t.Errorf("not found: %s: %s", at, want)
				}
			}
		})
	}
}

// requiredBy returns the files that a wrong script brings along.
func requiredBy(t *testing.T, path string) []string {
	if filepath.Base(path) != "uses-lib.lua" {
		return nil
	}
	return []string{"lib/bad.lua", "lib/broken.lua", "lib/friend.lua"}
}

func TestOrdersFindings(t *testing.T) {
	findings := check.Run(source(t, "testdata/wrong/uses-lib.lua"), dirLoader("testdata/wrong"), catalog(t))
	last := map[string]int{}
	for _, f := range findings {
		if f.Where.Line < last[f.Where.File] {
			t.Errorf("%s comes after line %d", f, last[f.Where.File])
		}
		last[f.Where.File] = f.Where.Line
	}
	if len(last) != 3 {
		t.Errorf("findings are in %v, want all three required files", last)
	}
}

func TestReportsLoaderErrors(t *testing.T) {
	main := script.Source{Name: "m.lua", Text: []byte("runbook { name = \"m\" }\nlocal x = require \"locked\"\nprint(x)\n")}
	findings := check.Run(main, refusing{}, catalog(t))
	if len(findings) != 1 || !strings.Contains(findings[0].Message, "permission denied") || findings[0].Where.Line != 2 {
		t.Errorf("got %v", findings)
	}
	if findings := check.Run(main, nil, catalog(t)); len(findings) != 1 || !strings.Contains(findings[0].Message, "no file of that name") {
		t.Errorf("without a loader: %v", findings)
	}
}

type refusing struct{}

func (refusing) Load(string) (script.Source, error) { return script.Source{}, fs.ErrPermission }

func TestEndsOnHostileScripts(t *testing.T) {
	for name, text := range map[string]string{
		"minus":    "return " + strings.Repeat("- ", 200_000) + "1",
		"concat":   "return " + strings.Repeat(`"a" .. `, 70_000) + `"a"`,
		"nesting":  strings.Repeat("do ", 50_000) + strings.Repeat(" end", 50_000),
		"tables":   "return " + strings.Repeat("{", 50_000) + strings.Repeat("}", 50_000),
		"doubling": `runbook { name = "x" } local a0 = "ab" ` + doubled(180) + ` undefined(a180) require("exec").run { shell = a180 }`,
		"unknown":  strings.Repeat("local a,b,c,d,e,f,g,h\n", 11_000) + "print(x" + strings.Repeat(",x", 100_000) + ")",
		"sum":      "return " + strings.Repeat("1 + ", 100_000) + "1",
	} {
		t.Run(name, func(t *testing.T) {
			if len(check.Run(script.Source{Name: "x.lua", Text: []byte(text)}, nil, catalog(t))) == 0 {
				t.Error("nothing was found")
			}
		})
	}
}

// doubled declares locals each of which is the one before it twice.
func doubled(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "local a%d = a%d .. a%d ", i, i-1, i-1)
	}
	return b.String()
}

func FuzzRun(f *testing.F) {
	for _, dir := range []string{"testdata/ok", "testdata/wrong"} {
		for _, path := range scripts(f, dir) {
			f.Add(source(f, path).Text)
		}
	}
	all := catalog(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, finding := range check.Run(script.Source{Name: "x.lua", Text: text}, nil, all) {
			if finding.Message == "" || finding.Where.Line < 1 {
				t.Errorf("finding without a message or a line: %+v", finding)
			}
		}
	})
}
