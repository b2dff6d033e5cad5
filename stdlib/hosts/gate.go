package hosts

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// otherGate finds gates between two changes of hosts that look at something else than
// the hosts which were changed, of whose health the run knows: it looks at it before
// any change, and never after.
func otherGate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	first := slices.IndexFunc(past, func(e effect.Occurrence) bool { return e.Module == "hosts" && e.Wrote() })
	if first < 0 {
		return ""
	}
	for i, e := range past {
		if e.Module != "hosts" || !e.Wrote() {
			continue
		}
		next := slices.IndexFunc(past[i+1:], func(p effect.Occurrence) bool { return p.Module == "hosts" && p.Wrote() })
		if next < 0 || sameHosts(e, past[i+1+next]) {
			continue
		}
		gate := slices.IndexFunc(past[i+1:i+1+next], func(p effect.Occurrence) bool { return p.Module == "health" })
		if gate < 0 {
			continue
		}
		for _, env := range known(past[:first], e) {
			if !slices.ContainsFunc(past[i+1:], func(p effect.Occurrence) bool { return p.Module == "health" && plain.Str(p.Args, "env") == env }) {
				at := past[i+1+gate]
				return fmt.Sprintf("%s changed %s, and before the next hosts are changed %s looks at %s: nobody looks at %s after the change; watch what was changed",
					e, strings.Join(plain.List(e.Args["on"]), ", "), at, plain.Str(at.Args, "env"), env)
			}
		}
	}
	return ""
}

// known returns what the run has looked at the health of by the name of the hosts
// that a call changes.
func known(past []effect.Occurrence, e effect.Occurrence) []string {
	var envs []string
	for _, p := range past {
		env := plain.Str(p.Args, "env")
		if p.Module == "health" && p.Err == nil && env != "" && slices.ContainsFunc(plain.List(e.Args["on"]), func(on string) bool { return stem(on) == stem(env) }) {
			envs = append(envs, env)
		}
	}
	return envs
}

// stem makes one of a name and its plural.
func stem(name string) string {
	if rest, ok := strings.CutSuffix(name, "ies"); ok {
		return rest + "y"
	}
	return strings.TrimSuffix(name, "s")
}

func sameHosts(a, b effect.Occurrence) bool {
	return slices.Equal(plain.List(a.Args["on"]), plain.List(b.Args["on"]))
}
