package dns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// beside are the types of sets whose values serve beside each other, often those of
// several parties: who writes one has to write all. Addresses are moved as a whole,
// unless one of them stays.
var beside = []string{"MX", "NS", "TXT", "SRV", "CAA"}

// keptBeside finds sets that a run gave a new value, and that lost more than that one by
// it: values of which neither the parameters nor a question said that they go. A set
// holds what is written, it does not add to what is there.
func keptBeside(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	said := plain.Text(end.Params)
	for _, e := range v.Past() {
		if e.Module == effect.ControlModule && effect.Asks(e.Module+"."+e.Name) {
			said += plain.Text(e.Args)
		}
		if e.Module != "dns" || !e.Wrote() || e.Name != "set" && e.Name != "replace" {
			continue
		}
		value, _ := e.Value.(map[string]any)
		was, is := plain.List(value["previous"]), plain.List(e.Args["values"])
		if e.Name == "replace" {
			was, is = plain.List(e.Args["from"]), plain.List(e.Args["to"])
		}
		lost, added := without(was, is), without(is, was)
		if !slices.Contains(beside, plain.Str(e.Args, "type")) && (e.Name == "replace" || len(lost) == len(was)) {
			continue
		}
		lost = slices.DeleteFunc(lost, func(value string) bool { return strings.Contains(said, value) || held(v, e, value) })
		if len(added) > 0 && len(lost) > len(added) {
			return fmt.Sprintf("%s gave %s the value %s, and %s are gone, which nobody said: what is written is all that the set holds; write them beside the new one, as dns.records tells them",
				e, setOf(e), strings.Join(added, ", "), strings.Join(lost, ", "))
		}
	}
	return ""
}

// without returns the values that the others do not have.
func without(values, others []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return slices.Contains(others, v) })
}

// held reports whether a set has a value now.
func held(v *effect.View, e effect.Occurrence, value string) bool {
	for _, zone := range plain.Table(v.State("dns"), "zones") {
		sets, _ := zone.(map[string]any)
		if slices.Contains(plain.List(plain.Table(sets, setOf(e))["values"]), value) {
			return true
		}
	}
	return false
}
