package script

import (
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"sort"

	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Severity says what a finding means for a run.
type Severity string

const (
	SeverityError   Severity = "error"   // a run that comes here fails
	SeverityWarning Severity = "warning" // it runs, and is likely not what was meant
)

// Finding is one thing that Check found wrong.
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

// Check reads a runbook and the files that it requires, without running
// anything, and returns what is certain to go wrong, in the order of files
// and lines. What cannot be told from the text alone (a table built at run
// time, a module held in a variable that is assigned twice) is passed over in
// silence: a correct runbook has no findings. The loader may be nil when the
// runbook stands alone; the catalog may not.
func Check(main Source, loader Loader, catalog *effect.Catalog) []Finding {
	c := &checkRun{loader: loader, catalog: catalog, order: map[string]int{}, sources: map[string]string{},
		edges: map[string][]checkEdge{}}
	c.file(main, true)
	for len(c.queue) > 0 {
		next := c.queue[0]
		c.queue = c.queue[1:]
		c.file(next, false)
	}
	c.circles()
	return c.sorted()
}

// checkMaxFindings bounds the findings in one file.
const checkMaxFindings = 200

// checkRun is one run of Check over all the files of a runbook.
type checkRun struct {
	loader   Loader
	catalog  *effect.Catalog
	params   *checkParams      // what the header declares; nil if that cannot be told
	queue    []Source          // required files yet to be read
	order    map[string]int    // files in the order in which they were met
	sources  map[string]string // module → its file's name; "" if it does not exist
	edges    map[string][]checkEdge
	findings []Finding
}

// file checks one file.
func (c *checkRun) file(src Source, isMain bool) {
	if _, seen := c.order[src.Name]; seen {
		return
	}
	c.order[src.Name] = len(c.order)
	if len(src.Text) > maxSource {
		c.findings = append(c.findings, *checkSyntaxFinding(src.Name, 1,
			fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(src.Text), maxSource),
			"move parts of it into files of their own and require them"))
		return
	}
	src.Text = plainText(src.Text)
	stmts, err := checkParse(src)
	if err != nil {
		c.findings = append(c.findings, *err)
		return
	}
	f := &checkFile{checkRun: c, name: src.Name, isMain: isMain}
	f.scopes = resolveScopes(stmts)
	f.findFrozen(stmts)
	if isMain {
		f.header(stmts)
	} else {
		f.whileRequired(stmts)
		f.requiresAtOnce(stmts)
	}
	f.reportScopes()
	f.walk(stmts)
	// The compiler comes last because it rewrites the tree. It finds what the
	// grammar alone does not: a break outside a loop, a goto without its label.
	if err := checkCompile(stmts, src.Name); err != nil {
		c.findings = append(c.findings, *err)
	}
}

// require looks a required file up and queues it for checking.
func (f *checkFile) require(module string, line int) {
	if _, seen := f.sources[module]; !seen {
		src, err := f.load(module)
		switch {
		case err == nil:
			f.sources[module] = src.Name
			f.queue = append(f.queue, src)
		case errors.Is(err, fs.ErrNotExist):
			f.sources[module] = ""
		default:
			f.sources[module] = module
			f.report(line, "", "require %q: %v", module, err)
		}
	}
	if f.sources[module] == "" {
		hint := effect.DidYouMean(module, f.catalog.Names())
		if hint == "" {
			hint = "a file of that name has to stand beside the script"
		}
		f.report(line, hint, "require %q: there is no module and no file of that name", module)
	}
}

func (f *checkFile) load(module string) (Source, error) {
	if f.loader == nil || !loadable(module) {
		return Source{}, fs.ErrNotExist
	}
	return f.loader.Load(module)
}

// loadable reports whether a module's name can be that of a file: one that
// leads out of the script's folder is never asked for.
func loadable(module string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$`).MatchString(module)
}

// sorted returns the findings in the order of files and lines, each once.
func (c *checkRun) sorted() []Finding {
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

// checkFile is the check of one file.
type checkFile struct {
	*checkRun
	name   string
	isMain bool
	scopes *checkScopes
	// headerCall is the one call of runbook{} that is in its place.
	headerCall *ast.FuncCallExpr
	// frozen holds the locals whose tables nothing changes.
	frozen   map[*checkVar]bool
	reported int
	// folding is the work left for the constant under way; 0 between two.
	folding int
}

// report adds an error, unless the file has too many already.
func (f *checkFile) report(line int, hint, format string, args ...any) {
	if f.reported++; f.reported > checkMaxFindings {
		return
	}
	f.findings = append(f.findings, Finding{Where: effect.Position{File: f.name, Line: line},
		Message: fmt.Sprintf(format, args...), Hint: hint, Severity: SeverityError})
}

// warn adds a warning.
func (f *checkFile) warn(line int, hint, format string, args ...any) {
	before := len(f.findings)
	if f.report(line, hint, format, args...); len(f.findings) > before {
		f.findings[before].Severity = SeverityWarning
	}
}
