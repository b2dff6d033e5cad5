package hosts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// smallest is of how many hosts a group has to be before one that is left out looks
// forgotten, and not meant.
const smallest = 3

// oneLeftOut finds runs that see to all hosts of a group, by name, but for one of
// which nothing in the run or in the world says why. Who names a group, or leaves
// one out by "!web-3", has said which are meant.
func oneLeftOut(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	done, order := deeds(v)
	groups := members(v)
	for _, what := range order {
		for _, group := range plain.SortedNames(groups) {
			names := groups[group]
			hit := common(names, plain.SortedNames(done[what]))
			if len(names) < smallest || len(hit) != len(names)-1 || len(done[what]) != len(hit) {
				continue
			}
			left := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(hit, n) })[0]
			if thoughtOf(v, left, hit) || saysAll(end.Params, hit) || apart(v, left, hit) {
				continue
			}
			return fmt.Sprintf("%s was made on %s, and not on %s, which is the rest of the group %s: the hosts differ now; see to all of them, or name the group without it: \"%s\", \"!%s\"",
				done[what][hit[len(hit)-1]], strings.Join(hit, ", "), left, group, group, left)
		}
	}
	return ""
}

// deeds returns what a run did on hosts by their names: by what it was, by host.
func deeds(v *effect.View) (done map[string]map[string]effect.Occurrence, order []string) {
	hosts := plain.Table(v.State("hosts"), "hosts")
	done = map[string]map[string]effect.Occurrence{}
	for _, e := range v.Past() {
		if e.Module != "hosts" || !e.Class.Writes() || e.Place.InRollback() {
			continue
		}
		what, on := deed(e), plain.List(e.Args["on"])
		if done[what] == nil {
			done[what] = map[string]effect.Occurrence{}
			order = append(order, what)
		}
		for _, host := range touched(e) {
			done[what][host] = e
		}
		if !allNamed(hosts, on) {
			for _, group := range on {
				done[what]["group "+group] = e // somebody has said which are meant
			}
		}
	}
	return done, order
}

// allNamed reports whether a call says one by one on which hosts it is made.
func allNamed(hosts map[string]any, on []string) bool {
	return len(on) > 0 && !slices.ContainsFunc(on, func(name string) bool { return hosts[name] == nil })
}

// deed names what a call does, wherever it does that.
func deed(e effect.Occurrence) string {
	if e.Name == "copy" {
		return "copy " + plain.Str(e.Args, "to")
	}
	return e.Name + " " + said(e.Args)
}

// thoughtOf reports whether a run has to do with the host that it left out: it names
// it, or it has looked at it or asked which are to be seen to. That a list of all
// hosts has it says nothing.
func thoughtOf(v *effect.View, left string, hit []string) bool {
	hosts := plain.Table(v.State("hosts"), "hosts")
	return slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool {
		if p.Module == "hosts" && (p.Name == "list" || allNamed(hosts, plain.List(p.Args["on"])) && !says(p.Args, left)) {
			return false // a look at those that are named, by the same names
		}
		elsewhere := p.Module != "hosts" || !p.Class.Writes() // what is done there has them in any case
		return says(p.Args, left) || says(p.Value, left) || elsewhere && (saysAll(p.Args, hit) || saysAll(p.Value, hit))
	})
}

func saysAll(v any, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !says(v, name) })
}

// says reports whether a value has a name in it, as a word or a key.
func says(v any, name string) bool {
	switch v := v.(type) {
	case string:
		return slices.ContainsFunc(strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(" \t\n/=:,;@'\"?&|()[]{}", r) }), func(word string) bool {
			return word == name || strings.HasPrefix(word, name+".")
		})
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return says(item, name) })
	case map[string]any:
		for key, item := range v {
			if key == name || says(item, name) {
				return true
			}
		}
	}
	return false
}

// apart reports whether the world tells a host from all of the others: it cannot be
// reached, has another role, label or service, or serves less than they do.
func apart(v *effect.View, left string, hit []string) bool {
	hosts := plain.Table(v.Begin("hosts"), "hosts")
	is, hasThen := traits(plain.Table(hosts, left)), map[string]int{}
	for _, name := range hit {
		for trait := range traits(plain.Table(hosts, name)) {
			hasThen[trait]++
		}
	}
	for trait, n := range hasThen {
		if n == len(hit) && !is[trait] {
			return true
		}
	}
	for trait := range is {
		if hasThen[trait] == 0 && !strings.Contains(trait, "=") {
			return true
		}
	}
	for unit := range plain.Table(plain.Table(hosts, left), "services") {
		if agreeing.MatchString(strings.TrimSuffix(unit, ".service")) {
			return true // of such members one leads, and nobody here knows which
		}
	}
	return slices.ContainsFunc([]string{"db", "traffic", "health", "deploy"}, func(module string) bool {
		return otherwise(v.Begin(module), left, hit)
	})
}

// traits returns what the world says of a host: what it has, and how that is.
func traits(host map[string]any) map[string]bool {
	out := map[string]bool{}
	for _, group := range plain.List(host["groups"]) {
		out["group "+group] = true
	}
	for _, kind := range []string{"labels", "services", "files"} {
		for name, value := range plain.Table(host, kind) {
			out[kind+" "+name], out[fmt.Sprintf("%s %s = %v", kind, name, value)] = true, true
		}
	}
	if host["reachable"] == false {
		out["unreachable"] = true
	}
	return out
}

// otherwise reports whether a module's state says something of one name that it says
// of none of the others: it is the primary, or drained.
func otherwise(state map[string]any, left string, hit []string) bool {
	told, known := state[left]
	same := func(name string) bool { return fmt.Sprint(state[name]) == fmt.Sprint(told) }
	missing := func(name string) bool { return state[name] == nil }
	if known && !slices.ContainsFunc(hit, same) || !known && !slices.ContainsFunc(hit, missing) {
		return true
	}
	for _, part := range state {
		if nested, ok := part.(map[string]any); ok && otherwise(nested, left, hit) {
			return true
		}
	}
	return false
}
