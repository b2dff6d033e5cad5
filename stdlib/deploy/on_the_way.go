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
// well, where the run goes on to the next change before anybody looks: the order is
// wrong, and the next one mends it. Who has stopped something has meant it.
func wellOnTheWay(v *effect.View, e effect.Occurrence) string {
	if !e.Wrote() || e.Tells || e.Module == "traffic" || model.Stops(e) { // which asks of its own
		return ""
	}
	at := slices.IndexFunc(v.Usual, func(u effect.Occurrence) bool { return u.Place == e.Place })
	if at < 0 {
		return ""
	}
	next := slices.IndexFunc(v.Usual[at+1:], func(u effect.Occurrence) bool {
		return !u.Tells && u.Module != effect.ControlModule && (u.Wrote() || u.Class == effect.Read)
	})
	if next < 0 || !v.Usual[at+1+next].Wrote() || slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return p.Wrote() && model.Stops(p) }) {
		return ""
	}
	health := v.State("health")
	for _, name := range plain.SortedNames(health) {
		if plain.Table(health, name)["assumed"] == true {
			continue
		}
		if why := verdict.Made(v, name); why != "" {
			return fmt.Sprintf("%s left %s in service, and %s; the next is %s, before anybody looks: make ready first what it needs", e, name, why, v.Usual[at+1+next])
		}
	}
	return ""
}

// oneFirst finds a version that the branches of a parallel{} activate in all places
// that serve: one that is bad is bad everywhere before anybody has seen it.
func oneFirst(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	serving := versions(v.Begin("deploy"), "serving")
	beside := map[string]effect.Occurrence{} // by place: activated in a branch
	for _, e := range v.Past() {
		if e.Module != "deploy" || e.Name != "activate" || !e.Wrote() {
			continue
		}
		at := place{plain.Str(e.Args, "region"), plain.Str(e.Args, "env")}.String()
		if serving[at] == "" {
			continue
		}
		alone := true
		for _, other := range beside {
			alone = alone && !e.Place.Concurrent(other.Place)
		}
		if alone && len(beside) > 0 {
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
