package traffic

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// idleWhenTaken finds servers that were taken away, rebooted or changed for good
// while they served. What modules call by one name is one thing; a command is
// about the servers that its words name.
func idleWhenTaken(v *effect.View, e effect.Occurrence) string {
	if e.Err != nil || e.Class != effect.Irreversible || e.Module == "traffic" || e.Module == effect.ControlModule {
		return ""
	}
	names := named(e)
	if len(names) == 0 {
		return ""
	}
	state := pools(v.State("traffic"))
	for _, pool := range plain.SortedNames(state) {
		servers := plain.Table(state[pool], "servers")
		for _, name := range names {
			s := plain.Table(servers, name)
			share, sessions := plain.Num(s, "weight"), plain.Num(s, "sessions")
			switch {
			case share > 0 && e.Place.InRollback() && e.Module == "deploy" && !rollbackFailed(v):
				return fmt.Sprintf("%s is for good, and %s still takes %.4g%% of the traffic: rollbacks run newest first; register last what moves it away", e, name, share)
			case e.Place.InRollback(): // it is in a hurry
			case share > 0 && (e.Module == "deploy" || e.Args["class"] != nil):
				return fmt.Sprintf("%s is for good, and %s takes %.4g%% of the traffic: move it away first, and wait until what is under way has ended", e, name, share)
			case share == 0 && sessions > 0:
				return fmt.Sprintf("%s is for good, and %s still had %.4g sessions under way: wait until traffic.servers shows none", e, name, sessions)
			}
		}
	}
	return ""
}

// rollbackFailed reports whether something of a rollback failed: what follows is
// not as it was meant to be.
func rollbackFailed(v *effect.View) bool {
	return slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return p.Place.InRollback() && (p.Err != nil || p.Fault != "") })
}

// named returns the names that an effect may mean: where something is deployed,
// or the words of a command or an address.
func named(e effect.Occurrence) []string {
	switch e.Module {
	case "deploy":
		if e.Name == "job" { // which runs beside what serves
			return nil
		}
		if env := plain.Str(e.Args, "env"); env != "" {
			return []string{env}
		}
		return []string{plain.Str(e.Args, "region")}
	case "hosts":
		return plain.List(e.Args["on"])
	case "exec", "http":
		text := plain.Str(e.Args, "shell") + " " + plain.Str(e.Args, "url") + " " + strings.Join(plain.List(e.Args["argv"]), " ")
		names := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n=@:,/\"'?&", r) })
		for _, name := range names {
			if host, _, dotted := strings.Cut(name, "."); dotted {
				names = append(names, host)
			}
		}
		return names
	}
	return nil
}
