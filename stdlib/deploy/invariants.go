package deploy

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of what is deployed.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "a run that did not succeed leaves in service the versions that were", End: asItRan},
		effect.NoRace("deploy", "release"),
	}
}

// asItRan finds places whose version was replaced under way and not put back: a
// fleet of several versions. What stands beside, not in service, may stay.
func asItRan(v *effect.View, end effect.Ending) string {
	if !end.RollsBack || end.Status != effect.StatusRolledBack && end.Status != effect.StatusFailed || v.Stranded {
		return ""
	}
	before, after := active(v.Begin("deploy")), active(v.State("deploy"))
	for _, at := range plain.SortedNames(before) {
		if was, is := before[at], after[at]; is != "" && was != is {
			return fmt.Sprintf("the run is %s, and %s runs %s; it ran %s: add an on_rollback that releases that again", end.Status, at, is, was)
		}
	}
	return ""
}

// active returns the versions that are in service, by the place in words.
func active(state map[string]any) map[string]string {
	out := map[string]string{}
	add := func(at place, of map[string]any) {
		if of["state"] == "active" && plain.Str(of, "version") != "" {
			out[at.String()] = plain.Str(of, "version")
		}
	}
	envs := func(region string, of map[string]any) {
		for env := range of {
			add(place{region, env}, plain.Table(of, env))
		}
	}
	envs("", plain.Table(state, "envs"))
	regions := plain.Table(state, "regions")
	for region := range regions {
		add(place{region, ""}, plain.Table(regions, region))
		envs(region, plain.Table(plain.Table(regions, region), "envs"))
	}
	return out
}
