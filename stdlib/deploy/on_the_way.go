package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/model"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
	"github.com/q-ecosystem/runbook/stdlib/internal/verdict"
)

// wellOnTheWay finds changes that make bad, as the scenario declares it, what was
// well and serves, where the run goes on to the next change before anybody looks:
// the order is wrong, and the next one mends it. What only has to start gets well
// by itself, and who has stopped something has meant it.
func wellOnTheWay(v *effect.View, e effect.Occurrence) string {
	if e.Place.InRollback() {
		return wellOnTheWayBack(v, e)
	}
	if !e.Wrote() || e.Tells || e.Module == "traffic" || model.Stops(e) { // which asks of its own
		return ""
	}
	next, ok := nextChange(v.Usual, e)
	if !ok {
		next, ok = besides(v, e)
	}
	if !ok || slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return p.Wrote() && model.Stops(p) }) {
		return ""
	}
	health, traffic := v.State("health"), v.State("traffic")
	for _, name := range plain.SortedNames(health) {
		if plain.Table(health, name)["assumed"] == true || idle(traffic, name) {
			continue
		}
		if why := verdict.Made(v, name); why != "" && !verdict.Recovers(v, name) {
			return fmt.Sprintf("%s left %s in service, and %s; the next is %s, before anybody looks: make ready first what it needs", e, name, why, next)
		}
	}
	return ""
}

// wellOnTheWayBack finds steps of a rollback that make bad what still gets traffic:
// that is taken away too late. Where a step before it failed, the ones behind it are
// carried out all the same, and nobody has put them in that order.
func wellOnTheWayBack(v *effect.View, e effect.Occurrence) string {
	if e.Err != nil || !e.Class.Writes() || e.Tells || e.Module == "traffic" || model.Stops(e) || v.Prior == nil ||
		slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool {
			return p.Place.InRollback() && (p.Err != nil || p.Fault != "") || p.Wrote() && model.Stops(p)
		}) {
		return ""
	}
	health, traffic, before := v.State("health"), v.State("traffic"), v.Prior("health")
	for _, name := range plain.SortedNames(health) {
		if plain.Table(health, name)["assumed"] == true || !served(traffic, name) {
			continue
		}
		why := verdict.Made(v, name)
		if why != "" && verdict.Unwell(plain.Table(before, name), plain.Table(v.Begin("health"), name)) == "" && !verdict.Recovers(v, name) {
			return fmt.Sprintf("%s, in the rollback, left %s with its traffic, and %s: take the traffic away before; what is registered last is undone first", e, name, why)
		}
	}
	return ""
}

// served reports whether a target gets traffic in some pool.
func served(traffic map[string]any, name string) bool {
	pools := []map[string]any{traffic}
	for pool := range plain.Table(traffic, "pools") {
		pools = append(pools, plain.Table(plain.Table(traffic, "pools"), pool))
	}
	return slices.ContainsFunc(pools, func(pool map[string]any) bool { return plain.Num(plain.Table(pool, "weights"), name) > 0 })
}

// besides returns a change of another branch of the same parallel that is still to come:
// which of the two is first is chance.
func besides(v *effect.View, e effect.Occurrence) (effect.Occurrence, bool) {
	past := v.Past()
	for _, u := range v.Usual {
		if u.Wrote() && !u.Tells && !u.Opaque && u.Place.Concurrent(e.Place) && !slices.ContainsFunc(past, func(p effect.Occurrence) bool { return p.Place == u.Place }) {
			return u, true
		}
	}
	return effect.Occurrence{}, false
}

// nextChange returns the change that follows another one where nothing fails, if
// nobody looks between. What nobody knows the effects of may be a word to others.
func nextChange(usual []effect.Occurrence, e effect.Occurrence) (effect.Occurrence, bool) {
	at := slices.IndexFunc(usual, func(u effect.Occurrence) bool { return u.Place == e.Place })
	if at < 0 {
		return effect.Occurrence{}, false
	}
	for _, u := range usual[at+1:] {
		switch {
		case u.Tells || u.Opaque || u.Module == effect.ControlModule || u.Place.Concurrent(e.Place):
		case u.Class == effect.Read:
			return effect.Occurrence{}, false
		case u.Wrote():
			return u, true
		}
	}
	return effect.Occurrence{}, false
}

// idle reports whether a target gets no traffic in any of the pools that have it.
func idle(traffic map[string]any, name string) bool {
	known := false
	pools := []map[string]any{traffic}
	for pool := range plain.Table(traffic, "pools") {
		pools = append(pools, plain.Table(plain.Table(traffic, "pools"), pool))
	}
	for _, pool := range pools {
		weights := plain.Table(pool, "weights")
		if _, has := weights[name]; !has {
			continue
		}
		status := plain.Str(plain.Table(plain.Table(pool, "servers"), name), "status")
		if plain.Num(weights, name) > 0 && (status == "" || status == "up") {
			return false
		}
		known = true
	}
	return known
}

// oneFirst finds a version that the branches of a parallel{} activate in all places
// that serve: one that is bad is bad everywhere before anybody has seen it.
func oneFirst(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	serving := versions(v.Begin("deploy"), "serving")
	beside := map[string]effect.Occurrence{} // by place: activated in a branch
	past := v.Past()
	for i, e := range past {
		if e.Module != "deploy" || e.Name != "activate" || !e.Wrote() {
			continue
		}
		at := placeOf(e)
		if serving[at] == "" {
			continue
		}
		alone := true
		for _, other := range beside {
			alone = alone && !e.Place.Concurrent(other.Place)
		}
		if alone && len(beside) > 0 || len(beside) == 0 && tried(past[:i], e) {
			return ""
		}
		beside[at] = e
	}
	names := plain.SortedNames(beside)
	if len(names) < 2 || len(names) < len(serving) {
		return ""
	}
	return fmt.Sprintf("%s brings a version into service in every place that serves, side by side (%s): what is wrong with it is wrong everywhere before anybody sees it; let one be first, look at it, and then the others",
		beside[names[0]], strings.Join(names, ", "))
}

func placeOf(e effect.Occurrence) string {
	return place{plain.Str(e.Args, "region"), plain.Str(e.Args, "env")}.String()
}

// tried reports whether the run has looked, before an activation, at what another
// change may have brought the same version to: an instance that served nothing
// before, or one that commands of the team deploy to.
func tried(past []effect.Occurrence, first effect.Occurrence) bool {
	var at []string // where the version may be
	opaque := false
	for _, e := range past {
		if e.Place.Concurrent(first.Place) {
			continue
		}
		switch {
		case e.Module == "deploy" && e.Name == "activate" && e.Wrote() && placeOf(e) != placeOf(first) && sameVersion(e, first):
			at = append(at, plain.Str(e.Args, "env"), plain.Str(e.Args, "region"))
		case e.Wrote() && !e.Tells && e.Module != "deploy":
			opaque = true
		case e.Module == "health" && e.Err == nil:
			env := plain.Str(e.Args, "env")
			if slices.Contains(at, env) || opaque && env != plain.Str(first.Args, "env") && env != plain.Str(first.Args, "region") {
				return true
			}
		}
	}
	return false
}

// sameVersion reports whether two activations may have been of one version.
func sameVersion(a, b effect.Occurrence) bool {
	version := func(e effect.Occurrence) any {
		for _, c := range e.Changes {
			if len(c.Path) > 0 && c.Path[len(c.Path)-1] == "serving" {
				return c.To
			}
		}
		return nil
	}
	return version(a) == nil || version(b) == nil || version(a) == version(b)
}
