package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// silenced returns the environments that served before an effect and do not after
// it, by name.
func silenced(e effect.Occurrence) []string {
	var names []string
	for _, c := range e.Changes {
		if last := len(c.Path) - 1; c.Module == "deploy" && last > 0 && c.Path[last] == "serving" && c.From != nil && c.To == nil {
			names = append(names, c.Path[last-1])
		}
	}
	slices.Sort(names)
	return names
}

// notNeeded finds changes after which nothing runs of what the proxy sends requests
// to. What modules call by one name is one thing.
func notNeeded(v *effect.View, e effect.Occurrence) string {
	if e.Module != "deploy" || e.Name != "scale" && e.Name != "drain" || !e.Wrote() {
		return ""
	}
	for _, name := range silenced(e) {
		if share := shareOf(v.State("traffic"), name); share > 0 {
			return fmt.Sprintf("%s leaves no instance of %s, which takes %.4g%% of the traffic: move it away first", e, name, share)
		}
	}
	return ""
}

// shareOf returns the largest share that a server has in any of the pools.
func shareOf(traffic map[string]any, name string) float64 {
	share := plain.Num(plain.Table(traffic, "weights"), name)
	pools := plain.Table(traffic, "pools")
	for pool := range pools {
		share = max(share, plain.Num(plain.Table(plain.Table(pools, pool), "weights"), name))
	}
	return share
}

// oneLeft finds machines that are drained although nowhere else is room for what
// runs there, also where the system refuses that, and the run itself closed the others.
func oneLeft(v *effect.View, e effect.Occurrence) string {
	if e.Module != "deploy" || e.Name != "drain" || e.Place.InRollback() {
		return ""
	}
	if e.Err != nil {
		if e.Err.Code != effect.CodeFailed || e.Fault != "" {
			return ""
		}
		was, is := nodeStates(v.Begin("deploy")), nodeStates(v.State("deploy"))
		var closed []string
		for _, at := range plain.SortedNames(is) {
			if was[at] == "open" && is[at] == "cordoned" && at != plain.Str(e.Args, "node") {
				closed = append(closed, at)
			}
		}
		if len(closed) == 0 {
			return ""
		}
		return fmt.Sprintf("%s is refused, for there is no room elsewhere: the run has cordoned %s before, and opened none of them again; call deploy.uncordon before the next one", e, strings.Join(closed, ", "))
	}
	for _, name := range silenced(e) {
		return fmt.Sprintf("%s leaves no instance of %s: no other machine is open; let one of them take part again first", e, name)
	}
	return ""
}

// asItStood finds what a run stopped and did not start again, and machines that it
// left cordoned.
func asItStood(v *effect.View, end effect.Ending) string {
	if !end.RollsBack || end.Status != effect.StatusRolledBack && end.Status != effect.StatusFailed || v.Stranded {
		return ""
	}
	before, after := v.Begin("deploy"), v.State("deploy")
	was, is := versions(before, "serving"), versions(after, "serving")
	for _, at := range plain.SortedNames(was) {
		if is[at] == "" && scaledToNone(v, at) {
			return fmt.Sprintf("the run is %s, and %s is scaled to none; it served %s: add an on_rollback that scales it up again", end.Status, at, was[at])
		}
	}
	open, now := nodeStates(before), nodeStates(after)
	for _, name := range plain.SortedNames(open) {
		if open[name] == "open" && now[name] == "cordoned" {
			return fmt.Sprintf("the run is %s, and node %s is cordoned; it was open: add an on_rollback that calls deploy.uncordon", end.Status, name)
		}
	}
	return ""
}

// scaledToNone reports whether that is what the run did to a place last.
func scaledToNone(v *effect.View, at string) bool {
	none := false
	for _, e := range v.Past() {
		if e.Module == "deploy" && e.Err == nil && e.Class.Writes() && placeOf(e) == at {
			none = e.Name == "scale" && e.Args["instances"] == 0.0
		}
	}
	return none
}

// nodeStates returns the state of each machine, by name.
func nodeStates(state map[string]any) map[string]string {
	out := map[string]string{}
	read := func(of map[string]any) {
		nodes := plain.Table(of, "nodes")
		for name := range nodes {
			out[name] = plain.Str(plain.Table(nodes, name), "state")
		}
	}
	read(state)
	regions := plain.Table(state, "regions")
	for region := range regions {
		read(plain.Table(regions, region))
	}
	return out
}
