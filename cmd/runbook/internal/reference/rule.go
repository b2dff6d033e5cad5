package reference

import (
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// rule is what is held under one name, by one invariant or by several.
type rule struct {
	name string
	docs []string // what makes it hold, where that is said
}

// rulesOf returns the rules that invariants hold, each name once, in order.
func rulesOf(list []effect.Invariant) []rule {
	var rules []rule
	for _, inv := range list {
		at := slices.IndexFunc(rules, func(r rule) bool { return r.name == inv.Name })
		if at < 0 {
			at, rules = len(rules), append(rules, rule{name: inv.Name})
		}
		if inv.Doc != "" && !slices.Contains(rules[at].docs, inv.Doc) {
			rules[at].docs = append(rules[at].docs, inv.Doc)
		}
	}
	return rules
}

// String returns "what others share is changed under a lock: a lock of the header is named …".
func (r rule) String() string {
	if len(r.docs) == 0 {
		return r.name
	}
	return r.name + ": " + strings.Join(r.docs, "; ")
}
