package window

import (
	"slices"
	"strings"
	"time"
)

// horizon is how far ahead a window is looked for, in days. The rarest, in a month
// in which a freeze leaves none, comes again well within it.
const horizon = 3 * 366

// Next returns the first time from at on that is open for as long as needs, or
// the rest of one that at lies in; false if there is none within three years.
// Windows that touch or overlap are one. What nothing ends within these years has
// no To.
func (c Calendar) Next(at time.Time, needs time.Duration) (Span, bool) {
	if c.always() {
		return c.thaw(at, needs)
	}
	for _, days := range []int{9, 70, horizon} { // mostly it is soon
		end := at.AddDate(0, 0, days)
		open, ok := c.first(at, end, needs) // what is open at the end may be longer than this knows
		switch {
		case ok && open.To.Before(end): // what opens later does not prolong it
			return open, true
		case ok && days == horizon:
			open.To = time.Time{}
			return open, true
		}
	}
	return Span{}, false
}

// first is Next by the windows that open before end.
func (c Calendar) first(at, end time.Time, needs time.Duration) (Span, bool) {
	parts := c.opens(at, end)
	if len(parts) == 0 {
		return Span{}, false
	}
	whole := union(parts)
	c.Freezes, c.Rules = c.freezes(at, whole[len(whole)-1].To), nil // all repetitions at once
	for _, open := range whole {
		for _, s := range c.thawed(open) {
			if s.From.Before(at) {
				s.From = at
			}
			if s.To.Sub(s.From) >= max(needs, 1) {
				return named(s, parts), true
			}
		}
	}
	return Span{}, false
}

// opens returns windows and events of which some part lies from one moment to
// another, by their beginnings.
func (c Calendar) opens(from, to time.Time) []Span {
	var list []Span
	for _, w := range c.Windows {
		list = append(list, w.between(from, to)...)
	}
	for _, e := range c.Events {
		list = append(list, e.between(from, to)...)
	}
	slices.SortStableFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	return list
}

// between returns when the window is open of which some part lies from one moment
// to another. Days are those of its zone, of which none has 24 hours for sure.
func (w Window) between(from, to time.Time) []Span {
	year, month, day := from.In(w.zone).Date()
	var list []Span
	for i := -1; ; i++ {
		noon := time.Date(year, month, day+i, 12, 0, 0, 0, w.zone)
		if noon.Add(-36 * time.Hour).After(to) {
			return list
		}
		if s, ok := w.on(noon); ok && s.From.Before(to) && from.Before(s.To) {
			list = append(list, s)
		}
	}
}

// union makes one of spans that touch or overlap; they are in the order of their
// beginnings.
func union(parts []Span) []Span {
	var whole []Span
	for _, s := range parts {
		last := len(whole) - 1
		switch {
		case last < 0 || s.From.After(whole[last].To):
			whole = append(whole, s)
		case s.To.After(whole[last].To):
			whole[last].To = s.To
		}
	}
	return whole
}

// named returns a span with the texts of as few of the parts as cover it, and the
// clocks of the first.
func named(s Span, parts []Span) Span {
	var names []string
	var best Span
	i := 0
	for at := s.From; at.Before(s.To); at = best.To {
		for ; i < len(parts) && !parts[i].From.After(at); i++ {
			if parts[i].To.After(best.To) {
				best = parts[i]
			}
		}
		if len(names) == 0 {
			s.zone = best.zone
		}
		if !slices.Contains(names, best.Why) {
			names = append(names, best.Why)
		}
		if !best.To.After(at) {
			break
		}
	}
	s.Why = listed(names)
	return s
}

// listed joins names for people, who see from the first few which it is.
func listed(names []string) string {
	const few = 3
	switch {
	case len(names) == 0:
		return ""
	case len(names) == 1:
		return names[0]
	case len(names) > few:
		return strings.Join(names[:few], ", ") + " and others"
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// endless is how far an end of freezes that follow one another is looked for, in
// days: what goes on for longer comes again without an end, or as good as.
const endless = 8 * horizon

// Frozen returns the freeze that holds at a moment, if one does. Freezes that touch
// or overlap are one; what comes again without an end has no To.
func (c Calendar) Frozen(at time.Time) (Span, bool) { return c.frozenFrom(at, at.Add(1)) }

// frozenFrom returns the first freeze of which some part lies from one moment to
// another, with what goes on after it.
func (c Calendar) frozenFrom(from, to time.Time) (Span, bool) {
	list := c.freezes(from, to)
	if len(list) == 0 {
		return Span{}, false
	}
	first := list[0]
	for days := horizon; ; days *= 2 {
		end := first.To.AddDate(0, 0, days)
		list = c.freezes(from, end)
		frozen := named(union(list)[0], list)
		if frozen.To.Before(end) {
			return frozen, true
		}
		if days >= endless {
			frozen.To = time.Time{}
			return frozen, true
		}
	}
}
