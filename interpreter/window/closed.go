package window

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Clock shows a moment as the clocks do that a span goes by.
func (s Span) Clock(t time.Time) string { return s.In(t).Format("Mon 2006-01-02 15:04 MST") }

// Closed says why changes may not be made at a moment, and for as long after it
// as needs says, and when they may; "" if they may. A calendar without windows is
// open wherever no freeze holds.
func (c Calendar) Closed(at time.Time, needs time.Duration) string {
	if c.always() {
		return c.frozenWithin(at, needs)
	}
	next, found := c.Next(at, needs)
	if found && next.From.Equal(at) {
		return ""
	}
	later := "none opens within three years"
	switch {
	case !found && needs > 0:
		later = fmt.Sprintf("there is none within three years that is open for %s", effect.FormatDuration(needs))
	case found:
		later = fmt.Sprintf("the next one, %s, opens %s, in %s", next.Why, next.Clock(next.From), inTime(next.From.Sub(at)))
	}
	if freeze, frozen := c.Frozen(at); frozen {
		return fmt.Sprintf("it is %s, and changes are frozen %s (%s); %s", freeze.Clock(at), freeze.ends("until "), freeze.Why, later)
	}
	if open, ok := c.Next(at, 0); ok && open.From.Equal(at) {
		return fmt.Sprintf("the window %s closes %s, in %s, and %s are needed; %s", open.Why, open.Clock(open.To),
			effect.FormatDuration(open.To.Sub(at).Round(time.Second)), effect.FormatDuration(needs), later)
	}
	return fmt.Sprintf("it is %s, outside of every window; %s", next.Clock(at), later)
}

// frozenWithin is Closed for a calendar without windows.
func (c Calendar) frozenWithin(at time.Time, needs time.Duration) string {
	first, frozen := c.frozenFrom(at, at.Add(max(needs, 1)))
	if !frozen {
		return ""
	}
	if first.From.After(at) {
		return fmt.Sprintf("changes are frozen from %s %s (%s), in %s, and %s are needed", first.Clock(first.From), first.ends("to "), first.Why,
			effect.FormatDuration(first.From.Sub(at).Round(time.Second)), effect.FormatDuration(needs))
	}
	return fmt.Sprintf("it is %s, and changes are frozen %s (%s)", first.Clock(at), first.ends("until "), first.Why)
}

// ends says when a span does, behind a word that leads to it.
func (s Span) ends(to string) string {
	if s.To.IsZero() {
		return "without an end, as it repeats"
	}
	return to + s.Clock(s.To)
}

// inTime is how long it is until something: to the minute, while that says enough.
func inTime(d time.Duration) string {
	unit := time.Minute
	if d < 10*time.Minute {
		unit = time.Second
	}
	return effect.FormatDuration(d.Round(unit))
}
