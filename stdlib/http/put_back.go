package http

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// otherPutBack finds rollbacks that set something else than the run had read before it
// changed that: what was a fifth is nothing then, and nobody knows that it was a fifth.
// Only members that both name are compared.
func otherPutBack(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack {
		return ""
	}
	was, changed := map[string]effect.Occurrence{}, map[string]bool{} // by address
	put := map[string]effect.Occurrence{}
	for _, e := range v.Past() {
		at := plain.Str(e.Args, "url")
		switch {
		case e.Module != "http" || e.Err != nil:
		case e.Args["method"] == "GET" && !changed[at]:
			was[at] = e
		case e.Args["method"] != "PUT" && e.Args["method"] != "PATCH":
		case e.Place.InRollback():
			put[at] = e
		default:
			changed[at] = true
		}
	}
	for _, at := range plain.SortedNames(put) {
		if !changed[at] {
			continue
		}
		value, _ := was[at].Value.(map[string]any)
		told, set := plain.Table(value, "json"), plain.Table(put[at].Args, "json")
		for _, name := range plain.SortedNames(set) {
			if from, to := told[name], set[name]; simple(from) && simple(to) && from != to {
				return fmt.Sprintf("%s sets %s of %s to %s, and it was %s when %s read it: put back what was read", put[at], name, at, plain.Text(to), plain.Text(from), was[at])
			}
		}
	}
	return ""
}

// simple reports whether a value is a text, a number, or yes or no.
func simple(v any) bool {
	switch v.(type) {
	case string, float64, bool:
		return true
	}
	return false
}
