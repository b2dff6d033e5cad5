package db

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// removes matches what a call says that takes a backup away.
var removes = regexp.MustCompile(`(?i)\b(rm|delete|del|prune|purge|expire|remove|unlink)\b`)

// lastBackup finds calls after which none of the backups that there were is left.
func lastBackup(v *effect.View, e effect.Occurrence) string {
	if !takesAway(e) {
		return ""
	}
	backups := backupNames(v.State("db"))
	gone := 0
	for _, name := range backups {
		if slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return takesAway(p) && mentions(p, name) }) {
			gone++
		}
	}
	if gone == 0 || gone < len(backups) || !slices.ContainsFunc(backups, func(name string) bool { return mentions(e, name) }) {
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

// mentions reports whether a call says a name, as a word.
func mentions(e effect.Occurrence, name string) bool {
	said := plain.Str(e.Args, "url") + " " + model.Command(e.Args)
	return slices.Contains(strings.FieldsFunc(said, func(r rune) bool { return strings.ContainsRune(" \t\n/=:,'\"?&", r) }), name)
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
var holding = regexp.MustCompile(`(?i)/(var/lib|srv|data|mnt)/|postgres|pgdata|mysql|maria|mongo|/data\b`)

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
