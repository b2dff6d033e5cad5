package window

import (
	"fmt"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Rule is a span that comes again by a rule of RFC 5545 (RRULE). The rule goes by
// what clocks of the span's zone show, so that a span keeps its time of day when
// they change.
type Rule struct {
	first  Span
	length time.Duration // by those clocks
	rule   *rrule.RRule  // of times as clocks show them, taken for UTC
	except map[time.Time]bool
}

// NewRule returns a span and its repetitions, without those that begin at one of
// the exceptions.
func NewRule(first Span, text string, except ...time.Time) (Rule, error) {
	r := Rule{first: first, except: map[time.Time]bool{}}
	text = strings.TrimPrefix(strings.TrimSpace(text), "RRULE:")
	o, err := rrule.StrToROption(text)
	if err != nil {
		return r, fmt.Errorf("rule %q: %w; write FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", text, err)
	}
	if o.Freq > rrule.DAILY {
		return r, fmt.Errorf("rule %q: it repeats more than once a day", text)
	}
	o.Dtstart = r.shown(first.From)
	if _, until, ok := strings.Cut(text, "UNTIL="); ok {
		until, _, _ = strings.Cut(until, ";")
		switch {
		case strings.HasSuffix(until, "Z"):
			o.Until = r.shown(o.Until)
		case !strings.Contains(until, "T"): // all of that day
			o.Until = o.Until.Add(24*time.Hour - time.Second)
		}
	}
	if r.rule, err = rrule.NewRRule(*o); err != nil {
		return r, fmt.Errorf("rule %q: %w", text, err)
	}
	r.length = r.shown(first.To).Sub(o.Dtstart)
	for _, at := range except {
		r.except[r.shown(at)] = true
	}
	return r, nil
}

// shown is a moment as the span's clocks show it, as if they were in UTC.
func (r Rule) shown(t time.Time) time.Time {
	t = r.first.In(t)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// moment is when the span's clocks show that.
func (r Rule) moment(shown time.Time) time.Time {
	zone := r.first.zone
	if zone == nil {
		return shown
	}
	return effect.LocalTime(shown.Year(), shown.Month(), shown.Day(), shown.Hour(), shown.Minute(), shown.Second(), 0, zone)
}

// between returns the repetitions of which some part lies from one moment to
// another, in order.
func (r Rule) between(from, to time.Time) []Span {
	const slack = 48 * time.Hour // clocks and UTC
	var list []Span
	add := func(shown time.Time) {
		s := Span{From: r.moment(shown), To: r.moment(shown.Add(r.length)), Why: r.first.Why, zone: r.first.zone}
		if !r.except[shown] && s.From.Before(to) && from.Before(s.To) {
			list = append(list, s)
		}
	}
	begin := r.shown(r.first.From) // it counts, whatever the rule says
	add(begin)
	for _, shown := range r.rule.Between(from.UTC().Add(-r.length-slack), to.UTC().Add(slack), true) {
		if !shown.Equal(begin) {
			add(shown)
		}
	}
	return list
}
