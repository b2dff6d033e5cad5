package dns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// movedLate finds names that are moved, or removed, only after what they lead to was
// taken away for good: whoever follows them meanwhile comes to nothing. What has a part
// of a name is what the name leads to.
func movedLate(v *effect.View, e effect.Occurrence) string {
	if e.Module != "dns" || !e.Wrote() || !slices.ContainsFunc(e.Changes, func(c effect.Change) bool { return c.From != nil && slices.Contains(c.Path, "values") }) {
		return ""
	}
	parts := strings.FieldsFunc(plain.Str(e.Args, "name"), func(r rune) bool { return r == '.' || r == '-' })
	for _, p := range v.Past() {
		if p.Module != "deploy" || p.Name != "decommission" || !p.Wrote() || len(p.Changes) == 0 {
			continue
		}
		for _, at := range []string{plain.Str(p.Args, "env"), plain.Str(p.Args, "region")} {
			if at != "" && slices.Contains(parts, at) {
				return fmt.Sprintf("%s takes %s away for good, and only then does %s see to %s: whoever follows the name meanwhile, or keeps it, comes to nothing; move it first, and wait until resolvers have forgotten where it led",
					p, at, e, plain.Str(e.Args, "name"))
			}
		}
	}
	return ""
}
