package secrets

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// handedBack finds rollbacks that end the version which a consumer was given, and give it
// another one only then: in between it has nothing that is valid.
func handedBack(v *effect.View, e effect.Occurrence) string {
	if e.Module != "deploy" || e.Name != "release" || e.Err != nil || !e.Place.InRollback() {
		return ""
	}
	past := v.Past()
	var has, ended *effect.Occurrence // what gave it the version that it has, and what ended that
	for _, p := range past {
		switch {
		case p.Module == "deploy" && p.Name == "release" && p.Err != nil && p.Place.InRollback() && consumer(p) == consumer(e):
			has, ended = nil, nil // it was to come first; a rollback goes on where a part of it fails
		case p.Place == e.Place || p.Err != nil:
		case p.Module == "deploy" && p.Name == "release" && consumer(p) == consumer(e):
			has, ended = &p, nil
		case p.Module == "secrets" && p.Name == "revoke" && p.Place.InRollback() && has != nil:
			version := plain.Str(p.Args, "version")
			if slices.Contains(versionsIn(*has), version) && !slices.Contains(versionsIn(e), version) && made(past, plain.Str(p.Args, "name"), version) {
				ended = &p
			}
		}
	}
	if ended == nil {
		return ""
	}
	return fmt.Sprintf("%s takes %s back from version %s of %s, which %s has ended before: in between it had nothing that is valid; hand the old one out first, and revoke last",
		e, consumer(e), plain.Str(ended.Args, "version"), plain.Str(ended.Args, "name"), ended)
}
