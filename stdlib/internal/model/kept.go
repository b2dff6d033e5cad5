package model

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// KeptFirst returns the invariant that a change to data before which a run makes a
// copy is not made where the copy failed: the way back that it counts on is not
// there, or rows that were to be moved are not. Who asks people something else then,
// has told them.
func KeptFirst() effect.Invariant {
	return effect.Invariant{Name: "what a run keeps a copy of is not changed without it", After: func(v *effect.View, e effect.Occurrence) string {
		if !e.Wrote() || !changesData(e) {
			return ""
		}
		for _, usual := range v.Usual {
			if usual.Place == e.Place {
				break
			}
			if !usual.Wrote() || !keeps(usual, e) && !movesRows(usual, e) {
				continue
			}
			if failed := missing(v, usual, e); failed != nil {
				return fmt.Sprintf("%s changes data, and the copy that comes before it failed, at %s (%s): let the error through, for there is no way back", e, failed.Where, failed.Err.Message)
			}
		}
		return ""
	}}
}

// changesData reports whether an effect does to data what only a copy takes back.
func changesData(e effect.Occurrence) bool {
	switch e.Module {
	case "db":
		return e.Name == "exec" || e.Name == "migrate" || e.Name == "swap"
	case "exec", "hosts":
		return Destroyed(Command(e.Args)) != ""
	}
	return false
}

// missing returns the failure of a copy that is made where nothing fails; nil if one
// of the same was made after all, or people were told.
func missing(v *effect.View, usual, change effect.Occurrence) *effect.Occurrence {
	var failed *effect.Occurrence
	told := false
	for _, p := range v.Past() {
		switch {
		case p.Place == change.Place:
		case p.Module == usual.Module && p.Name == usual.Name && p.Where == usual.Where && p.Err != nil:
			failed, told = &p, false
		case p.Err == nil && p.Class.Writes() && (!movesRows(usual, change) && instead(p, change) || failed != nil && sameCall(p, *failed)):
			return nil
		case failed != nil && agreed(p) && p.Err == nil && !askedAlike(v.Usual, p):
			told = true
		}
	}
	if told {
		return nil
	}
	return failed
}

// instead reports whether an effect made a copy that may stand for one that failed:
// another backup of the database, or what brings one back; of what is no database,
// whatever copies.
func instead(p, change effect.Occurrence) bool {
	switch p.Module {
	case "db":
		return (p.Name == "backup" || p.Name == "restore") && sameDatabase(p, change)
	case "exec", "hosts":
		what := Destroyed(Command(change.Args))
		if change.Module == "db" {
			what = "drop table" // what a statement changes wants a copy of a database
		}
		return excuses(p, what)
	}
	return false
}

// copied matches a statement that copies rows to where they are to be from then on.
var copied = lazyregexp.New(`(?is)^\s*(insert\s+into\b.*\bselect\b.*\bfrom|create\s+table\b.*\bas\s+select|select\b.*\binto\b.*\bfrom)\b`)

// movesRows reports whether a statement copies rows, and a later migration, or what
// destroys data, may take away those that it was to copy.
func movesRows(e, change effect.Occurrence) bool {
	return e.Module == "db" && e.Name == "exec" && copied.MatchString(plain.Str(e.Args, "sql")) && change.Module == "db" && sameDatabase(e, change) &&
		(change.Name == "migrate" || Destroyed(plain.Str(change.Args, "sql")) != "")
}

// askedAlike reports whether people are asked the same where nothing fails.
func askedAlike(usual []effect.Occurrence, question effect.Occurrence) bool {
	for _, u := range usual {
		if agreed(u) && u.SameCall(question) {
			return true
		}
	}
	return false
}

// overwrites matches statements after which what was there is gone.
var overwrites = lazyregexp.New(`(?i)^\s*(delete|update|drop|alter|truncate)\b`)

// aboutCopies matches what is said of the copies that there are.
var aboutCopies = lazyregexp.New(`(?i)back-?(ed\s+)?ups?\b|backed|\bcop(y|ies)\b|dump|snapshot|restor|\bkept\b`)

// KeptAhead returns the invariant that a run which migrates a database, or removes rows of
// it, and makes a copy of it makes that before: afterwards it holds what it was to save
// from. One that looks at the copies that there are knows what it does, and so do people
// who are asked: about a migration, or about copies.
func KeptAhead() effect.Invariant {
	return effect.Invariant{Name: "what a run keeps a copy of is not changed without it", Doc: "a run that migrates a database, or removes rows of it, makes its backup before",
		End: func(v *effect.View, end effect.Ending) string {
			if end.Status != effect.StatusSucceeded || v.Usual != nil {
				return ""
			}
			var migrated *effect.Occurrence
			asked := false
			for _, e := range v.Past() {
				switch {
				case migrated != nil && keeps(e, *migrated):
					return fmt.Sprintf("%s makes a copy, and %s has changed the database before it: what it was is in none; make the copy first", e, migrated)
				case excuses(e, "drop table") || agreed(e) && (migrated != nil && migrated.Name == "migrate" || aboutCopies.MatchString(plain.Text(e.Args))):
					return ""
				case agreed(e):
					asked = true
				case e.Module != "db" || !e.Wrote() || migrated != nil:
				case e.Name == "migrate" && len(e.Changes) > 0 && !asked || e.Name == "exec" && overwrites.MatchString(plain.Str(e.Args, "sql")):
					migrated = &e
				}
			}
			return ""
		}}
}

// KeptItself returns the invariant that a run which makes a copy of a database before it
// migrates one, or removes rows, makes it of that one. It is found where the copy is of
// another one that the run does not change, so that it is for nothing, and no copy of the
// right one is made or looked at.
func KeptItself() effect.Invariant {
	return effect.Invariant{Name: "what a run keeps a copy of is not changed without it", Doc: "the backup that a run makes before it migrates a database, or removes rows of it, is of that database",
		End: func(v *effect.View, end effect.Ending) string {
			if end.Status != effect.StatusSucceeded || v.Usual != nil {
				return ""
			}
			past := v.Past()
			for i, e := range past {
				if !overwritten(e) {
					continue
				}
				var other *effect.Occurrence
				for _, p := range past[:i] {
					if excuses(p, "drop table") && sameDatabase(e, p) {
						other = nil
						break
					}
					if p.Module == "db" && p.Name == "backup" && p.Wrote() {
						other = &p
					}
				}
				if other != nil && !slices.ContainsFunc(past, func(c effect.Occurrence) bool { return overwritten(c) && sameDatabase(*other, c) }) {
					return fmt.Sprintf("%s changes %s, and the copy that %s made before it is of %s: there is no way back; name the database there, too", e, database(e), other, database(*other))
				}
			}
			return ""
		}}
}

// overwritten reports whether an effect migrated a database, or removed or changed rows of
// it.
func overwritten(e effect.Occurrence) bool {
	return e.Module == "db" && e.Wrote() && (e.Name == "migrate" && len(e.Changes) > 0 || e.Name == "exec" && overwrites.MatchString(plain.Str(e.Args, "sql")))
}

func database(e effect.Occurrence) string {
	if name := plain.Str(e.Args, "db"); name != "" {
		return "the database " + name
	}
	return "the configured database"
}
