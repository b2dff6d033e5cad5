package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// NameMissing returns the invariant that what a command removes is in a folder, and not
// the folder, where what was in it has just been listed and nothing was told: a path
// that ends in a slash lacks the name that was to stand behind it.
func NameMissing(module string) effect.Invariant {
	return effect.Invariant{Name: "a path that is removed does not lack its last name", Doc: "rm -r of what ends in a slash comes after no look at it that told nothing", After: func(v *effect.View, e effect.Occurrence) string {
		if e.Module != module || !e.Wrote() {
			return ""
		}
		m := removing.FindStringSubmatch(Command(e.Args))
		if m == nil || !strings.ContainsAny(m[1], "rR") {
			return ""
		}
		for _, folder := range strings.Fields(m[2]) {
			if !strings.HasPrefix(folder, "/") || !strings.HasSuffix(folder, "/") {
				continue
			}
			for _, p := range slices.Backward(v.Past()) {
				if p.Module != module || p.Class != effect.Read || p.Err != nil || !strings.Contains(Command(p.Args)+" ", strings.TrimRight(folder, "/")) {
					continue
				}
				if silent(p.Value) {
					return fmt.Sprintf("%s removes all of %s, and %s, which looked at it, told nothing: the name that was to stand behind the slash is empty; stop where there is none", e, folder, p)
				}
				break
			}
		}
		return ""
	}}
}

// silent reports whether a command wrote nothing, on none of its hosts.
func silent(value any) bool {
	told, _ := value.(map[string]any)
	if hosts, ok := told["hosts"].(map[string]any); ok {
		for _, host := range hosts {
			if !silent(host) {
				return false
			}
		}
		return len(hosts) > 0
	}
	text, ok := told["stdout"].(string)
	return ok && strings.TrimSpace(text) == ""
}
