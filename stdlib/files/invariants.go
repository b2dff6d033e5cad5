package files

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of the runner's files.
func invariants() []effect.Invariant {
	return []effect.Invariant{{Name: "what is removed after it was archived is in the archive", After: removedUnkept}}
}

// removing matches rm with what makes it go through directories, and what it takes away.
var removing = lazyregexp.New(`\brm((?:\s+-{1,2}[\w-]*)*)\s+([^;&|]+)`)

// leavings are files of which nobody misses anything.
var leavings = lazyregexp.New(`\.(pid|lock|sock|swp|tmp|part)$`)

// removedUnkept finds directories that go after some of their files were archived, and
// others were not. Whatever else may have made a copy of them is let alone.
func removedUnkept(v *effect.View, e effect.Occurrence) string {
	if e.Module != "exec" || e.Err != nil || !e.Class.Writes() {
		return ""
	}
	for _, gone := range removed(model.Command(e.Args)) {
		var archive *effect.Occurrence
		var kept, lost []string
		for _, p := range v.Past() {
			switch {
			case p.Place == e.Place || p.Err != nil:
			case p.Module == "files" && p.Name == "archive":
				for _, entry := range plain.List(p.Args["paths"]) {
					if below(entry, gone) || below(gone, entry) {
						archive, kept = &p, append(kept, entry)
					}
				}
			case p.Module == "exec" && p.Class.Writes() && strings.Contains(model.Command(p.Args), gone):
				return "" // it may have taken them elsewhere
			}
		}
		if archive == nil {
			continue
		}
		for _, file := range plain.SortedNames(v.State("files")) {
			if below(file, gone) && !leavings.MatchString(file) && file != path.Clean(plain.Str(archive.Args, "to")) &&
				!slices.ContainsFunc(kept, func(entry string) bool { return below(file, entry) }) {
				lost = append(lost, file)
			}
		}
		if len(lost) > 0 {
			return fmt.Sprintf("%s removes %s, and %s, which %s did not take along (it has %s): these are lost; archive what is removed, or remove what is archived, and compare the numbers of files before",
				e, gone, strings.Join(lost, ", "), archive, strings.Join(kept, ", "))
		}
	}
	return ""
}

// removed returns the directories and patterns that a command removes with all that is
// in them.
func removed(line string) []string {
	var out []string
	for _, m := range removing.FindAllStringSubmatch(line, -1) {
		if !strings.ContainsAny(m[1], "rR") {
			continue
		}
		for _, p := range strings.Fields(m[2]) {
			if p = strings.Trim(p, `"'`); path.IsAbs(p) {
				out = append(out, path.Clean(p))
			}
		}
	}
	return out
}

// below reports whether a path is what an entry names, fits it, or is in what does.
func below(file, entry string) bool {
	for up, entry := path.Clean(file), path.Clean(entry); ; up = path.Dir(up) {
		if fits, _ := path.Match(entry, up); fits || up == entry {
			return true
		}
		if up == path.Dir(up) {
			return false
		}
	}
}
