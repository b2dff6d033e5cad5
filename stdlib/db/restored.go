package db

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// later is what the name of a backup ends in that Twist adds, and after how many
// seconds it ended.
const later, shortly = "-newer", 0.5

// Twist implements effect.Twister: right after each backup there is another one, or
// there are no rows where there were several.
func (d *Model) Twist(kind, _ string, _ map[string]any, value any) any {
	told, _ := value.(map[string]any)
	if kind == noRows {
		return withoutRows(told)
	}
	list, _ := told["backups"].([]any)
	if kind != newer || len(list) < 2 {
		return nil
	}
	var all []any
	for _, b := range list {
		b, _ := b.(map[string]any)
		second := maps.Clone(b)
		second["name"] = plain.Str(b, "name") + later
		for _, when := range []string{"began", "ended"} {
			if at, told := b[when].(float64); told {
				second[when] = at + shortly
			}
		}
		all = append(all, b, second)
	}
	out := maps.Clone(told)
	out["backups"] = all
	return out
}

// oldRestored finds runs that put a backup live of which the run knows newer ones of
// the same kind, for no moment that would speak for it: it takes that one also where
// another ended right after it.
func oldRestored(v *effect.View, end effect.Ending) string {
	past := v.Past()
	asked := slices.IndexFunc(past, func(e effect.Occurrence) bool { return e.Module == "db" && e.Fault == newer })
	if asked < 0 {
		return ""
	}
	for i, e := range past {
		name := plain.Str(e.Args, "backup")
		if i < asked || e.Module != "db" || e.Name != "restore" || !e.Wrote() || name == "" || e.Args["time"] != nil || plain.Str(e.Args, "db") != plain.Str(past[asked].Args, "db") ||
			chosen(end.Params, name) || !slices.ContainsFunc(past[i:], func(s effect.Occurrence) bool {
			return s.Module == "db" && s.Name == "swap" && s.Wrote() && s.Args["copy"] == e.Args["copy"]
		}) || slices.ContainsFunc(past[asked:i], func(q effect.Occurrence) bool {
			return q.Module == effect.ControlModule && effect.Asks(q.Module+"."+q.Name)
		}) {
			continue
		}
		newest, listed := newestOf(past[asked].Value, name)
		if newest == "" || !listed || newest == name || newest == name+later {
			continue
		}
		return fmt.Sprintf("%s restores the backup %s, which goes live although there are newer ones (%s): what was written since is lost; the list has the oldest first, "+
			"take the last one that reaches the moment, or leave backup out", e, name, strings.TrimSuffix(newest, later))
	}
	return ""
}

// newestOf returns the name of the last backup of a list that is not known to be
// damaged, and whether a name stands there.
func newestOf(value any, name string) (newest string, listed bool) {
	told, _ := value.(map[string]any)
	list, _ := told["backups"].([]any)
	for _, b := range list {
		b, _ := b.(map[string]any)
		listed = listed || plain.Str(b, "name") == name
		if b["damaged"] != true {
			newest = plain.Str(b, "name")
		}
	}
	return newest, listed
}

// chosen reports whether a name stands among the parameters.
func chosen(params map[string]any, name string) bool {
	for _, v := range params {
		if v == name {
			return true
		}
	}
	return false
}

// harm matches what the moment is called from which on data is not as it should be;
// harmTold the same among what a run reads, where a row may have been deleted at any
// time.
var (
	harm     = lazyregexp.New(`(?i)damag|corrupt|delet|dropp|truncat|mistake|accident|poison|wiped|overwr|incident|encrypted|bad_(deploy|import|migration|write)`)
	harmTold = lazyregexp.New(`(?i)damag|corrupt|dropped|poison|wiped`)
)

// damageRestored finds restores of data that have the damage in them: whoever started
// the run, or what it read, said when that was.
func damageRestored(v *effect.View, end effect.Ending) string {
	restores := func(e *effect.Occurrence) bool { return e.Module == "db" && e.Name == "restore" && e.Wrote() }
	past := v.Past()
	if !slices.ContainsFunc(past, func(e effect.Occurrence) bool { return restores(&e) }) {
		return "" // and what all reads told is not gone through
	}
	var names []string
	var at time.Time
	take := func(name string, value any) {
		if t, err := ParseTime(value); err == nil && t.Year() > 2000 {
			names = append(names, name)
			if t.After(at) {
				at = t
			}
		}
	}
	for _, name := range plain.SortedNames(end.Params) {
		if harm.MatchString(name) {
			take("the parameter "+name, end.Params[name])
		}
	}
	for _, e := range past {
		if e.Class == effect.Read && e.Err == nil {
			eachTold(e.Value, func(name string, value any) {
				if harmTold.MatchString(name) {
					take(name+" of "+e.String(), value)
				}
			})
			continue
		}
		if !restores(&e) || len(names) == 0 {
			continue
		}
		value, _ := e.Value.(map[string]any)
		of, err := ParseTime(value["time"])
		if err != nil || of.Sub(at) <= time.Millisecond {
			continue
		}
		return fmt.Sprintf("%s restores the data as of %s, and %s says that the damage is of %s: it comes back with the rest; restore to a moment before it: time = …",
			e, of.Format(time.RFC3339), names[len(names)-1], at.Format(time.RFC3339))
	}
	return ""
}

// eachTold calls do for each member of what a read told.
func eachTold(value any, do func(name string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range plain.SortedNames(v) {
			do(name, v[name])
			eachTold(v[name], do)
		}
	case []any:
		for _, item := range v {
			eachTold(item, do)
		}
	}
}

// otherLookedAt finds copies that a run restores and has nothing to do with again,
// where it verifies the live data instead: what it knows of the backup is nothing.
func otherLookedAt(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	for i, e := range past {
		copied := plain.Str(e.Args, "copy")
		if e.Module != "db" || e.Name != "restore" || !e.Wrote() {
			continue
		}
		var live *effect.Occurrence
		used := false
		for _, p := range past[i+1:] {
			if p.Module == "db" && p.Name == "validate" && p.Err == nil && plain.Str(p.Args, "copy") == "" && plain.Str(p.Args, "db") == plain.Str(e.Args, "db") && live == nil {
				live = &p
			}
			eachTold(p.Args, func(_ string, value any) {
				text, _ := value.(string)
				used = used || strings.Contains(text, copied)
			})
			if said, _ := p.Args["argv"].([]any); len(said) > 0 {
				used = used || strings.Contains(fmt.Sprint(said...), copied)
			}
		}
		if live != nil && !used {
			return fmt.Sprintf("%s restores the copy %s, and %s verifies the live data: nobody ever looks at what was restored; write db.validate { copy = %q }", e, copied, live, copied)
		}
	}
	return ""
}
