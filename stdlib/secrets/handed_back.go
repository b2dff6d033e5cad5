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

// handedBackDead finds rollbacks that hand a version of a secret out and end that one:
// they mean the one that the run made.
func handedBackDead(v *effect.View, e effect.Occurrence) string {
	name, version := plain.Str(e.Args, "name"), plain.Str(e.Args, "version")
	if e.Module != "secrets" || e.Name != "revoke" || e.Err != nil || !e.Place.InRollback() {
		return ""
	}
	past := v.Past()
	if made(past, name, version) {
		return ""
	}
	for _, got := range past {
		value, _ := got.Value.(map[string]any)
		secret, ok := value["value"].(effect.Secret)
		taken := got.Module == "secrets" && got.Name == "get" && ok && plain.Str(got.Args, "name") == name && plain.Str(value, "version") == version
		for _, p := range past {
			if p.Place.InRollback() && p.Err == nil && p.Class.Writes() && p.Module != "secrets" && (taken && carries(p.Args, secret) || slices.Contains(versionsIn(p), version)) {
				return fmt.Sprintf("%s ends version %s of %s, which %s has just handed out again: what has it is refused from now on; end the one that the run made", e, version, name, p)
			}
		}
	}
	return ""
}
