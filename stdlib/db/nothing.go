package db

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// notEmptied is what emptied holds.
const notEmptied = "an answer without rows does not empty what is there"

// withoutRows returns an answer of several rows as one of none; nil of any other. What
// a query returns one row of (a count, a setting) is always there.
func withoutRows(told map[string]any) any {
	if rows, _ := told["rows"].([]any); len(rows) < 2 {
		return nil
	}
	out := maps.Clone(told)
	out["rows"], out["count"], out["truncated"] = []any{}, 0.0, false
	return out
}

// emptied finds runs that write nothing in the place of a list where a query returned
// no rows, and go on to their success: a filter or a replica that is wrong for once has
// everybody forgotten.
func emptied(v *effect.View, end effect.Ending) string {
	asked := slices.IndexFunc(v.Past(), func(e effect.Occurrence) bool { return e.Module == "db" && e.Fault == noRows })
	if asked < 0 || end.Status != effect.StatusSucceeded || !slices.Equal(v.UsualLog, effect.LogOf(end.Events)) {
		return ""
	}
	query := v.Past()[asked]
	for _, e := range v.Past()[asked:] {
		if e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name) {
			return ""
		}
		list, whole := written(e)
		if !whole || !e.Wrote() || e.Tells || !hollow(list) {
			continue
		}
		for _, u := range v.Usual {
			if usually, _ := written(u); u.Where == e.Where && u.Module == e.Module && u.Name == e.Name && !hollow(usually) {
				return fmt.Sprintf("%s writes nothing where %s returned no rows, and %q otherwise: an answer without rows may be a mistake, and takes all of them away; stop where there are none, or far fewer than were there",
					e, query, short(usually))
			}
		}
	}
	return ""
}

// written returns what a call puts in the place of what was there; false if it puts
// nothing there.
func written(e effect.Occurrence) (any, bool) {
	switch {
	case e.Module == "hosts" && e.Name == "copy" && e.Args["text"] != nil:
		return e.Args["text"], true
	case e.Module == "http" && e.Args["method"] == "PUT" && e.Args["json"] != nil:
		return e.Args["json"], true
	case e.Module == "http" && e.Args["method"] == "PUT" && e.Args["body"] != nil:
		return e.Args["body"], true
	case (e.Module == "exec" || e.Module == "hosts") && e.Name == "run" && e.Args["stdin"] != nil:
		return e.Args["stdin"], true
	}
	return nil, false
}

// hollow reports whether what is written holds nothing: a text of spaces, a list without
// members, or a table of such alone.
func hollow(v any) bool {
	switch v := v.(type) {
	case string:
		text := strings.TrimSpace(v)
		return text == "" || text == "[]" || text == "{}"
	case []any:
		return len(v) == 0
	case map[string]any:
		for _, member := range v {
			if !hollow(member) {
				return false
			}
		}
		return true
	}
	return false
}

// short returns the beginning of what is written.
func short(v any) string {
	text, ok := v.(string)
	if !ok {
		text = plain.Text(v)
	}
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 40 {
		text = strings.ToValidUTF8(text[:40], "") + "…"
	}
	return text
}
