package db

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// schemaBackFirst finds rollbacks that take the schema back before the version that came
// after it: until that is back, too, it misses what it was written for.
func schemaBackFirst(v *effect.View, e effect.Occurrence) string {
	activates := func(o effect.Occurrence) bool { return o.Module == "deploy" && o.Name == "activate" }
	moves := func(o effect.Occurrence) bool { return o.Module == "traffic" && len(o.Changes) > 0 }
	if !e.Place.InRollback() || e.Err != nil || !activates(e) && !moves(e) {
		return ""
	}
	past := v.Past()
	if slices.ContainsFunc(past, func(p effect.Occurrence) bool { return p.Place.InRollback() && (p.Err != nil || p.Fault != "") }) {
		return "" // what follows a failure is not in the order that was meant
	}
	var up, came, down *effect.Occurrence
	for _, p := range past {
		from, to, migrated := versionsOf(p)
		switch {
		case p.Place == e.Place || p.Err != nil:
		case !p.Place.InRollback() && migrated && to > from:
			up, came = &p, nil
		case !p.Place.InRollback() && up != nil && (activates(e) && activates(p) && samePlace(p, e) || moves(e) && moves(p)):
			came = &p
		case !p.Place.InRollback():
		case migrated && came != nil && to < from && plain.Str(p.Args, "db") == plain.Str(up.Args, "db"):
			down = &p
		case moves(p) && down == nil:
			return "" // what serves is another one by then
		}
	}
	if down == nil {
		return ""
	}
	return fmt.Sprintf("%s takes back the schema of %s, and only then does %s take back %s: until then what serves misses what the migration made; rollbacks run newest first: register that of the schema first",
		down, up, e, came)
}

// versionsOf returns from which version to which a migration led.
func versionsOf(e effect.Occurrence) (from, to float64, ok bool) {
	value, _ := e.Value.(map[string]any)
	return plain.Num(value, "from"), plain.Num(value, "to"), e.Module == "db" && e.Name == "migrate" && e.Err == nil
}

func samePlace(a, b effect.Occurrence) bool {
	return plain.Str(a.Args, "env") == plain.Str(b.Args, "env") && plain.Str(a.Args, "region") == plain.Str(b.Args, "region")
}
