package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
	"github.com/q-ecosystem/runbook/stdlib/internal/verdict"
)

// invariants returns what has to hold of what is deployed.
func invariants() []effect.Invariant {
	return []effect.Invariant{
		{Name: "a run that did not succeed leaves in service the versions that were", End: asItRan},
		{Name: "a run that succeeded leaves nothing unhealthy in service", End: wellInService},
		{Name: "a rollback leaves nothing unhealthy in service", End: wellAfterRollback},
		{Name: "what is released is watched for long enough", End: watchedRelease},
		{Name: "what others share is changed under a lock", Doc: "the header has a lock, whatever its name", After: locked},
		{Name: "what takes requests is not stopped", After: notNeeded},
		{Name: "a drain leaves of everything an instance", After: oneLeft},
		{Name: "a machine is empty before it is taken down", Doc: "deploy.cordon and deploy.drain of that machine come before a reboot, a patch or its end", After: emptiedFirst},
		{Name: "a run that did not succeed leaves running what ran, and open what was", End: asItStood},
		effect.ReadAgain("deploy", []string{"activate"}, func(read, e effect.Occurrence) bool {
			env := plain.Str(read.Args, "env") // left out, it is about none in particular
			return read.Module == "health" && env != "" && (env == e.Args["env"] || env == e.Args["region"])
		}),
		{Name: "a gate looks at what was released", End: otherGate},
		{Name: "a gate looks at what was released", Doc: "health.load, too", End: loadElsewhere},
		effect.NoRace("deploy", "release"),
		{Name: "what is in service stays well on the way", After: wellOnTheWay, Ahead: true},
		{Name: "a cache forgets after the new version serves", End: purgedEarly},
		{Name: "a version does not come into service everywhere at once", End: oneFirst},
		{Name: "a version does not come into service everywhere at once", Doc: "a look at the first place comes before the last one, where the run looks at all", End: lookedLate},
		{Name: "what serves is not taken away", Doc: "no command or DELETE that takes something away names a place, or an image, of the version that serves", After: inUse},
	}
}

// otherGate finds runs that let a version serve in one place and then look at others
// alone, in which nothing changed.
func otherGate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	was, is := versions(v.Begin("deploy"), "serving"), versions(v.State("deploy"), "serving")
	var names, same []string // that serve another version, and the same
	for at, version := range is {
		words := strings.Fields(at) // "environment web of region eu"
		if was[at] != version {
			names = append(names, words[1], words[len(words)-1])
		} else {
			same = append(same, words[1], words[len(words)-1])
		}
	}
	var gate *effect.Occurrence
	activated := false
	for _, e := range v.Past() {
		at := plain.Str(e.Args, "env")
		switch {
		case e.Module == "deploy" && e.Name == "activate" && e.Err == nil:
			activated = true
		case e.Module == "health" && slices.Contains(names, at):
			return ""
		case e.Module == "health" && activated && gate == nil && slices.Contains(same, at):
			gate = &e
		}
	}
	if gate == nil || len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return fmt.Sprintf("a version was released to %s, and %s looks at %s, in which nothing changed: watch what was released", strings.Join(names, ", "), gate, plain.Str(gate.Args, "env"))
}

// locked finds versions that come into service, and machines that are emptied, in a
// run without any lock: two runs at once would leave what neither wanted.
func locked(v *effect.View, e effect.Occurrence) string {
	if e.Module != "deploy" || !slices.Contains([]string{"activate", "scale", "cordon", "drain"}, e.Name) || e.Err != nil || len(v.Locks) > 0 {
		return ""
	}
	return fmt.Sprintf("%s ran without a lock: another run could deploy the same meanwhile; add locks = { \"deploy/NAME\" } to the header", e)
}

// asItRan finds places whose version was replaced under way and not put back: a
// fleet of several versions. What stands beside, not in service, may stay.
func asItRan(v *effect.View, end effect.Ending) string {
	if !end.RollsBack || end.Status != effect.StatusRolledBack && end.Status != effect.StatusFailed || v.Stranded {
		return ""
	}
	before, after := versions(v.Begin("deploy"), "serving"), versions(v.State("deploy"), "serving")
	newest := versions(v.State("deploy"), "version") // many a system serves what is released: to put that back is enough there
	for _, at := range plain.SortedNames(before) {
		words := strings.Fields(at)
		beside := idle(v.State("traffic"), words[1]) || idle(v.State("traffic"), words[len(words)-1])
		if was, is := before[at], after[at]; is != "" && was != is && was != newest[at] && !beside {
			return fmt.Sprintf("the run is %s, and %s serves %s; it served %s: add an on_rollback that releases and activates that again", end.Status, at, is, was)
		}
	}
	return ""
}

// versions returns the versions that are in service ("serving"), or that were
// released last ("version"), by the place in words.
func versions(state map[string]any, which string) map[string]string {
	out := map[string]string{}
	add := func(at place, of map[string]any) {
		if version := plain.Str(of, which); version != "" {
			out[at.String()] = version
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

// renewed returns the environments and regions that serve another version than
// when the run began, by name.
func renewed(v *effect.View) []string {
	var names []string
	for _, c := range v.Changes("deploy") {
		if len(c.Path) == 3 && c.Path[2] == "serving" && c.To != nil {
			names = append(names, c.Path[1])
		}
	}
	return names
}

// wellInService finds runs that succeed although what they released is not well,
// as the scenario declares it.
func wellInService(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	for _, name := range renewed(v) {
		if why := verdict.Unwell(plain.Table(v.State("health"), name), plain.Table(v.Begin("health"), name)); why != "" {
			return fmt.Sprintf("the run succeeded, and released a version to %s, and %s: look after the release, and let what is seen decide", name, why)
		}
	}
	return ""
}

// watchedRelease finds runs that end well before what they released turns bad.
func watchedRelease(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded || v.Usual != nil {
		return ""
	}
	for _, name := range renewed(v) {
		if in, why := verdict.Turns(v, name); why != "" {
			return fmt.Sprintf("the run succeeded, and released a version to %s, and %s later %s: watch it for longer", name, effect.FormatDuration(in), why)
		}
	}
	return ""
}

// wellAfterRollback finds rollbacks after which what was put back does not get on
// with what was not: a version that cannot read a schema which stays.
func wellAfterRollback(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusRolledBack || v.Stranded {
		return ""
	}
	deployed := v.State("deploy")
	for _, table := range []string{"envs", "regions"} {
		places := plain.Table(deployed, table)
		for _, name := range plain.SortedNames(places) {
			version := plain.Str(plain.Table(places, name), "serving")
			if version == "" || idle(v.State("traffic"), name) {
				continue
			}
			if why := verdict.Made(v, name); why != "" {
				return fmt.Sprintf("the run is %s, and %s is in service with version %s, and %s: what the rollback puts back has to get on with what it leaves",
					end.Status, name, version, why)
			}
		}
	}
	return ""
}
