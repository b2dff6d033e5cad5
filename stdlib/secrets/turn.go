package secrets

import (
	"fmt"
	"reflect"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// consumersInTurn finds consumers that come to a new version of a secret one after
// the other (restarts, releases), of which one comes after the old version was
// ended: until then it had nothing that is valid.
func consumersInTurn(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || e.Tells || e.Module == "secrets" {
		return ""
	}
	var rotated, revoked *effect.Occurrence
	var before *effect.Occurrence // a consumer that came in time
	for _, p := range v.Past() {
		switch {
		case p.Place == e.Place:
		case p.Module == "secrets" && p.Name == "rotate" && p.Err == nil:
			rotated, revoked, before = &p, nil, nil
		case p.Module == "secrets" && p.Name == "revoke" && p.Wrote() && rotated != nil && plain.Str(p.Args, "name") == plain.Str(rotated.Args, "name"):
			revoked = &p
		case rotated != nil && revoked == nil && before == nil && p.Wrote() && elsewhere(p, e):
			before = &p
		}
	}
	if revoked == nil || before == nil {
		return ""
	}
	return fmt.Sprintf("%s comes after %s ended version %s of %s, and the same was done elsewhere before it, by %s: until now its consumer had nothing that is valid; revoke last",
		e, revoked, plain.Str(revoked.Args, "version"), plain.Str(revoked.Args, "name"), before)
}

// elsewhere reports whether two calls do the same in two places: on other hosts, in
// another environment or region, or by a command that differs in one word.
func elsewhere(a, b effect.Occurrence) bool {
	if a.Module != b.Module || a.Name != b.Name {
		return false
	}
	places := map[string]bool{}
	for _, args := range []map[string]any{a.Args, b.Args} {
		for name := range args {
			if !reflect.DeepEqual(a.Args[name], b.Args[name]) {
				places[name] = true
			}
		}
	}
	for name := range places {
		switch name {
		case "on", "env", "region", "node":
		case "argv":
			if was, is := plain.List(a.Args[name]), plain.List(b.Args[name]); differing(was, is) != 1 {
				return false
			}
		default:
			return false
		}
	}
	return len(places) > 0
}

// differing returns in how many places two lists of one length differ; -1 for
// others.
func differing(a, b []string) int {
	if len(a) != len(b) {
		return -1
	}
	n := 0
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
