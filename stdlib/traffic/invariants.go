package traffic

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
	"github.com/q-ecosystem/runbook/stdlib/internal/verdict"
)

// invariants returns what has to hold of every pool.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "the shares of a pool add up to 100", After: sharesAddUp},
		{Name: "some server takes traffic", After: someoneServes},
		{Name: "no traffic is moved to what is known to be bad", After: noneToBad},
		{Name: "no traffic is moved to what is known to be bad", Doc: "a rollback gives none back to what the run made ill, before that is well again", After: noneToMadeIll},
		{Name: "no traffic is moved to what is not there", After: noneToAbsent},
		{Name: "a run that succeeded leaves no traffic on what is unhealthy", End: noneLeftUnhealthy},
		{Name: "traffic is moved to what can take it", After: fit, Ahead: true},
		{Name: "traffic is moved to what can take it", Doc: "deploy.scale to more instances comes before what they are for", End: roomLate},
		{Name: "what gets traffic is watched for long enough", End: seenToTurn},
		{Name: "a gate looks at what gets the traffic", Doc: "the gate after a change is on a server that gets more by it", End: otherGate},
		{Name: "a gate looks at what gets the traffic", Doc: "what was released is looked at before most of the traffic goes there", After: seenBefore},
		{Name: "a gate looks at what gets the traffic", Doc: "a run that looks at one server, and checks another once it has most of the traffic, does so before", End: checkedLate},
		{Name: "most of a pool is not taken out of service together", Doc: "servers that are drained to see to them get ready again before the next ones are", End: enoughLeft},
		{Name: "most of a pool is not taken out of service together", Doc: "a server is left to take the traffic of each that is drained", After: allTaken},
		{Name: "most of a pool is not taken out of service together", Doc: "the last one that takes requests cannot be drained", End: lastTaken},
		{Name: "a server that was drained, and seen to, serves again", End: backInService, After: oneByOne},
		{Name: "no traffic is moved to what an alert fires about", After: noneWhileAlerted, End: succeededAlerted},
		{Name: "what is taken away for good takes no traffic and has no sessions", After: idleWhenTaken},
		effect.LockedChanges("traffic"),
		effect.LockOfAnother("traffic", "pool", "pools"),
		effect.ReadAgain("traffic", []string{"split", "switch"}, measuresGrown),
		effect.NoRace("traffic", "split", "switch"),
		{Name: "a run that did not succeed leaves no traffic on what is bad", Doc: "unless the header has it stop, or ask, and leaves the rest to people", End: noneLeftOnBad},
		{Name: "a run that did not succeed leaves the traffic as it was", End: asItWas},
		{Name: "a run that succeeded leaves the traffic as it set it", End: asSet},
	}
}

// shares is the division of a pool: by server, in percent.
type shares map[string]float64

// String returns the shares in the order of the servers' names.
func (s shares) String() string {
	var parts []string
	for _, name := range plain.SortedNames(s) {
		parts = append(parts, fmt.Sprintf("%s %.4g", name, s[name]))
	}
	return strings.Join(parts, ", ")
}

func (s shares) sum() float64 {
	sum := 0.0
	for _, share := range s {
		sum += share
	}
	return sum
}

// poolShares reads the shares of all pools from the module's state, by pool;
// "" is the configured one.
func poolShares(state map[string]any) map[string]shares {
	out := map[string]shares{}
	read := func(pool string, weights map[string]any) {
		for name := range weights {
			if out[pool] == nil {
				out[pool] = shares{}
			}
			out[pool][name] = plain.Num(weights, name)
		}
	}
	read("", plain.Table(state, "weights"))
	named := plain.Table(state, "pools")
	for name := range named {
		read(name, plain.Table(plain.Table(named, name), "weights"))
	}
	return out
}

// weightOf returns the pool and the server whose share a path leads to.
func weightOf(path []string) (pool, server string, ok bool) {
	switch {
	case len(path) == 2 && path[0] == "weights":
		return "", path[1], true
	case len(path) == 4 && path[0] == "pools" && path[2] == "weights":
		return path[1], path[3], true
	}
	return "", "", false
}

// wrote reports whether an op of the module has changed something.
func wrote(e effect.Occurrence) bool {
	return e.Err == nil && e.Class.Writes() && (e.Module == "traffic" || slices.ContainsFunc(e.Changes, func(c effect.Change) bool { return c.Module == "traffic" }))
}

// measuresGrown reports whether a read measures a server that gets more traffic by
// an effect.
func measuresGrown(read, e effect.Occurrence) bool {
	return read.Module == "health" && slices.ContainsFunc(e.Changes, func(c effect.Change) bool {
		_, server, ok := weightOf(c.Path)
		from, _ := c.From.(float64)
		to, _ := c.To.(float64)
		return ok && to > from && server == read.Args["env"]
	})
}

func sharesAddUp(v *effect.View, e effect.Occurrence) string {
	if !wrote(e) || e.Name == "drain" || e.Name == "ready" { // these take a server out of the division
		return ""
	}
	pools := poolShares(v.State("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		if sum := pools[pool].sum(); math.Abs(sum-100) > 0.5 {
			return fmt.Sprintf("the shares of pool %q add up to %.4g: %s", pool, sum, pools[pool])
		}
	}
	return ""
}

func someoneServes(v *effect.View, e effect.Occurrence) string {
	if !wrote(e) {
		return ""
	}
	pools := poolShares(v.State("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		if pools[pool].sum() <= 0 {
			return fmt.Sprintf("no server of pool %q takes traffic: %s", pool, pools[pool])
		}
	}
	return ""
}

func noneToBad(v *effect.View, e effect.Occurrence) string {
	if !wrote(e) || e.Module == "traffic" && e.Name != "split" && e.Name != "switch" {
		return ""
	}
	var before map[string]shares // what a rollback may go back to, whatever became of it: it was so before the run
	if e.Place.InRollback() {
		before = poolShares(v.Begin("traffic"))
	}
	for _, c := range e.Changes {
		pool, server, ok := weightOf(c.Path)
		ok = ok && (c.Module == "traffic" || c.Module == "")
		since, bad := v.Bad[server]
		from, _ := c.From.(float64)
		if to, _ := c.To.(float64); ok && bad && to > from && to > before[pool][server] {
			p := c.Prediction()
			return fmt.Sprintf("%s moved traffic to %s (%s → %s), which could not be seen to be healthy since %s", e, server,
				orNothing(p.From), p.To, since.Format("15:04:05"))
		}
	}
	return ""
}

func noneLeftOnBad(v *effect.View, end effect.Ending) string {
	if end.Status == effect.StatusSucceeded || v.Stranded || !end.RollsBack {
		return ""
	}
	pools, before := poolShares(v.State("traffic")), poolShares(v.Begin("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		if onlyDrained(v.Past(), pool) { // who took traffic takes the share of who left
			continue
		}
		good := false
		for name := range pools[pool] {
			_, bad := v.Bad[name]
			good = good || !bad && verdict.Unwell(plain.Table(v.Begin("health"), name), nil) == "" // what was ill before is no place to go back to
		}
		for _, name := range plain.SortedNames(pools[pool]) {
			if _, bad := v.Bad[name]; bad && good && pools[pool][name] > before[pool][name] {
				return fmt.Sprintf("the run is %s, and %s of pool %q, which is bad, still takes %.4g%%", end.Status, name, pool, pools[pool][name])
			}
		}
	}
	return ""
}

// onlyDrained reports whether a run did nothing to a pool but drain servers and
// let them serve again.
func onlyDrained(past []effect.Occurrence, pool string) bool {
	drained := false
	for _, e := range past {
		switch {
		case !wrote(e):
		case e.Module != "traffic" || plain.Str(e.Args, "pool") == pool && e.Name != "drain" && e.Name != "ready":
			return false
		case plain.Str(e.Args, "pool") == pool:
			drained = true
		}
	}
	return drained
}

// asItWas compares the shares with what they were. A pool that nobody declared
// is not compared.
func asItWas(v *effect.View, end effect.Ending) string {
	if !end.RollsBack || end.Status != effect.StatusFailed && end.Status != effect.StatusRolledBack {
		return ""
	}
	before, after := poolShares(v.Begin("traffic")), poolShares(v.State("traffic"))
	for _, pool := range plain.SortedNames(before) {
		if was, is := before[pool].String(), after[pool].String(); was != is {
			return fmt.Sprintf("the run is %s, and the shares of pool %q are %s; they were %s", end.Status, pool, is, was)
		}
	}
	return ""
}

// asSet finds pools that were reloaded while the run went on as if they were
// not.
func asSet(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	state := v.State("traffic")
	named := plain.Table(state, "pools")
	pools := poolShares(state)
	for _, pool := range plain.SortedNames(pools) {
		of := state
		if pool != "" {
			of = plain.Table(named, pool)
		}
		if of["drifted"] == true {
			return fmt.Sprintf("the run succeeded, and pool %q has forgotten what it set: the shares are %s", pool, pools[pool])
		}
	}
	return ""
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
