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

// noneToMadeIll finds traffic that a rollback gives back to what the run made ill, and
// has not mended by then: rollbacks run newest first. Where what takes the traffic is ill
// as well there is no better place.
func noneToMadeIll(v *effect.View, e effect.Occurrence) string {
	if e.Module != "traffic" || !wrote(e) || !e.Place.InRollback() || v.Prior == nil {
		return ""
	}
	if slices.ContainsFunc(v.Past(), func(p effect.Occurrence) bool { return p.Place.InRollback() && p.Err != nil }) {
		return "" // what was to mend it has failed
	}
	health, began := v.Prior("health"), v.Begin("health")
	ill := func(server string) string {
		return verdict.Unwell(plain.Table(health, server), plain.Table(began, server))
	}
	got := grown(e)
	for _, c := range e.Changes {
		_, server, ok := weightOf(c.Path)
		from, _ := c.From.(float64)
		to, _ := c.To.(float64)
		if _, bad := v.Bad[server]; ok && to < from && (bad || ill(server) != "") {
			return ""
		}
	}
	for _, server := range plain.SortedNames(got) {
		if why := ill(server); why != "" && verdict.Made(v, server) != "" {
			return fmt.Sprintf("%s gives %s %.4g%% of the traffic, and %s, by what the run did: rollbacks run newest first, so that what mends it has to be registered after what gives it traffic",
				e, server, got[server], why)
		}
	}
	return ""
}
