package secrets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// newEnded finds secrets of which a run ended what it had made itself, and left the
// old version valid, although nothing failed: it named the wrong one of the two.
func newEnded(v *effect.View, end effect.Ending) string {
	past := v.Past()
	failed := func(p effect.Occurrence) bool { return p.Err != nil }
	if end.Status != effect.StatusSucceeded || slices.ContainsFunc(past, failed) {
		return "" // what failed may be why the new one was given up
	}
	for _, p := range past {
		name, version := plain.Str(p.Args, "name"), plain.Str(p.Args, "version")
		if p.Module != "secrets" || p.Name != "revoke" || !made(past, name, version) {
			continue
		}
		valid := plain.List(plain.Table(v.State("secrets"), name)["valid"])
		was := plain.List(plain.Table(v.Begin("secrets"), name)["valid"])
		renewed := slices.ContainsFunc(valid, func(o string) bool { return !slices.Contains(was, o) })
		if len(valid) > 0 && len(was) > 0 && !renewed {
			return fmt.Sprintf("%s ended version %s of %s, which the run had made, and what was there before is valid still (%s): end the old one, `previous` of secrets.rotate",
				p, version, name, strings.Join(valid, ", "))
		}
	}
	return ""
}
