package check

import (
	"github.com/yuin/gopher-lua/ast"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// units are those in which people count time, beside seconds, with what turns seconds
// into them; of each, how what holds it is called, and what is said of it.
var units = []struct {
	name, turned string
	called, said *lazyregexp.Regexp
}{
	{"milliseconds", "%s * 1000", lazyregexp.New(`(?i)(_ms|_?milli(second)?s)$`), lazyregexp.New(`(?i)\bmilli(second)?s\b|\bms\b`)},
	{"minutes", "%s / 60", lazyregexp.New(`(?i)_min(ute)?s$`), lazyregexp.New(`(?i)\bminutes\b`)},
	{"hours", "%s / 3600", lazyregexp.New(`(?i)_h(ou)?rs$`), lazyregexp.New(`(?i)\bhours\b`)},
	{"days", "%s / 86400", lazyregexp.New(`(?i)_days$`), lazyregexp.New(`(?i)\bdays\b`)},
}

// seconds matches what says that it is counted in these, whatever else it says.
var seconds = lazyregexp.New(`(?i)\bseconds\b`)

// unitCalled returns which of units something is in by its name; -1 for seconds, and
// where that does not tell.
func unitCalled(name string) int {
	for i := range units {
		if units[i].called.MatchString(name) {
			return i
		}
	}
	return -1
}

// unitOf returns in which of units a parameter is, by its name or by what its doc says;
// -1 if it is a duration, in seconds, or does not say.
func (f *file) unitOf(p tableEntry) int {
	table, ok := f.tableOf(p.value)
	if !ok {
		return -1
	}
	t := f.readTable(table, p.line)
	if kind := t.folded("type"); kind != "int" && kind != "number" {
		return -1
	}
	if i := unitCalled(p.key); i >= 0 {
		return i
	}
	doc, _ := t.folded("doc").(string)
	found := -1
	for i := range units {
		if units[i].said.MatchString(doc) {
			if found >= 0 {
				return -1
			}
			found = i
		}
	}
	if seconds.MatchString(doc) {
		return -1
	}
	return found
}

// unitIn returns in which of units what stands in an expression is: a parameter, or a
// local that is called so.
func (f *file) unitIn(e ast.Expr) int {
	if name, ok := f.paramOf(e); ok && f.params != nil {
		if i, known := f.params.units[name]; known {
			return i
		}
		return -1
	}
	if local, ok := e.(*ast.IdentExpr); ok {
		return unitCalled(local.Value)
	}
	return -1
}
