package dns

import (
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// gateAtOld finds runs that move a name and look then at what it led to before, and never
// at what it leads to. What is looked at is known by the first part of a value, as
// mx-new of "10 mx-new.example.org".
func gateAtOld(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	looked := map[string]bool{}
	for _, e := range past {
		if e.Module == "health" {
			looked[plain.Str(e.Args, "env")] = true
		}
	}
	for i, e := range past {
		was, is := hostsMoved(e)
		for _, gate := range past[i+1:] {
			if len(was) == 0 || gate.Wrote() && !gate.Tells && gate.Module != "dns" {
				break
			}
			at := plain.Str(gate.Args, "env")
			if gate.Module != "health" || !was[at] || is[at] {
				continue
			}
			for _, name := range plain.SortedNames(is) {
				if looked[name] {
					return ""
				}
			}
			return fmt.Sprintf("%s moved %s, and %s looks at %s, to which it led before: nobody looks at what it leads to now (%s)",
				e, plain.Str(e.Args, "name"), gate, at, strings.Join(plain.SortedNames(is), ", "))
		}
	}
	return ""
}

// hostsMoved returns the first parts of the names to which a set led before a change, and
// leads since; nothing of one that only adds or only removes.
func hostsMoved(e effect.Occurrence) (was, is map[string]bool) {
	if e.Module != "dns" || !e.Wrote() {
		return nil, nil
	}
	was, is = map[string]bool{}, map[string]bool{}
	for _, c := range e.Changes {
		if len(c.Path) == 5 && c.Path[0] == "zones" && c.Path[3] == "values" {
			add(was, c.From)
			add(is, c.To)
		}
	}
	if len(is) == 0 {
		return nil, nil
	}
	return was, is
}

func add(to map[string]bool, value any) {
	text, _ := value.(string)
	words := strings.Fields(text)
	if len(words) == 0 {
		return
	}
	if label, rest, dotted := strings.Cut(words[len(words)-1], "."); dotted && rest != "" && strings.Trim(label, "0123456789") != "" {
		to[label] = true
	}
}
