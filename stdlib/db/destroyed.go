package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// removes matches what a command says that takes a backup away: the verb, and not an
// option of another one (--rm).
var removes = lazyregexp.New(`(?i)(^|[\s;&|/'"(` + "`" + `])(rm|delete|del|prune|purge|expire|remove|unlink)\b|\bfind\b.*\s-delete\b`)

// lastBackup finds calls after which none of the backups that there were is left.
func lastBackup(v *effect.View, e effect.Occurrence) string {
	if !takesAway(e) {
		return ""
	}
	backups := backupNames(v.State("db"))
	gone := 0
	for _, name := range backups {
		if slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return takesAway(p) && mentions(p, name) && !copied(v.Past(), p, name) }) {
			gone++
		}
	}
	if gone == 0 || gone < len(backups) || !slices.ContainsFunc(backups, func(name string) bool { return mentions(e, name) && !copied(v.Past(), e, name) }) {
		return ""
	}
	return fmt.Sprintf("%s takes away the last backup (%s): until there is another, nothing can be restored; make a new one and see that it can be restored first", e, strings.Join(backups, ", "))
}

// takesAway reports whether a call of another module removes something.
func takesAway(e effect.Occurrence) bool {
	switch {
	case !e.Wrote():
		return false
	case e.Module == "http":
		return e.Args["method"] == "DELETE"
	}
	return (e.Module == "exec" || e.Module == "hosts") && removes.MatchString(model.Command(e.Args))
}

// mentions reports whether a call says a name as a word, or as that of a file.
func mentions(e effect.Occurrence, name string) bool {
	said := plain.Str(e.Args, "url") + " " + model.Command(e.Args)
	return slices.ContainsFunc(strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" \t\n/=:,'\"?&;|()`", r) }), func(word string) bool {
		rest, found := strings.CutPrefix(word, name)
		return found && (rest == "" || packed.MatchString(rest))
	})
}

// packed matches what the name of a file adds to that of the backup in it.
var packed = lazyregexp.New(`(?i)^(\.(tar|gz|tgz|zip|7z|zst|xz|bz2|lz4|gpg|age|enc|dump|sql|bak|backup|snap|img|xbstream))+$`)

// copied reports whether the run has a copy of its own of a backup, which is what a
// call takes away: it lies where nobody misses anything, or the run put it there.
func copied(past []effect.Occurrence, e effect.Occurrence, name string) bool {
	if e.Module == "http" {
		return false
	}
	for _, path := range strings.Fields(model.Command(e.Args)) {
		path = strings.Trim(path, `'"();&|`+"`")
		base := path[strings.LastIndex(path, "/")+1:]
		rest, found := strings.CutPrefix(base, name)
		if !found || rest != "" && !packed.MatchString(rest) || base == path {
			continue
		}
		if model.Scratch(path) || slices.ContainsFunc(past, func(p effect.Occurrence) bool {
			return p.Place != e.Place && p.Module == e.Module && p.Wrote() && !takesAway(p) && strings.Contains(model.Command(p.Args), path)
		}) {
			return true
		}
	}
	return false
}

func backupNames(state map[string]any) []string {
	list, _ := state["backups"].([]any)
	var names []string
	for _, b := range list {
		if b, ok := b.(map[string]any); ok && state["assumed"] != true {
			names = append(names, plain.Str(b, "name"))
		}
	}
	return names
}

// holding matches places where a database has its data.
var holding = lazyregexp.New(`(?i)/(var/lib|srv|data|mnt)/|postgres|pgdata|mysql|maria|mongo|/data\b`)

// writerDestroyed finds commands that destroy data on a host whose node of the same
// name takes writes.
func writerDestroyed(v *effect.View, e effect.Occurrence) string {
	if e.Module != "hosts" || e.Name != "run" || !e.Wrote() {
		return ""
	}
	said := model.Command(e.Args)
	what := model.Destroyed(said)
	if what == "" || !holding.MatchString(said) {
		return ""
	}
	value, _ := e.Value.(map[string]any)
	nodes := plain.Table(v.State("db"), "nodes")
	for _, host := range plain.SortedNames(plain.Table(value, "hosts")) {
		if n := plain.Table(nodes, host); n["writable"] == true && n["up"] != false {
			return fmt.Sprintf("%s destroys data (%q) on %s, which takes writes: name the hosts that it is for", e, what, host)
		}
	}
	return ""
}
