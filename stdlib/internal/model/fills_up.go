package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// filling are what keeps more the longer it is there, until a disk is full: what makes
// it, with its name, and what takes it away.
var filling = []struct {
	what        string
	makes, ends *lazyregexp.Regexp
}{
	{"replication slot", lazyregexp.New(`(?i)\bpg_create_(?:physical|logical)_replication_slot\s*\(\s*'?(\w+)`), lazyregexp.New(`(?i)\bpg_drop_replication_slot\b`)},
	{"snapshot", lazyregexp.New(`\blvcreate\s(?:.*\s)?(?:-s|--snapshot)\s(?:.*\s)?(?:-n|--name)[ =](\S+)`), lazyregexp.New(`\blvremove\b`)},
}

// FillsUp returns the invariant that what a call of a module makes that fills a disk
// is taken away again by a rollback. line is what a call of any module says.
func FillsUp(module string, line func(args map[string]any) string) effect.Invariant {
	return effect.Invariant{Name: "a rollback leaves nothing that fills up", Doc: "a replication slot that nobody reads, a snapshot of LVM", End: func(v *effect.View, end effect.Ending) string {
		if end.Status != effect.StatusRolledBack || v.Stranded {
			return ""
		}
		past := v.Past()
		for i, e := range past {
			if e.Module != module || !e.Wrote() {
				continue
			}
			for _, f := range filling {
				if m := f.makes.FindStringSubmatch(line(e.Args)); m != nil && !ended(past[i+1:], f.ends, m[1]) {
					return fmt.Sprintf("the run is %s, and the %s %s that %s made is left: it fills the disk until everything there stops; add an undo that drops it", end.Status, f.what, m[1], e)
				}
			}
		}
		return ""
	}}
}

// madeToGo reports whether a line made what another one takes away.
func madeToGo(made, ends string) bool {
	for _, f := range filling {
		if m := f.makes.FindStringSubmatch(made); m != nil && f.ends.MatchString(ends) && says(ends, m[1]) {
			return true
		}
	}
	return false
}

// ended reports whether one of some effects was to take away what has a name, whether
// or not that went well.
func ended(list []effect.Occurrence, ends *lazyregexp.Regexp, name string) bool {
	for _, e := range list {
		sql, _ := e.Args["sql"].(string)
		if said := sql + " " + Command(e.Args); ends.MatchString(said) && says(said, name) {
			return true
		}
	}
	return false
}

// says reports whether a line has a name as one of its words.
func says(line, name string) bool {
	return slices.Contains(strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n/'\"(),;=", r) }), name)
}
