package script

import (
	"fmt"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Globals returns the names of all globals that a script finds, in order: the
// run control, and what the sandbox keeps of Lua's base library.
func Globals() []string {
	names := []string{
		"runbook", "params", "step", "checkpoint", "sleep", "now", "random", "uuid", "env", "approve",
		"on_rollback", "invariant", "parallel", "retry", "fail", "log", "print", "require",
		"assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget",
		"rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
		"_G", "_VERSION", "coroutine", "math", "string", "table",
	}
	sort.Strings(names)
	return names
}

// missingGlobals returns what Lua programmers look for in vain here, and what
// to write instead.
func missingGlobals() map[string]string {
	return map[string]string{
		"os":             "the time is now(), the environment is env(\"NAME\"), programs run by exec.run",
		"io":             "runbooks do not read files; a program may, by exec.run",
		"debug":          "log.debug(\"…\") writes to the run's log",
		"package":        "require finds the standard modules and the files beside the script",
		"dofile":         "put the file beside the script and require it",
		"loadfile":       "put the file beside the script and require it",
		"load":           "runbooks do not make code while they run; write a function",
		"loadstring":     "runbooks do not make code while they run; write a function",
		"module":         "return a table at the end of the file",
		"setfenv":        "globals are fixed here; pass values as arguments",
		"getfenv":        "globals are fixed here; pass values as arguments",
		"collectgarbage": "memory looks after itself; leave it out",
	}
}

// reportGlobals reports globals that are read and do not exist, and every
// assignment to a global.
func (f *checkFile) reportGlobals() {
	known := map[string]bool{}
	for _, name := range Globals() {
		known[name] = true
	}
	assigned := map[string]bool{}
	for _, w := range f.scopes.writes {
		if f.reported >= checkMaxFindings {
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
		if f.reported >= checkMaxFindings {
			return
		}
		if !assigned[r.name] {
			f.report(r.line, f.globalHint(r, ""), "%s is not defined", r.name)
		}
	}
}

// globalHint says what may have been meant by an undefined name.
func (f *checkFile) globalHint(use checkGlobalUse, otherwise string) string {
	if hint, ok := missingGlobals()[use.name]; ok {
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
		candidates = append(candidates, Globals()...)
	}
	sort.Strings(candidates)
	if hint := effect.DidYouMean(use.name, candidates); hint != "" {
		return hint
	}
	return otherwise
}
