package traffic

import (
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
	"github.com/q-ecosystem/runbook/stdlib/internal/verdict"
)

// fit finds traffic that a server cannot take, where the run changes something
// else before it looks: room is to be made first.
func fit(v *effect.View, e effect.Occurrence) string {
	if !wrote(e) || !e.Wrote() {
		return ""
	}
	at := slices.IndexFunc(v.Usual, func(u effect.Occurrence) bool { return u.Place == e.Place })
	if at < 0 {
		return ""
	}
	after := v.Usual[at+1:]
	next := slices.IndexFunc(after, func(u effect.Occurrence) bool { return u.Module == "health" || u.Wrote() && !u.Tells })
	if next < 0 || after[next].Module == "health" {
		return ""
	}
	health, began := v.State("health"), v.Begin("health")
	got := grown(e)
	for _, server := range plain.SortedNames(got) {
		was := plain.Table(began, server)
		why := verdict.Unwell(plain.Table(health, server), was)
		if why != "" && verdict.Unwell(was, nil) == "" && after[next].Place != e.Place {
			return fmt.Sprintf("%s gave %s %.4g%% of the traffic, and it cannot take that: %s, and %s comes before anybody looks; make room first, and look after each change",
				e, server, got[server], why, after[next])
		}
	}
	return ""
}

// seenToTurn finds runs that end well with more traffic on a server which the
// scenario lets turn bad soon after: they did not look for long enough.
func seenToTurn(v *effect.View, end effect.Ending) string {
	if end.Status != effect.StatusSucceeded || v.Usual != nil {
		return ""
	}
	pools, before := poolShares(v.State("traffic")), poolShares(v.Begin("traffic"))
	for _, pool := range plain.SortedNames(pools) {
		for _, server := range plain.SortedNames(pools[pool]) {
			if pools[pool][server] <= before[pool][server] {
				continue
			}
			if in, why := verdict.Turns(v, server); why != "" {
				return fmt.Sprintf("the run succeeded with %.4g%% of the traffic on %s, and %s later %s: watch what gets traffic for longer, before it gets more and at the end",
					pools[pool][server], server, effect.FormatDuration(in), why)
			}
		}
	}
	return ""
}
