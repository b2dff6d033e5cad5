package language

import (
	"strings"
	"testing"
)

// TestRequireHint: who names a file by its path is told the name that it has.
func TestRequireHint(t *testing.T) {
	for name, want := range map[string]string{
		"lib/policy":      `write "lib.policy" for lib/policy.lua beside the script; what stands outside`,
		"./lib/a/b.lua":   `write "lib.a.b" for lib/a/b.lua`,
		`lib\policy`:      `write "lib.policy" for lib/policy.lua`,
		"policy.lua":      `write "policy" for policy.lua`,
		"../lib/policy":   `write "lib.slo" for lib/slo.lua`,
		"/etc/policy.lua": `write "lib.slo" for lib/slo.lua`,
		"trafic":          `did you mean "traffic"?`,
		"policy":          "a file of that name has to stand beside the script",
	} {
		if got := RequireHint(name, []string{"traffic", "health"}); !strings.HasPrefix(got, want) {
			t.Errorf("require %q: %s; want %s", name, got, want)
		}
	}
}
