package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
)

// invariants returns what has to hold of all looks at services.
func invariants() []effect.Invariant {
	return []effect.Invariant{{Name: "a check that failed is not passed over", End: notPassedOver},
		{Name: "a run that did not succeed leaves no silence on", End: silencesOff},
		{Name: "a silence that a rollback ends is ended where nothing fails", Doc: "unless it ends by itself within a quarter of an hour", End: silencesForgotten},
		{Name: "a silence is of what the run works on", After: silencesAll},
		{Name: "what was not measured is not nothing", Doc: "a limit, a quota or a number of instances does not become 0 where nothing was measured", After: zeroedUnmeasured},
		{Name: "what was not measured is not nothing", Doc: "a wait does not end where nothing was measured", End: endedUnmeasured}}
}

// everywhere are labels that alerts of all kinds of systems have in common. One of
// where they come from (environment, stage) is none: a run may well work on all of that.
var everywhere = []string{"severity", "priority", "team", "owner", "prometheus", "receiver"}

// silencesAll finds silences that keep alerts from people which have nothing to do
// with what the run works on.
func silencesAll(_ *effect.View, e effect.Occurrence) string {
	if e.Module != "health" || e.Name != "silence" || e.Err != nil {
		return ""
	}
	match := plain.Table(e.Args, "match")
	labels := plain.SortedNames(match)
	for _, label := range labels {
		name := plain.Str(match, label)
		if name == "" || slices.Contains(everywhere, label) || label == "alertname" && ofAnything(name) {
			continue
		}
		return ""
	}
	return fmt.Sprintf("%s silences all alerts with the same %s, whatever they are about: nobody hears of what fails elsewhere meanwhile; name what the run works on, by env or instance",
		e, strings.Join(labels, " and "))
}

// symptom matches what alerts of any system are called by: what is wrong, how much, and
// the kinds of things that everything has.
var symptom = lazyregexp.New(`(?i)^(high|low|too|many|few|very|latency|errors?|rates?|ratio|p|p?\d+|xx|[45]xx|slow|requests?|responses?|time|timeouts?|http|instances?|targets?|hosts?|nodes?|pods?|containers?|services?|endpoints?|servers?|down|up|unavailable|unreachable|unhealthy|missing|absent|critical|warning|disks?|space|full|filling|cpu|mem|memory|load|usage|use|oom|killed|crash(es|ing)?|loop(ing)?|restart(s|ing|ed)?|jobs?|fail(ed|ing|ures?|s)?|not|ready|probe|availability|uptime|saturation|slo|burn|budget|kube|kubernetes|alert|is|in|on|the)$`)

// words splits the name of an alert: HighLatency, high_latency, HTTP5xxRate.
var words = lazyregexp.New(`[A-Z]+(?:[a-z]+|\b|[A-Z]*)|[a-z]+|\d+(?:xx)?`)

// ofAnything reports whether an alert is called by nothing but what is wrong, as those are
// that one rule fires for all environments.
func ofAnything(alert string) bool {
	parts := words.FindAllString(alert, -1)
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(word string) bool { return !symptom.MatchString(word) })
}

// alarming matches what a message says when something is wrong.
var alarming = lazyregexp.New(`(?i)\bnot?\b|fail|error|unhealthy|\bdown\b|warn|attention|broken|problem|degraded|could|cannot|roll|revert|look|check|incident`)

// notPassedOver finds runs that succeed although the last look at a target found
// it bad, and that neither changed anything, nor asked, nor told anybody since.
func notPassedOver(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded {
		return ""
	}
	failed := map[string]effect.Occurrence{} // by target
	for _, e := range v.Past() {
		env := plain.Str(e.Args, "env")
		switch {
		case e.Module == "health" && e.Name == "check" && e.Err != nil && e.Err.Code == effect.CodeUnhealthy:
			failed[env] = e
		case e.Module == "health" && (e.Name == "check" || e.Name == "measure" && e.Err == nil):
			delete(failed, env)
		case e.Tells && !alarming.MatchString(plain.Str(e.Args, "text")):
		case e.Tells, e.Wrote(), e.Module == effect.ControlModule && e.Class.Writes():
			clear(failed)
		}
	}
	for _, env := range plain.SortedNames(failed) {
		warned := false
		for _, ev := range end.Events {
			warned = warned || ev.Kind == effect.Logged && !ev.At.Before(failed[env].At) && (ev.Body.Name == "warn" || ev.Body.Name == "error")
		}
		if !warned {
			return fmt.Sprintf("%s found that %s is not healthy, and the run succeeded as if it were: let the error through, or say what is wrong", failed[env], env)
		}
	}
	return ""
}
