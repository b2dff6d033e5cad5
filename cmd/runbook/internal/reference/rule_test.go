package reference

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/stdlib"
)

// TestOneNameIsOneRule: what several invariants hold under one name is told once,
// with what makes each of them hold.
func TestOneNameIsOneRule(t *testing.T) {
	rules := rulesOf([]effect.Invariant{{Name: "a", Doc: "x"}, {Name: "b"}, {Name: "a", Doc: "y"}, {Name: "a", Doc: "x"}})
	if len(rules) != 2 || rules[0].String() != "a: x; y" || rules[1].String() != "b" {
		t.Errorf("%q", rules)
	}
	for _, m := range stdlib.Modules() {
		names := map[string]int{}
		for _, inv := range m.Invariants {
			if names[inv.Name]++; names[inv.Name] > 1 && inv.Doc == "" {
				t.Errorf("%s: a second invariant is called %q, and nothing says what makes it hold", m.Name, inv.Name)
			}
		}
	}
}

// TestALockIsFound under its own name, which a header has several of.
func TestALockIsFound(t *testing.T) {
	r := &Reference{Language: script.Language()}
	found := r.Find("lock")
	if len(found) == 0 || found[0].Member == nil || found[0].Member.String() != "runbook.locks" {
		t.Errorf("%+v", found)
	}
}
