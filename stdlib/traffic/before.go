package traffic

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// most is the share in percent from which a server carries what the others do not.
const most = 50

// seenBefore finds traffic that is moved for the most part to what the run has
// released, after a look at another server of the pool, and none at that one: the
// gate passes whatever was released.
func seenBefore(v *effect.View, e effect.Occurrence) string {
	if e.Module != "traffic" || !e.Wrote() || e.Name != "split" && e.Name != "switch" {
		return ""
	}
	pool := plain.Str(e.Args, "pool")
	servers := plain.Table(pools(v.State("traffic"))[pool], "servers")
	for server, share := range grown(e) {
		if share < most {
			continue
		}
		var released, other *effect.Occurrence
		for _, p := range v.Past() {
			at := plain.Str(p.Args, "env")
			switch {
			case p.Place == e.Place:
			case p.Module == "deploy" && p.Wrote() && (at == server || at == "" && plain.Str(p.Args, "region") == server):
				released, other = &p, nil
			case released == nil || p.Module != "health" || p.Err != nil:
			case at == server || servers[at] == nil: // of what has another name it may be a part
				released = nil
			case other == nil:
				other = &p
			}
		}
		if released != nil && other != nil {
			return fmt.Sprintf("%s gave %s %.4g%% of the traffic, %s released it, and what was looked at since is %s, by %s: look at %s before it gets traffic",
				e, server, share, released, plain.Str(other.Args, "env"), other, server)
		}
	}
	return ""
}

// enoughLeft finds servers that a run takes out of a pool together, to see to them,
// and lets serve again one after the other: most of the pool's traffic falls on the
// rest meanwhile.
func enoughLeft(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	before := poolShares(v.Begin("traffic"))
	out := map[string][]string{}             // by pool: who is drained now
	atOnce := map[string]effect.Occurrence{} // by pool: the drain by which too many were
	for _, e := range v.Past() {
		if e.Module != "traffic" || !e.Wrote() {
			continue
		}
		pool, server := plain.Str(e.Args, "pool"), plain.Str(e.Args, "server")
		switch e.Name {
		case "drain":
			if len(e.Changes) > 0 && !slices.Contains(out[pool], server) {
				out[pool] = append(out[pool], server)
			}
			if gone := sumOf(before[pool], out[pool]); len(out[pool]) > 1 && gone > most && atOnce[pool].Name == "" {
				atOnce[pool] = e
			}
		case "ready":
			drain, many := atOnce[pool]
			if many && len(out[pool]) > 1 && slices.Contains(out[pool], server) {
				return fmt.Sprintf("%s took %.4g%% of pool %q out of service together with those drained before it (%d servers), and %s lets them serve again one after the other: the rest carried all of that meanwhile; see to one at a time",
					drain, sumOf(before[pool], out[pool]), pool, len(out[pool]), e)
			}
			out[pool] = slices.DeleteFunc(out[pool], func(s string) bool { return s == server })
		default:
			delete(out, pool) // it was divided anew
		}
	}
	return ""
}

// allTaken finds runs that go on to drain servers of a pool until none is left to
// take its traffic, which the system refuses.
func allTaken(v *effect.View, e effect.Occurrence) string {
	if e.Module != "traffic" || e.Name != "drain" || e.Err == nil || e.Err.Code != effect.CodeConflict || e.Fault != "" || e.Place.InRollback() {
		return ""
	}
	pool, out := plain.Str(e.Args, "pool"), []string{}
	for _, p := range v.Past() {
		if p.Module != "traffic" || !p.Wrote() || plain.Str(p.Args, "pool") != pool {
			continue
		}
		switch server := plain.Str(p.Args, "server"); p.Name {
		case "drain":
			if len(p.Changes) > 0 && !slices.Contains(out, server) {
				out = append(out, server)
			}
		case "ready":
			out = slices.DeleteFunc(out, func(s string) bool { return s == server })
		default:
			out = nil // it was divided anew
		}
	}
	if gone := sumOf(poolShares(v.Begin("traffic"))[pool], out); len(out) > 1 && gone > most {
		return fmt.Sprintf("%s is refused, for nothing else is left in pool %q: the run has taken %.4g%% of it out of service before (%d servers); count how many the rest can do without",
			e, pool, gone, len(out))
	}
	return ""
}

func sumOf(of shares, servers []string) float64 {
	sum := 0.0
	for _, server := range servers {
		sum += of[server]
	}
	return sum
}
