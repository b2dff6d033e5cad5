package effect

import (
	"slices"
	"strings"
)

// Acceptance is a finding of a rehearsal that the author of a runbook has looked at
// and lives with. It says so in the runbook's header, where reviewers see it.
type Acceptance struct {
	Invariant string // its name
	About     string // what the finding's message has to say; "" for every one
	Why       string
}

// Covers reports whether a finding is accepted.
func (a Acceptance) Covers(invariant, message string) bool {
	return a.Invariant == invariant && strings.Contains(message, a.About)
}

// Acceptable returns an error for an acceptance of what no module holds. What the
// engine holds of every run cannot be accepted.
func (c *Catalog) Acceptable(a Acceptance) *Error {
	var known []string
	for _, name := range c.Names() {
		m, _ := c.Module(name)
		for _, inv := range m.Invariants {
			known = append(known, inv.Name)
		}
	}
	if slices.Contains(known, a.Invariant) {
		return nil
	}
	hint := DidYouMean(a.Invariant, known)
	if hint == "" {
		hint = "those of the modules can be accepted: runbook docs explore names them; one of the engine's or of the runbook's own is to be mended"
	}
	return Errorf(CodeInvalid, "accepts: no module holds an invariant %q", a.Invariant).WithHint("%s", hint)
}
