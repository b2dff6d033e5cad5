// Package check reads runbooks without running them: what is certain to go
// wrong, what they require, which ops they name. Run reports findings; it is
// silent about what the text alone does not tell.
//
// A file is parsed, its names are resolved to the variables that they stand
// for, and each call and each look into a table is visited once. What counts
// as known is a literal, or a local that nothing gives another value.
package check

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sort"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

// Severity says what a finding means for a run.
type Severity string

const (
	SeverityError   Severity = "error"   // a run that comes here fails
	SeverityWarning Severity = "warning" // it runs, and is likely not what was meant
)

// Finding is one thing that Run found wrong.
type Finding struct {
	Where    effect.Position
	Message  string // "traffic.split: gren: is not known here"
	Hint     string // what to do about it; may be empty
	Severity Severity
}

// String returns "file:line: message; hint".
func (f Finding) String() string {
	s := f.Message
	if w := f.Where.String(); w != "" {
		s = w + ": " + s
	}
	if f.Severity == SeverityWarning {
		s += " (warning)"
	}
	if f.Hint != "" {
		s += "; " + f.Hint
	}
	return s
}

// Run reads a runbook and the files that it requires, without running
// anything, and returns what is certain to go wrong, in the order of files
// and lines. What cannot be told from the text alone (a table built at run
// time, a module held in a variable that is assigned twice) is passed over in
// silence: a correct runbook has no findings. The loader may be nil when the
// runbook stands alone; the catalog may not.
func Run(main script.Source, loader script.Loader, catalog *effect.Catalog) []Finding {
	c := &analysis{main: main.Name, loader: loader, catalog: catalog, order: map[string]int{}, sources: map[string]string{},
		edges: map[string][]edge{}}
	c.analyze(main, true)
	for len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		c.analyze(next, false)
	}
	c.circles()
	return c.sorted()
}

// maxFindings bounds the findings in one file.
const maxFindings = 200

// analysis is one run of the analysis over all the files of a runbook.
type analysis struct {
	main     string // the file's name
	loader   script.Loader
	catalog  *effect.Catalog
	params   *declaredParams   // what the header declares; nil if that cannot be told
	queue    []script.Source   // required files yet to be read
	order    map[string]int    // files in the order in which they were met
	sources  map[string]string // module → its file's name; "" if it does not exist
	edges    map[string][]edge
	findings []Finding
}

// analyze checks one file.
func (c *analysis) analyze(src script.Source, isMain bool) {
	if _, seen := c.order[src.Name]; seen {
		return
	}
	c.order[src.Name] = len(c.order)
	stmts, wrong := syntax.Parse(src.Name, src.Text)
	if wrong != nil {
		c.unreadable(src.Name, wrong)
		return
	}
	f := &file{analysis: c, name: src.Name, isMain: isMain}
	f.scopes = resolveScopes(stmts)
	f.findFrozen(stmts)
	if isMain {
		f.header(stmts)
	} else {
		f.whileRequired(stmts)
		f.requiresAtOnce(stmts)
	}
	f.reportScopes()
	f.visit(stmts)
	if _, wrong := syntax.Compile(src.Name, stmts); wrong != nil { // last: it rewrites the tree
		c.unreadable(src.Name, wrong)
	}
}

func (c *analysis) unreadable(name string, wrong *syntax.Error) {
	c.findings = append(c.findings, Finding{Where: effect.Position{File: name, Line: wrong.Line}, Message: wrong.Message,
		Hint: wrong.Hint, Severity: SeverityError})
}

// require looks a required file up and queues it for checking.
func (f *file) require(module string, line int) {
	if _, seen := f.sources[module]; !seen {
		src, err := f.load(module)
		switch {
		case err == nil && src.Name == f.main:
			f.sources[module] = module
			f.report(line, "move what is needed of it into a file of its own",
				"require %q: that is the runbook itself, which would start again", module)
		case err == nil:
			f.sources[module] = src.Name
			f.queue = append(f.queue, src)
		case errors.Is(err, fs.ErrNotExist) && slices.Contains(language.Builtins(), module):
			f.sources[module] = module
		case errors.Is(err, fs.ErrNotExist):
			f.sources[module] = ""
		default:
			f.sources[module] = module
			f.report(line, "", "require %q: %v", module, err)
		}
	}
	if f.sources[module] == "" {
		hint := language.RequireHint(module, append(language.Builtins(), f.catalog.Names()...))
		f.report(line, hint, "require %q: there is no module and no file of that name", module)
	}
}

func (f *file) load(module string) (script.Source, error) {
	if f.loader == nil || !loadable(module) {
		return script.Source{}, fs.ErrNotExist
	}
	return f.loader.Load(module)
}

// loadable reports whether a module's name can be that of a file: one that
// leads out of the script's folder is never asked for.
func loadable(module string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$`).MatchString(module)
}

// sorted returns the findings in the order of files and lines, each once.
func (c *analysis) sorted() []Finding {
	sort.SliceStable(c.findings, func(i, j int) bool {
		a, b := c.findings[i], c.findings[j]
		if a.Where.File != b.Where.File {
			return c.order[a.Where.File] < c.order[b.Where.File]
		}
		if a.Where.Line != b.Where.Line {
			return a.Where.Line < b.Where.Line
		}
		return a.Message < b.Message
	})
	var out []Finding
	seen := map[Finding]bool{}
	for _, f := range c.findings {
		if !seen[f] {
			seen[f] = true
			out = append(out, f)
		}
	}
	return out
}

// file is the check of one file.
type file struct {
	*analysis
	name   string
	isMain bool
	scopes *scopes
	// headerCall is the one call of runbook{} that is in its place.
	headerCall *ast.FuncCallExpr
	// frozen holds the locals whose tables nothing changes.
	frozen map[*variable]bool
	// extended holds the locals whose tables may hold more than an op returned.
	extended map[*variable]bool
	calls    sequence
	reported int
	// folding is the work left for the constant under way; 0 between two.
	folding int
}

// report adds an error, unless the file has too many already.
func (f *file) report(line int, hint, format string, args ...any) {
	if f.reported++; f.reported > maxFindings {
		return
	}
	f.findings = append(f.findings, Finding{Where: effect.Position{File: f.name, Line: line},
		Message: fmt.Sprintf(format, args...), Hint: hint, Severity: SeverityError})
}

// warn adds a warning.
func (f *file) warn(line int, hint, format string, args ...any) {
	before := len(f.findings)
	if f.report(line, hint, format, args...); len(f.findings) > before {
		f.findings[before].Severity = SeverityWarning
	}
}
