package model

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// expiring matches commands that remove old copies by a rule, and not by their names.
var expiring = lazyregexp.New(`(?i)(^|[\s/_-])(expire|forget|prune|thin|apply-?retention|delete\s+(retain|before|everything))([\s_-]|$)`)

// MadeFirst returns the invariant that a run which makes a copy and removes old ones
// makes it first: where that fails, all that is left is what nobody tried. Whoever looks
// at the copies before, or asks people, knows what is left.
func MadeFirst(module string) effect.Invariant {
	return effect.Invariant{Name: "the newest backup is kept", Doc: "old copies are removed (pgbackrest expire, restic forget, borg prune, …) after the new one is made", End: func(v *effect.View, end effect.Ending) string {
		if end.Status != effect.StatusSucceeded || v.Usual != nil {
			return ""
		}
		var expired *effect.Occurrence
		for _, e := range v.Past() {
			makes := e.Wrote() && (e.Module == "db" && e.Name == "backup" || copies(e))
			switch {
			case expired != nil && makes:
				return fmt.Sprintf("%s makes a copy, and %s has removed old ones before it: where it fails there is one copy less, and no new one; make it first, try it, and remove then", e, expired)
			case expired == nil && (makes || excuses(e, "drop table") && !expires(e) || e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name)):
				return ""
			case expired == nil && e.Module == module && e.Wrote() && expires(e):
				expired = &e
			}
		}
		return ""
	}}
}

// expires reports whether a command removes old copies by a rule.
func expires(e effect.Occurrence) bool {
	return slices.ContainsFunc(segments.Split(Command(e.Args), -1), func(part string) bool {
		return expiring.MatchString(part) && dumping.MatchString(part)
	})
}

// copies reports whether a command makes a copy of data as a whole.
func copies(e effect.Occurrence) bool {
	return (e.Module == "exec" || e.Module == "hosts") && Destroyed(Command(e.Args)) == "" && !expires(e) &&
		anyPart(Command(e.Args), dumping.MatchString)
}
