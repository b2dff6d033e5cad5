// Package language says what the language of runbooks consists of beyond Lua:
// the names that a script finds, and what the run control takes. The sandbox
// builds these, the static check goes by them; both read them here, so that
// they cannot come apart.
package language

import "sort"

// Globals returns the names of all globals that a script finds, in order: the
// run control, and what the sandbox keeps of Lua's base library.
func Globals() []string {
	names := []string{
		"runbook", "params", "run", "step", "checkpoint", "sleep", "now", "random", "uuid", "env", "approve", "checklist",
		"on_rollback", "invariant", "parallel", "retry", "wait", "window", "fail", "log", "print", "require",
		"assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget",
		"rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
		"_G", "_VERSION", "coroutine", "json", "math", "string", "table", "time",
	}
	sort.Strings(names)
	return names
}

// Missing returns what Lua programmers look for in vain here, and what
// to write instead.
func Missing() map[string]string {
	return map[string]string{
		"os":             "the time is now(), dates are time.format(now(), \"%Y-%m-%d\"), the environment is env(\"NAME\"), programs run by exec.run",
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

// RunMembers returns the members of the global run.
func RunMembers() []string { return []string{"id", "name"} }

// LogLevels returns the members of the global log.
func LogLevels() []string { return []string{"debug", "info", "warn", "error"} }

// InvariantKinds returns the members of the global invariant, which is called by
// itself, too.
func InvariantKinds() []string { return []string{"finally", "step"} }

// Builtins returns the libraries beyond Lua's own. They are globals, and
// require finds them too, unless a file of that name stands beside the script.
func Builtins() []string { return []string{"json", "time"} }

// Libraries returns what the sandbox keeps of Lua's own libraries, and the
// members of Builtins.
func Libraries() map[string][]string {
	return map[string][]string{
		"string": {"byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper"},
		"table":  {"concat", "getn", "insert", "maxn", "remove", "sort", "unpack"},
		"math": {"abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor", "fmod", "frexp", "huge",
			"ldexp", "log", "log10", "max", "min", "mod", "modf", "pi", "pow", "rad", "random", "sin", "sinh", "sqrt", "tan", "tanh"},
		"time":      {"at", "date", "format", "parse"},
		"json":      {"decode", "encode", "list", "null"},
		"coroutine": {"create", "isyieldable", "resume", "running", "status", "wrap", "yield"},
	}
}
