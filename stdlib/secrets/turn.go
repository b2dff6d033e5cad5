package secrets

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// consumersInTurn finds consumers that come to a new version of a secret one after
// the other (restarts, releases), of which one comes after the old version was
// ended: until then it had nothing that is valid.
func consumersInTurn(v *effect.View, e effect.Occurrence) string {
	ended := func(p effect.Occurrence) bool { return p.Module == "secrets" && p.Name == "revoke" && p.Wrote() }
	if !e.Wrote() || e.Tells || e.Module == "secrets" || !slices.ContainsFunc(v.Past(), ended) {
		return ""
	}
	known := places(v)
	var rotated, revoked *effect.Occurrence
	var before *effect.Occurrence // a consumer that came in time
	came := map[string]bool{}     // and all of these with it
	for _, p := range v.Past() {
		switch {
		case p.Place == e.Place:
		case p.Module == "secrets" && p.Name == "rotate" && p.Err == nil:
			rotated, revoked, before, came = &p, nil, nil, map[string]bool{}
		case ended(p) && rotated != nil && plain.Str(p.Args, "name") == plain.Str(rotated.Args, "name"):
			revoked = &p
		case rotated != nil && revoked == nil && p.Wrote() && alike(p, e, known):
			for _, where := range consumersOf(p) {
				came[where] = true
			}
			before = &p
		}
	}
	if revoked == nil || before == nil || !slices.ContainsFunc(consumersOf(e), func(where string) bool { return !came[where] }) {
		return "" // who had the new one in time may be told again
	}
	return fmt.Sprintf("%s comes after %s ended version %s of %s, and the same was done elsewhere before it, by %s: until now its consumer had nothing that is valid; revoke last",
		e, revoked, plain.Str(revoked.Args, "version"), plain.Str(revoked.Args, "name"), before)
}

// alike reports whether two calls do the same, each in its place or both in one: on
// other hosts, in another environment or region, or by a command of which one word, a
// known place, differs.
func alike(a, b effect.Occurrence, known map[string]bool) bool {
	if a.Module != b.Module || a.Name != b.Name {
		return false
	}
	for _, args := range []map[string]any{a.Args, b.Args} {
		for name := range args {
			switch name {
			case "on", "region", "node":
				continue
			case "env":
				if a.Module != "exec" && a.Module != "hosts" { // where it holds variables
					continue
				}
			case "argv":
				if placesApart(plain.List(a.Args[name]), plain.List(b.Args[name]), known) {
					continue
				}
			}
			if !reflect.DeepEqual(a.Args[name], b.Args[name]) {
				return false
			}
		}
	}
	return true
}

// consumersOf returns where a call does what it does: on each of its hosts, in its
// environment, or where its words say.
func consumersOf(e effect.Occurrence) []string {
	value, _ := e.Value.(map[string]any)
	on := plain.SortedNames(plain.Table(value, "hosts"))
	if e.Module != "hosts" || len(on) == 0 {
		on = plain.List(e.Args["on"])
	}
	if len(on) == 0 {
		on = []string{""}
	}
	where := strings.Join([]string{plain.Str(e.Args, "env"), plain.Str(e.Args, "region"), plain.Str(e.Args, "node"), strings.Join(plain.List(e.Args["argv"]), " ")}, "\n")
	out := make([]string, len(on))
	for i, host := range on {
		out[i] = host + "\n" + where
	}
	return out
}

// places returns what is known to be a place: hosts, their groups and services,
// environments, regions, nodes, and what calls name as such.
func places(v *effect.View) map[string]bool {
	known := map[string]bool{}
	for _, e := range v.Past() {
		for _, name := range []string{"env", "region", "node"} {
			known[plain.Str(e.Args, name)] = true
		}
		for _, host := range plain.List(e.Args["on"]) {
			known[strings.TrimPrefix(host, "!")] = true
		}
	}
	if v.Begin != nil {
		declared(v, known)
	}
	delete(known, "")
	return known
}

// declared adds the places of which the world tells.
func declared(v *effect.View, known map[string]bool) {
	for module, tables := range map[string][]string{"hosts": {"hosts"}, "deploy": {"envs", "regions"}, "db": {"nodes"}, "traffic": {"weights", "servers"}} {
		for _, table := range tables {
			for name, told := range plain.Table(v.Begin(module), table) {
				known[name] = true
				host, _ := told.(map[string]any)
				for _, group := range plain.List(host["groups"]) {
					known[group] = true
				}
				for unit := range plain.Table(host, "services") {
					known[strings.TrimSuffix(unit, ".service")] = true
				}
			}
		}
	}
	for name, told := range v.Begin("health") {
		if env, _ := told.(map[string]any); env["healthy"] != nil {
			known[name] = true
		}
	}
}

// placesApart reports whether two commands are the same but for one word at most,
// which is another place then.
func placesApart(a, b []string, known map[string]bool) bool {
	if len(a) != len(b) {
		return false
	}
	n := 0
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		if n++; n > 1 || !known[a[i]] || !known[b[i]] {
			return false
		}
	}
	return true
}
