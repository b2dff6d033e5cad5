package notify

import (
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// incidentOf returns the incident that an effect published about, and its page,
// as they are now; nil if the effect is no publish that succeeded.
func incidentOf(v *effect.View, e effect.Occurrence) (inc, page map[string]any) {
	if e.Module != "notify" || e.Name != "publish" || e.Err != nil {
		return nil, nil
	}
	value, _ := e.Value.(map[string]any)
	page = plain.Table(plain.Table(v.State("notify"), "status_pages"), plain.Str(e.Args, "to"))
	return plain.Table(plain.Table(page, "incidents"), plain.Str(value, "key")), page
}

// wholeWhenResolved finds incidents that are said to be resolved while the page
// still shows a part of the service as broken by them.
func wholeWhenResolved(v *effect.View, e effect.Occurrence) string {
	inc, page := incidentOf(v, e)
	if plain.Str(inc, "status") != resolved {
		return ""
	}
	components := plain.Table(page, "components")
	for _, name := range plain.List(inc["components"]) {
		if state := plain.Str(components, name); state != operational {
			return fmt.Sprintf("%s resolved %q, and the status page still shows %s as %s: set components = { [%q] = %q } with it, or resolve it later",
				e, plain.Str(inc, "title"), name, state, name, operational)
		}
	}
	return ""
}

// resolvedWhileIll finds incidents that are said to be resolved, or shown as over, while
// what the run has seen to be ill is so still. One that has looked at something since,
// and found it well, may have gone by that.
func resolvedWhileIll(v *effect.View, e effect.Occurrence) string {
	if inc, _ := incidentOf(v, e); inc == nil || plain.Str(e.Args, "status") != resolved {
		return ""
	}
	var seen *effect.Occurrence
	for _, p := range v.Past() {
		since, ill := v.Bad[plain.Str(p.Args, "env")]
		switch {
		case p.Module != "health" || p.Class != effect.Read || p.Place == e.Place:
		case seen != nil && p.Err == nil && (!ill || p.Name == "check"):
			return ""
		case ill && !p.At.Before(since):
			seen = &p
		}
	}
	if seen == nil {
		return ""
	}
	return fmt.Sprintf("%s tells customers that it is over, and %s is not well, as %s had found: look again before it, by health.check, and let that fail",
		e, plain.Str(seen.Args, "env"), seen)
}

// closedInTheEnd finds runs that open an incident, do their work and end well,
// and leave customers reading that it is being looked into. One that only tells
// leaves that to who tells next; what is watched (monitoring) may stay so.
func closedInTheEnd(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded && end.Status != effect.StatusRolledBack {
		return ""
	}
	past := v.Past()
	for i, e := range past {
		inc, _ := incidentOf(v, e)
		value, _ := e.Value.(map[string]any)
		if status := plain.Str(inc, "status"); value["opened"] != true || status != "investigating" && status != "identified" {
			continue
		}
		worked, tried := false, false
		for _, later := range past[i+1:] {
			worked = worked || later.Wrote() && !later.Tells
			tried = tried || later.Err != nil && later.Module == "notify" && later.Name == "publish" && later.Args["to"] == e.Args["to"]
		}
		if worked && !tried {
			return fmt.Sprintf("%s opened %q, the run %s, and customers still read that it is %s: publish status = %q or \"monitoring\" in the end, and in a rollback",
				e, plain.Str(inc, "title"), map[bool]string{true: "succeeded", false: "was rolled back"}[end.Status == effect.StatusSucceeded],
				plain.Str(inc, "status"), resolved)
		}
	}
	return ""
}
