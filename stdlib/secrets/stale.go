package secrets

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// reloads matches commands by which a process reads its files anew.
var reloads = lazyregexp.New(`(?i)restart|reload|refresh|rehash|\bHUP\b|graceful|recreate|redeploy|rollout|reboot`)

// files matches commands that put a secret into a file, and not into a system that
// knows it from then on.
var files = lazyregexp.New(`(?i)\b(install|put|write|copy|cp|tee|place|render|store|push|distribute)\b|\bfile\b|/etc/`)

// consumersAwake finds secrets whose old version ends while a host has the new one in
// a file alone: the service there has run since before, and has what it read when it
// began. Whoever looked there, paused, or let something run elsewhere that may have
// restarted it, may know better.
func consumersAwake(v *effect.View, e effect.Occurrence) string {
	if e.Module != "secrets" || e.Name != "revoke" || !e.Wrote() {
		return ""
	}
	name, version := plain.Str(e.Args, "name"), plain.Str(e.Args, "version")
	handed := map[string]effect.Occurrence{} // by host
	rotated := false
	for _, p := range v.Past() {
		value, _ := p.Value.(map[string]any)
		switch {
		case p.Place == e.Place || p.Err != nil:
		case p.Module == "secrets" && p.Name == "rotate" && plain.Str(p.Args, "name") == name:
			rotated = plain.Str(value, "version") != version
			clear(handed)
		case !rotated:
		case hands(p):
			for host := range plain.Table(value, "hosts") {
				handed[host] = p
			}
		case p.Module == "hosts" && p.Name != "list" && p.Name != "copy" && p.Name != "read":
			for host := range plain.Table(value, "hosts") {
				delete(handed, host)
			}
		case mayWake(p):
			clear(handed)
		}
	}
	hosts := plain.Table(v.State("hosts"), "hosts")
	var asleep, units []string
	for _, host := range plain.SortedNames(handed) {
		services := plain.Table(plain.Table(hosts, host), "services")
		for _, unit := range plain.SortedNames(services) {
			if services[unit] == "active" {
				units = append(units, strings.TrimSuffix(unit, ".service"))
				asleep = append(asleep, host)
			}
		}
	}
	if len(asleep) == 0 {
		return ""
	}
	slices.Sort(units)
	first := handed[asleep[0]]
	asleep = slices.Compact(asleep)
	return fmt.Sprintf("%s ended version %s of %s, and %s, to which %s gave the new one, ran on with what it had read before, on %s: "+
		"from now on it is refused; restart or reload it there, or look which one it uses, before the revoke",
		e, version, name, strings.Join(slices.Compact(units), ", "), first, strings.Join(asleep, ", "))
}

// hands reports whether a call puts a secret into a file of hosts, and starts nothing
// anew there.
func hands(p effect.Occurrence) bool {
	if p.Module != "hosts" || p.Name != "run" || !p.Wrote() || len(plain.Table(p.Args, "secrets")) == 0 {
		return false
	}
	line := strings.Join(plain.List(p.Args["argv"]), " ") + plain.Str(p.Args, "shell") + " " + plain.Str(p.Args, "title")
	return files.MatchString(line) && !reloads.MatchString(line)
}

// mayWake reports whether something else may have restarted the consumers, or waited
// for what they do by themselves. A question, a look at health and a call that uses
// the secret itself have not.
func mayWake(p effect.Occurrence) bool {
	switch p.Module {
	case effect.ControlModule:
		return p.Name == "sleep"
	case "exec", "deploy":
		return true
	case "http", "db":
		return len(plain.Table(p.Args, "secrets")) == 0
	}
	return false
}
