package traffic

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// roomLate finds places that get more traffic, and only then more instances: the ones
// that are there carry it until then, or do not. One that gets more traffic after that,
// too, may have carried the first share.
func roomLate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	got := map[string]effect.Occurrence{}  // by server, what gave it more
	room := map[string]effect.Occurrence{} // what let more instances run, after that
	ahead := map[string]bool{}             // whose instances were seen to before
	for _, e := range v.Past() {
		if !e.Wrote() {
			continue
		}
		if e.Module == "traffic" {
			for server := range grown(e) {
				got[server] = e
				delete(room, server)
			}
		}
		if e.Module != "deploy" || e.Name != "scale" {
			continue
		}
		for _, at := range []string{plain.Str(e.Args, "env"), plain.Str(e.Args, "region")} {
			switch _, gets := got[at]; {
			case at == "":
			case !gets:
				ahead[at] = true
			case moreRun(e):
				room[at] = e
			}
		}
	}
	for _, server := range plain.SortedNames(room) {
		if !ahead[server] {
			return fmt.Sprintf("%s gave %s %.4g%% of the traffic, and only then does %s let more instances of it run: make room first, see that it is well, and move the traffic then",
				got[server], server, grown(got[server])[server], room[server])
		}
	}
	return ""
}

// moreRun reports whether more instances run by an effect than before it.
func moreRun(e effect.Occurrence) bool {
	return slices.ContainsFunc(e.Changes, func(c effect.Change) bool {
		from, _ := c.From.(float64)
		to, _ := c.To.(float64)
		return c.Path[len(c.Path)-1] == "instances" && to > from
	})
}

// lastTaken finds servers that cannot be drained, for the run itself has drained the
// others: where nothing fails it ends there, and leaves them as they are.
func lastTaken(v *effect.View, end effect.Ending) string {
	if v.Usual != nil || end.Status == effect.StatusSucceeded {
		return ""
	}
	var drained []effect.Occurrence
	for _, e := range v.Past() {
		switch {
		case e.Module != "traffic" || e.Fault != "" || e.Place.InRollback():
		case e.Name == "ready" && e.Err == nil:
			drained = slices.DeleteFunc(drained, func(d effect.Occurrence) bool { return d.Args["server"] == e.Args["server"] })
		case e.Name != "drain":
		case e.Err == nil:
			drained = append(drained, e)
		case e.Err.Code == effect.CodeConflict:
			for _, d := range drained {
				if plain.Str(d.Args, "pool") == plain.Str(e.Args, "pool") {
					return fmt.Sprintf("%s would leave no server in its pool, for %s has drained %s, and that is not back: the run ends there, where nothing fails; see to one after the other",
						e, d, plain.Str(d.Args, "server"))
				}
			}
		}
	}
	return ""
}
