package exec

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/program"
)

// allowList says which programs may run. An entry names a program by where it
// stands: its directory with symbolic links resolved, and its name there. The
// name counts although it may be a link: some files are many programs, by the
// name under which they are run.
//
// An entry that is a pattern does not cover links that lead to something which
// the pattern does not cover itself; an entry without one covers the link that
// it names, because somebody meant it.
type allowList struct {
	entries []string // as configured
	path    string   // the configured PATH, which a call cannot change
	dir     string   // where relative entries begin
	env     []string // variables that a call may set; nil for all but dangerous ones
}

// inForce reports whether anything is forbidden.
func (a *allowList) inForce() bool { return len(a.entries) > 0 }

// allows reports whether the program at an absolute path may run.
func (a *allowList) allows(path string) bool {
	if !a.inForce() {
		return true
	}
	place, err := placeOf(path)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(a.entries, func(entry string) bool { return a.covers(entry, place) })
}

// covers reports whether an entry stands for the program at a place.
func (a *allowList) covers(entry, place string) bool {
	if !strings.Contains(entry, "/") { // the program of that name in PATH
		found, err := program.LookPath(entry, a.path, a.dir)
		if err != nil {
			return false
		}
		entry = found
	}
	pattern, literal, err := patternOf(program.Within(a.dir, entry))
	if err != nil {
		return false
	}
	if ok, _ := filepath.Match(pattern, place); !ok {
		return false
	}
	if literal {
		return true
	}
	target, err := filepath.EvalSymlinks(place)
	if err != nil {
		return false
	}
	ok, _ := filepath.Match(pattern, target)
	return ok
}

// placeOf returns a path with the links on the way to its last element
// resolved.
func placeOf(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// patternOf resolves the links in what of a pattern comes before its first
// wildcard; literal says that there is none.
func patternOf(pattern string) (resolved string, literal bool, err error) {
	elements := strings.Split(pattern, "/")
	n := slices.IndexFunc(elements, func(e string) bool { return strings.ContainsAny(e, `*?[\`) })
	if literal = n < 0; literal {
		n = len(elements) - 1
	}
	fixed, err := filepath.EvalSymlinks("/" + strings.Join(elements[:n], "/"))
	if err != nil {
		return "", literal, err
	}
	if literal {
		fixed = escaped(fixed + "/" + elements[n])
		return filepath.Clean(fixed), true, nil
	}
	return filepath.Clean(escaped(fixed) + "/" + strings.Join(elements[n:], "/")), false, nil
}

// escaped writes a path as the pattern that matches it alone.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// launchers run the program that their arguments name.
func launchers() []string {
	return []string{"env", "nice", "nohup", "timeout", "setsid", "stdbuf", "ionice", "chrt", "taskset", "time", "xargs", "sudo", "doas", "su",
		"runuser", "setpriv", "chroot", "unshare", "nsenter", "strace", "ltrace", "gdb", "flock", "watch", "script", "parallel", "systemd-run",
		"busybox", "toybox", "proot", "fakeroot", "setarch", "prlimit", "choom", "numactl", "catchsegv", "valgrind", "start-stop-daemon", "chpst", "softlimit"}
}

// checkLaunch refuses a launcher that is to run what is not allowed by itself.
// Before the program, its arguments may hold options without a value in them,
// numbers, and harmless assignments; everything else counts as the program.
func (a *allowList) checkLaunch(c *program.Program) error {
	names := []string{filepath.Base(c.Path)}
	if target, err := filepath.EvalSymlinks(c.Path); err == nil {
		names = append(names, filepath.Base(target))
	}
	if !a.inForce() || !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(launchers(), n) }) {
		return nil
	}
	for _, arg := range c.Argv[1:] {
		name, _, assigns := strings.Cut(arg, "=")
		switch {
		case strings.HasPrefix(arg, "-") && !assigns && !strings.ContainsAny(arg, " \t\n"):
			continue
		case assigns && !strings.HasPrefix(arg, "-") && !strings.Contains(name, "/") && a.checkVariable(name, true) == nil:
			continue
		case isNumber(arg):
			continue
		}
		if found, err := program.LookPath(arg, a.path, c.Dir); err == nil && a.allows(found) {
			return a.checkLaunch(&program.Program{Path: found, Argv: c.Argv[slices.Index(c.Argv, arg):], Dir: c.Dir})
		}
		return effect.Errorf(effect.CodeRefused, "%s runs what its arguments say, and %q is nothing that may run here; nothing ran", c.Path, arg).
			WithHint("call the program itself: variables belong into env, a limit into timeout; the configuration of exec allows %s", strings.Join(a.entries, ", "))
	}
	return nil
}

// isNumber reports whether a word is a number, or a duration as of timeout(1).
func isNumber(word string) bool {
	_, err := strconv.ParseFloat(strings.TrimRight(word, "smhd"), 64)
	return err == nil
}

// checkVariable refuses a variable by which an allowed program could be made
// to run something else. chosen says that the call gives its value.
func (a *allowList) checkVariable(name string, chosen bool) error {
	switch {
	case !a.inForce():
		return nil
	case a.env != nil && program.Matches(a.env, name):
		return nil
	case a.env != nil:
		return effect.Errorf(effect.CodeRefused, "the variable %s may not be set here; nothing ran", name).
			WithHint("the configuration of exec limits programs by allow, and variables by allow_env: %s", strings.Join(a.env, ", "))
	case program.Matches(dangerous(), name) || chosen && program.Matches(leading(), name):
		return effect.Errorf(effect.CodeRefused, "the variable %s may not be set here: it can make a program run another; nothing ran", name).
			WithHint("the configuration of exec limits programs by allow; set the variable there, under env, or name it under allow_env")
	}
	return nil
}
