package model

import (
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// What a call copies is known by its words alone, and so two things are asked of
// them: whether it may have made a copy of what is destroyed, which excuses that, and
// whether it surely was to make one, which accuses a run that goes on without it.
// Between the two a rule is silent.

// dumping matches what makes a copy, by itself, of data as a whole.
var dumping = lazyregexp.New(`(?i)(^|[^a-z])(backups?|snapshots?|dumps?|bgsave)([^a-z]|$)|\b(pg_dump(all)?|\w*dump(all)?|pg_basebackup|xtrabackup|mariabackup|mydumper|pgbackrest|barman|wal-g|restic|borg|velero|kopia|duplicity)\b`)

// exporting matches what takes data out, and may be a copy of them.
var exporting = lazyregexp.New(`(?i)backup|snapshot|dump|(^|[^a-z])(archiv(e|es|ing)|mongoexport|export(s|ed|ing)?)([^a-z]|$)`)

// carrying matches what copies files, whatever they are.
var carrying = lazyregexp.New(`(?i)\b(rsync|rclone|tar|cp|scp|sync|cpio|dd|zfs\s+send)\b`)

// other matches what reads like a copy and is none: what is measured, or set, by an
// export, what an app is synchronized with, and what is done to a copy, or to what
// makes them.
var other = lazyregexp.New(`(?i)\bexport(s|er)?[-_ ]?(metrics?|stats?|logs?|traces?|events?)\b|^\s*export\s+\w+(=|\s|$)|(core|heap|thread|stack|tcp|hex|obj)[-_. ]?dump|\b(argocd|flux|app|apps)\s+(\S+\s+)*sync\b|^\s*sync\s*$` +
	`|\bsystemctl\s+(\S+\s+)*(stop|restart|reload|disable|mask|status|is-active)\b|(^|[\s/])(rm|delete|remove|prune|purge|expire|forget|unlink|pause|suspend|disable|stop)(\s|$)`)

// data matches what holds the data of a database.
var data = lazyregexp.New(`(?i)/(var/lib|srv|data|mnt)\b|data(base)?\b|\bdb\b|sql|postgres|\bpg|pgdata|maria|mongo|redis`)

// tables matches what is destroyed in a database, by its own statements.
var tables = lazyregexp.New(`(?i)^(drop\s|truncate\s|delete\s+from|dropdb|dropDatabase)`)

// segments splits a line at what makes commands of their own of its parts.
var segments = lazyregexp.New(`&&|\|\|?|[;\n]`)

// anyPart reports whether a command of a line is what is asked, and not other.
func anyPart(line string, is func(part string) bool) bool {
	return slices.ContainsFunc(segments.Split(line, -1), func(part string) bool {
		return is(part) && !other.MatchString(part)
	})
}

// excuses reports whether an effect made a copy of what a line destroys, or looked at
// one, as far as anybody can tell.
func excuses(e effect.Occurrence, what string) bool {
	switch e.Module {
	case "db":
		return e.Name == "backup" || e.Name == "backups" || e.Name == "restore"
	case "exec", "hosts":
		said := Command(e.Args)
		return Destroyed(said) == "" && anyPart(said, func(part string) bool {
			return dumping.MatchString(part) || exporting.MatchString(part) || carrying.MatchString(part) && (!tables.MatchString(what) || data.MatchString(part))
		})
	}
	return false
}

// keeps reports whether an effect is to make the copy without which what another one
// changes has no way back.
func keeps(e, change effect.Occurrence) bool {
	switch e.Module {
	case "db":
		return e.Name == "backup" && sameDatabase(e, change) && (change.Module == "db" || data.MatchString(Command(change.Args)) || tables.MatchString(Destroyed(Command(change.Args))))
	case "exec", "hosts":
		said, line := Command(e.Args), Command(change.Args)
		if Destroyed(said) != "" {
			return false
		}
		inDatabase := change.Module == "db" || tables.MatchString(Destroyed(line))
		return anyPart(said, func(part string) bool {
			switch {
			case inDatabase:
				return dumping.MatchString(part) && data.MatchString(part)
			case dumping.MatchString(part):
				return len(paths(part)) == 0 || samePlace(part, line)
			}
			return carrying.MatchString(part) && samePlace(part, line)
		})
	}
	return false
}

// sameDatabase reports whether two calls of the module db are of one database; what
// others are of, nobody knows.
func sameDatabase(a, b effect.Occurrence) bool {
	was, _ := a.Args["db"].(string)
	is, _ := b.Args["db"].(string)
	return was == is || b.Module != "db"
}

// paths returns the places that a command is about: its words with a slash, after the
// one that names it.
func paths(line string) []string {
	var out []string
	for i, word := range strings.Fields(line) {
		word = strings.TrimRight(strings.Trim(word, `'"();`), "/*.")
		if i > 0 && strings.HasPrefix(word, "/") && word != "/" {
			out = append(out, word)
		}
	}
	return out
}

// samePlace reports whether one of two commands is about a place in, or around, one
// of the other.
func samePlace(a, b string) bool {
	for _, p := range paths(a) {
		for _, q := range paths(b) {
			if p == q || strings.HasPrefix(p, q+"/") || strings.HasPrefix(q, p+"/") {
				return true
			}
		}
	}
	return false
}
