package model

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// StartedLast returns the invariant that a rollback starts what the run stopped
// after it has put back what was changed meanwhile. line is what a call of the
// module says.
func StartedLast(module string, line func(args map[string]any) string) effect.Invariant {
	p := pairs{module, line}
	return effect.Invariant{Name: "a rollback starts again what it stopped when the rest is put back", After: func(v *effect.View, e effect.Occurrence) string {
		if !e.Place.InRollback() || e.Err != nil || !putsBack(e) {
			return ""
		}
		past := v.Past()
		if slices.ContainsFunc(past, func(p effect.Occurrence) bool { return p.Place.InRollback() && (p.Err != nil || p.Fault != "") }) {
			return "" // what follows a failure is not in the order that was meant
		}
		for _, started := range past {
			if !started.Place.InRollback() || started.Err != nil || started.Place == e.Place || started.Module != module {
				continue
			}
			var stopped *effect.Occurrence
			for _, f := range past {
				switch {
				case f.Place.InRollback() || f.Err != nil || !f.Class.Writes():
				case stopping.MatchString(line(f.Args)) && p.opposite(f, started):
					stopped = &f
				case stopped != nil && f.Module == e.Module && f.Name == e.Name:
					return fmt.Sprintf("%s puts back what %s changed, and %s had started before it what %s stopped for that: rollbacks run newest first; register the start first, before the stop", e, f, started, stopped)
				}
			}
		}
		return ""
	}}
}

// putsBack reports whether an effect is of those that want quiet: a schema, or the
// data as a whole.
func putsBack(e effect.Occurrence) bool {
	return e.Module == "db" && (e.Name == "migrate" || e.Name == "swap") && len(e.Changes) > 0
}
