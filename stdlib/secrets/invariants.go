package secrets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of every secret.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "a secret that was exchanged is valid in one version", End: oneVersion},
		{Name: "a secret that was exchanged is valid in one version", Doc: "and a run in which nothing fails does not end the one that it has made", End: newEnded},
		{Name: "what is issued for a run ends with it", Doc: "what is released where nothing fails is released however the run ends", End: leftIssued},
		{Name: "what is issued for a run ends with it", Doc: "what the rollback releases is released where nothing fails, too", End: forgottenIssued},
		{Name: "some version of a secret is valid", After: someValid},
		{Name: "a secret is revoked after its last consumer has the new one", Doc: "secrets.revoke comes after each change that gives a consumer the new version", After: consumersFirst},
		{Name: "a secret is revoked after its last consumer has the new one", Doc: "and no consumer comes to the new version after it", After: consumersInTurn},
		{Name: "a secret is revoked after its last consumer has the new one", Doc: "and a rollback hands the old version out before it ends the new one", After: handedBack},
		{Name: "a secret is revoked after its last consumer has the new one", Doc: "and a rollback ends no version that it has handed out", After: handedBackDead},
		{Name: "a secret is revoked after its last consumer has the new one", Doc: "and what was only written to a host has been read by its service: it was restarted, or looked at", After: consumersAwake},
	}
}

// oneVersion finds secrets of which a run made a new version and left the old
// one valid: who has it still gets in.
func oneVersion(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	before, after := v.Begin("secrets"), v.State("secrets")
	for _, name := range plain.SortedNames(after) {
		is, was := plain.Table(after, name), plain.Table(before, name)
		valid := plain.List(is["valid"])
		if made := len(plain.List(is["versions"])) > len(plain.List(was["versions"])); made && len(was) > 0 && len(valid) > 1 {
			return fmt.Sprintf("the run succeeded, and of %s the versions %s are valid: end the old one with secrets.revoke", name, strings.Join(valid, ", "))
		}
	}
	return ""
}

func someValid(v *effect.View, e effect.Occurrence) string {
	if e.Module != "secrets" || e.Name != "revoke" || e.Err != nil {
		return ""
	}
	name := plain.Str(e.Args, "name")
	if len(plain.List(plain.Table(v.State("secrets"), name)["valid"])) == 0 {
		return fmt.Sprintf("%s ended version %s of %s, and no other is valid: make a new one and hand it out first", e, plain.Str(e.Args, "version"), name)
	}
	return ""
}

// holds matches settings that tell a consumer which version of a secret to use.
var holds = lazyregexp.New(`(?i)secret|password|passwd|token|credential|version|key|cert`)

// consumersFirst finds consumers that had a version of a secret when it was
// revoked: those that were given it and nothing since, and those that get the
// new one only afterwards.
func consumersFirst(v *effect.View, e effect.Occurrence) string {
	past := v.Past()
	switch {
	case !e.Wrote():
		return ""
	case e.Module == "secrets" && e.Name == "revoke":
		version, last := plain.Str(e.Args, "version"), map[string]effect.Occurrence{}
		for _, p := range past {
			if p.Wrote() && len(versionsIn(p)) > 0 {
				last[consumer(p)] = p
			}
		}
		if made(past, plain.Str(e.Args, "name"), version) {
			for _, who := range plain.SortedNames(last) {
				if slices.Contains(versionsIn(last[who]), version) {
					return fmt.Sprintf("%s ended version %s of %s, which %s has since %s", e, version, plain.Str(e.Args, "name"), who, last[who])
				}
			}
		}
		return ""
	}
	for _, version := range append(versionsIn(e), firstCarried(past, e)...) {
		for _, p := range past {
			name := plain.Str(p.Args, "name")
			if p.Module == "secrets" && p.Name == "revoke" && p.Wrote() && made(past, name, version) && plain.Str(p.Args, "version") != version {
				return fmt.Sprintf("%s gave %s version %s of %s, and version %s was ended before, at %s: until now it had nothing that is valid; revoke last",
					e, consumer(e), version, name, plain.Str(p.Args, "version"), p.Where)
			}
		}
	}
	return ""
}

// made reports whether the run made that version of a secret.
func made(past []effect.Occurrence, name, version string) bool {
	return slices.ContainsFunc(past, func(p effect.Occurrence) bool {
		value, _ := p.Value.(map[string]any)
		return p.Module == "secrets" && p.Name == "rotate" && p.Err == nil && plain.Str(p.Args, "name") == name && plain.Str(value, "version") == version
	})
}

// versionsIn returns the settings by which a release or a command may be told
// which version of a secret to use.
func versionsIn(e effect.Occurrence) []string {
	set := plain.Table(e.Args, "set")
	if e.Module == "exec" {
		set = plain.Table(e.Args, "env")
	}
	var out []string
	for _, name := range plain.SortedNames(set) {
		if holds.MatchString(name) {
			out = append(out, plain.Str(set, name))
		}
	}
	return out
}

// consumer names what was given a setting.
func consumer(e effect.Occurrence) string {
	if e.Module == "exec" {
		return strings.Join(plain.List(e.Args["argv"]), " ") + plain.Str(e.Args, "shell")
	}
	return strings.TrimSpace(plain.Str(e.Args, "region") + " " + plain.Str(e.Args, "env"))
}

// firstCarried returns the versions of secrets that an effect carries by their values, and
// no change before it did: it is the first that anybody gets.
func firstCarried(past []effect.Occurrence, e effect.Occurrence) []string {
	var out []string
	for _, p := range past {
		value, _ := p.Value.(map[string]any)
		secret, ok := value["value"].(effect.Secret)
		if p.Module != "secrets" || p.Name != "get" || !ok || !carries(e.Args, secret) || strings.HasPrefix(plain.Str(p.Args, "name"), Leases+"/") {
			continue
		}
		if !slices.ContainsFunc(past, func(o effect.Occurrence) bool { return o.Place != e.Place && o.Wrote() && carries(o.Args, secret) }) {
			out = append(out, plain.Str(value, "version"))
		}
	}
	return out
}

// carries reports whether a secret stands somewhere among arguments.
func carries(v any, secret effect.Secret) bool {
	switch v := v.(type) {
	case effect.Secret:
		return v == secret
	case map[string]any:
		for _, member := range v {
			if carries(member, secret) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(member any) bool { return carries(member, secret) })
	}
	return false
}
