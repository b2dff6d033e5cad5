package db

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// newestGone finds runs that take the newest backup away and keep an older one: what is
// sorted the other way round is counted from the wrong end. One that the run was told is
// damaged, or that people were asked about by its name, may go; so may it where the run
// makes a newer one.
func newestGone(v *effect.View, end effect.Ending) string {
	names := backupNames(v.Begin("db"))
	if end.Status != effect.StatusSucceeded || len(names) < 2 || len(backupNames(v.State("db"))) > len(names) {
		return ""
	}
	past, newest := v.Past(), names[len(names)-1]
	gone := func(name string) int {
		return slices.IndexFunc(past, func(p effect.Occurrence) bool { return takesAway(p) && mentions(p, name) && !copied(past, p, name) })
	}
	at := gone(newest)
	kept := slices.IndexFunc(names, func(name string) bool { return gone(name) < 0 })
	if at < 0 || kept < 0 || slices.ContainsFunc(past, func(p effect.Occurrence) bool { return meant(p, newest) }) {
		return ""
	}
	return fmt.Sprintf("%s takes away %s, the newest backup, and %s, which is older, is kept: db.backups returns the oldest first", past[at], newest, names[kept])
}

// meant reports whether an effect says that a backup is damaged, or asks people about it.
func meant(p effect.Occurrence, name string) bool {
	if p.Module == effect.ControlModule && effect.Asks(p.Module+"."+p.Name) {
		return p.Err == nil && strings.Contains(plain.Text(p.Args), name)
	}
	value, _ := p.Value.(map[string]any)
	list, _ := value["backups"].([]any)
	return p.Module == "db" && p.Name == "backups" && slices.ContainsFunc(list, func(b any) bool {
		one, _ := b.(map[string]any)
		return one["name"] == name && one["damaged"] == true
	})
}
