package traffic

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
	"github.com/q-ecosystem/runbook/stdlib/internal/verdict"
)

// grown returns the servers whose share an effect raised, with the new share.
func grown(e effect.Occurrence) map[string]float64 {
	out := map[string]float64{}
	for _, c := range e.Changes {
		_, server, ok := weightOf(c.Path)
		ok = ok && c.Module == "traffic"
		from, _ := c.From.(float64)
		if to, _ := c.To.(float64); ok && to > from {
			out[server] = to
		}
	}
	return out
}

// noneToAbsent finds traffic that is moved to where nothing is deployed, by a
// rollback too if something was there when the run began. What modules call by
// one name is one thing.
func noneToAbsent(v *effect.View, e effect.Occurrence) string {
	if msg := releasedUnder(v, e); msg != "" {
		return msg
	}
	if !wrote(e) || e.Place.InRollback() && forWantOfWords(v) {
		return ""
	}
	state := func(deployed map[string]any, table, server string) any {
		return plain.Table(plain.Table(deployed, table), server)["state"]
	}
	gone := func(state any) bool { return state == "absent" || state == "failed" }
	for _, server := range plain.SortedNames(grown(e)) {
		for _, table := range []string{"envs", "regions"} {
			is := state(v.State("deploy"), table, server)
			switch {
			case !gone(is):
			case !e.Place.InRollback():
				return fmt.Sprintf("%s moved traffic to %s, where what is deployed is %s", e, server, is)
			case !gone(state(v.Begin("deploy"), table, server)):
				return fmt.Sprintf("%s rolls back to %s, where what is deployed is %s by now: take away what a rollback needs only once none can come, "+
					"or let the rollback look first", e, server, is)
			}
		}
	}
	return ""
}

// releasedUnder finds what is released for the first time to where traffic goes
// already.
func releasedUnder(v *effect.View, e effect.Occurrence) string {
	if e.Module != "deploy" || e.Name != "release" || !e.Wrote() {
		return ""
	}
	for _, c := range e.Changes {
		if len(c.Path) != 3 || c.Path[2] != "version" || c.From != nil {
			continue
		}
		for _, past := range v.Past() {
			if share := grown(past)[c.Path[1]]; share > 0 && past.Wrote() && poolShares(v.State("traffic"))[plain.Str(past.Args, "pool")][c.Path[1]] > 0 {
				return fmt.Sprintf("%s gave %s %.4g%% of the traffic, and only %s released something there: release first", past, c.Path[1], share, e)
			}
		}
	}
	return ""
}

// forWantOfWords reports whether a run rolls back because it could not tell
// somebody something.
func forWantOfWords(v *effect.View) bool {
	past := v.Past()
	for i := len(past) - 1; i >= 0; i-- {
		if !past[i].Place.InRollback() && past[i].Err != nil {
			return past[i].Tells
		}
	}
	return false
}

// noneLeftUnhealthy finds runs that succeed with more traffic than before on a
// server whose health is declared, or failed when the run looked last.
func noneLeftUnhealthy(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	health := v.State("health")
	failed := map[string]bool{} // by target: whether the last look failed
	for _, e := range v.Past() {
		if env := plain.Str(e.Args, "env"); e.Module == "health" && e.Name == "check" {
			failed[env] = e.Err != nil && e.Err.Code == effect.CodeUnhealthy
		}
	}
	pools, before := poolShares(v.State("traffic")), poolShares(v.Begin("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		for _, server := range plain.SortedNames(pools[pool]) {
			share := pools[pool][server]
			why := verdict.Unwell(plain.Table(health, server), plain.Table(v.Begin("health"), server))
			if why == "" && failed[server] {
				why = "it is not healthy"
			}
			if share > before[pool][server] && why != "" {
				return fmt.Sprintf("the run succeeded, and %s takes %.4g%%, and %s: look before it gets traffic and after, and let what is seen decide", server, share, why)
			}
		}
	}
	return ""
}
