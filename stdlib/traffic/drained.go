package traffic

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// works matches what a command says that is done to a server which is to serve
// again afterwards.
var works = lazyregexp.New(`(?i)\b(re)?(start|boot|load)\b|\bup(grade|date)\b|\bpatch|\binstall`)

// backInService finds runs that drain a server, see to it, and leave it drained:
// each time one fewer serves. One that is only drained, or taken away, is meant to be.
func backInService(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	drained := map[string]effect.Occurrence{} // by server
	seen := map[string]effect.Occurrence{}    // what was done to it, or how it was looked at, since
	for _, e := range v.Past() {
		name := plain.Str(e.Args, "server")
		switch {
		case e.Err != nil:
		case e.Module == "traffic" && e.Name == "drain" && len(e.Changes) > 0:
			drained[name] = e
			delete(seen, name)
		case e.Module == "deploy" && e.Name == "decommission":
			delete(drained, plain.Str(e.Args, "env"))
		case e.Module == "health" && e.Name == "check":
			seen[plain.Str(e.Args, "env")] = e
		case e.Module == "hosts" && e.Name == "service" && (e.Args["action"] == "restart" || e.Args["action"] == "start"),
			(e.Module == "exec" || e.Module == "hosts" && e.Name == "run") && e.Class.Writes() && works.MatchString(commandOf(e)):
			for _, host := range named(e) {
				seen[host] = e
			}
		}
	}
	for _, pool := range plain.SortedNames(pools(v.State("traffic"))) {
		servers := plain.Table(pools(v.State("traffic"))[pool], "servers")
		for _, name := range plain.SortedNames(servers) {
			drain, was := drained[name]
			since, worked := seen[name]
			if was && worked && plain.Str(drain.Args, "pool") == pool && plain.Str(plain.Table(servers, name), "status") == "drain" {
				return fmt.Sprintf("the run succeeded, and %s takes no traffic: %s drained it, %s came after, and nothing lets it serve again; call traffic.ready", name, drain, since)
			}
		}
	}
	return ""
}

// oneByOne finds servers that are drained while another one, which is healthy
// again, still waits for traffic.
func oneByOne(v *effect.View, e effect.Occurrence) string {
	if e.Module != "traffic" || e.Name != "drain" || !e.Wrote() || len(e.Changes) == 0 {
		return ""
	}
	pool := plain.Str(e.Args, "pool")
	servers := plain.Table(pools(v.State("traffic"))[pool], "servers")
	drained := map[string]effect.Occurrence{}
	for _, p := range v.Past() {
		switch name := plain.Str(p.Args, "env"); {
		case p.Err != nil:
		case p.Module == "traffic" && p.Name == "drain" && p.Wrote() && plain.Str(p.Args, "pool") == pool:
			drained[plain.Str(p.Args, "server")] = p
		case p.Module == "health" && p.Name == "check" && drained[name].Name != "" && name != plain.Str(e.Args, "server") &&
			plain.Str(plain.Table(servers, name), "status") == "drain":
			return fmt.Sprintf("%s comes although %s, which %s found healthy again, takes no traffic yet: call traffic.ready before the next one", e, name, p)
		}
	}
	return ""
}

// commandOf returns the words of a command.
func commandOf(e effect.Occurrence) string {
	text := plain.Str(e.Args, "shell")
	for _, word := range plain.List(e.Args["argv"]) {
		text += " " + word
	}
	return text
}

// pools returns the state of each pool; "" is the configured one.
func pools(state map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{"": state}
	for name := range plain.Table(state, "pools") {
		out[name] = plain.Table(plain.Table(state, "pools"), name)
	}
	return out
}

// otherGate finds gates that look at the server which loses traffic, right after
// the change, and never at the one that gets it.
func otherGate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	past := v.Past()
	looked := lookedAt(past)
	before, after := poolShares(v.Begin("traffic")), poolShares(v.State("traffic"))
	for i, e := range past {
		if !e.Wrote() || e.Module != "traffic" || e.Name != "split" && e.Name != "switch" {
			continue
		}
		pool := plain.Str(e.Args, "pool")
		gate := slices.IndexFunc(past[i+1:], func(p effect.Occurrence) bool { return p.Module == "health" || p.Wrote() && !p.Tells })
		if gate < 0 || past[i+1+gate].Module != "health" {
			continue
		}
		at := plain.Str(past[i+1+gate].Args, "env")
		if _, server := after[pool][at]; !server || after[pool][at] >= before[pool][at] {
			continue
		}
		looked := looked
		if emptied(e, at) { // what takes nothing says nothing: it is no other view of what was seen before
			looked = lookedAt(past[i+1:])
		}
		got := grown(e)
		for _, server := range plain.SortedNames(got) {
			if share, in := after[pool][server]; in && share > before[pool][server] && !looked[server] {
				return fmt.Sprintf("%s gave %s %.4g%% of the traffic, and %s looks at %s, which lost it: nobody looks at %s; watch what gets the traffic",
					e, server, got[server], past[i+1+gate], at, server)
			}
		}
	}
	return ""
}

// lookedAt returns what effects looked at, by name.
func lookedAt(past []effect.Occurrence) map[string]bool {
	looked := map[string]bool{}
	for _, e := range past {
		if e.Module == "health" {
			looked[plain.Str(e.Args, "env")] = true
		}
	}
	return looked
}

// emptied reports whether a server takes nothing any more by an effect.
func emptied(e effect.Occurrence, server string) bool {
	return slices.ContainsFunc(e.Changes, func(c effect.Change) bool {
		_, of, ok := weightOf(c.Path)
		to, _ := c.To.(float64)
		return ok && of == server && to == 0
	})
}
