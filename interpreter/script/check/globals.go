package check

import (
	"fmt"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// reportGlobals reports globals that are read and do not exist, and every
// assignment to a global.
func (f *file) reportGlobals() {
	known := map[string]bool{}
	for _, name := range language.Globals() {
		known[name] = true
	}
	assigned := map[string]bool{}
	for _, w := range f.scopes.writes {
		if f.reported >= maxFindings {
			return
		}
		switch {
		case known[w.name]:
			f.report(w.line, fmt.Sprintf("give your own another name, as a local: local my_%s = …", w.name),
				"%s is part of the runbook's language and cannot be changed", w.name)
		case assigned[w.name]:
		case w.defines:
			f.report(w.line, fmt.Sprintf("write local function %s(…)", w.name), "the function %s would be a global, which runbooks do not have", w.name)
		default:
			f.report(w.line, f.globalHint(w, fmt.Sprintf("write local %s = …", w.name)), "%s would be a global, which runbooks do not have", w.name)
		}
		assigned[w.name] = true
	}
	for _, r := range f.scopes.reads {
		if f.reported >= maxFindings {
			return
		}
		if !assigned[r.name] {
			f.report(r.line, f.globalHint(r, ""), "%s is not defined", r.name)
		}
	}
}

// globalHint says what may have been meant by an undefined name.
func (f *file) globalHint(use globalUse, otherwise string) string {
	if hint, ok := language.Missing()[use.name]; ok {
		return hint
	}
	if _, ok := f.catalog.Module(use.name); ok {
		return fmt.Sprintf("write local %s = require %q at the top", use.name, use.name)
	}
	for _, v := range f.scopes.vars {
		if v.name != use.name || !v.local {
			continue
		}
		if v.line > use.line {
			return fmt.Sprintf("the local %s is declared only in line %d; move it up", v.name, v.line)
		}
		return fmt.Sprintf("the local %s of line %d ends with its block; declare it outside", v.name, v.line)
	}
	candidates := append([]string{}, use.visible...)
	if otherwise == "" {
		candidates = append(candidates, language.Globals()...)
	}
	sort.Strings(candidates)
	if hint := effect.DidYouMean(use.name, candidates); hint != "" {
		return hint
	}
	return otherwise
}
