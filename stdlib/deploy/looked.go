package deploy

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// lookedLate finds runs that bring a version into service in one place after the other,
// wait between, and look at them only once it serves everywhere: the wait was for
// nothing. Who looks at nothing at all may have people who do.
func lookedLate(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	serving := versions(v.Begin("deploy"), "serving")
	var served []effect.Occurrence
	past := v.Past()
	for i, e := range past {
		switch {
		case e.Module == "deploy" && e.Name == "activate" && e.Wrote():
			if serving[placeOf(e)] == "" || len(served) > 0 && e.Place.Concurrent(served[0].Place) || len(served) == 0 && tried(past[:i], e) {
				return ""
			}
			if !slices.ContainsFunc(served, func(p effect.Occurrence) bool { return placeOf(p) == placeOf(e) }) {
				served = append(served, e)
			}
		case len(served) == 0, e.Module == "deploy", e.Tells, e.Module == effect.ControlModule && !effect.Asks(e.Module+"."+e.Name):
		case len(served) < max(2, len(serving)):
			return "" // it may be a look
		case e.Module == "health" && slices.Contains([]string{plain.Str(served[0].Args, "env"), plain.Str(served[0].Args, "region")}, plain.Str(e.Args, "env")):
			return fmt.Sprintf("%s looks at what %s brought into service only after %s did so in the last place of all: what is wrong with it is wrong everywhere by then; look at each place before the next one",
				e, served[0], served[len(served)-1])
		}
	}
	return ""
}

// loadElsewhere finds runs that release a version, put load on a place that has another
// one, and never look at what was released.
func loadElsewhere(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	known := versions(v.Begin("deploy"), "version")
	var released []string
	var load *effect.Occurrence
	for _, e := range v.Past() {
		env := plain.Str(e.Args, "env")
		switch {
		case e.Module == "deploy" && e.Name == "release" && e.Wrote() && env != "":
			released = append(released, env)
		case e.Module == "health" && slices.Contains(released, env):
			return ""
		case e.Module == "health" && e.Name == "load" && e.Err == nil && len(released) > 0 && known[place{"", env}.String()] != "":
			load = &e
		}
	}
	if load == nil {
		return ""
	}
	return fmt.Sprintf("%s puts load on %s, in which nothing was released, and nobody looks at %s: put it on what was released, before that gets traffic", load, plain.Str(load.Args, "env"), released[0])
}
