package window

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
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
	exact  bool          // length is what passes, whatever clocks do meanwhile
	rule   *rrule.RRule  // of times as clocks show them, taken for UTC; nil for none
	dates  []time.Time   // of that kind: beginnings that no rule gives
	except map[time.Time]bool
}

// Once returns a span that does not come again by a rule.
func Once(first Span) Rule {
	r := Rule{first: first, except: map[time.Time]bool{}}
	r.length = r.shown(first.To).Sub(r.shown(first.From))
	return r
}

// NewRule returns a span and its repetitions, without those that begin at one of
// the exceptions.
func NewRule(first Span, text string, except ...time.Time) (Rule, error) {
	r := Once(first)
	text = strings.TrimPrefix(strings.TrimSpace(text), "RRULE:")
	o, err := rrule.StrToROption(text)
	if err != nil {
		return r, fmt.Errorf("rule %q: %w; write FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", text, err)
	}
	for _, part := range strings.Split(text, ";") { // the library takes 0 for what is not given
		key, value, _ := strings.Cut(part, "=")
		if n, err := strconv.Atoi(value); (key == "COUNT" || key == "INTERVAL") && (err != nil || n < 1) {
			return r, fmt.Errorf("rule %q: %s is 1 or more", text, key)
		}
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
	return r.Except(except...), nil
}

// Except returns the rule without those of its repetitions that begin at these
// moments.
func (r Rule) Except(moments ...time.Time) Rule {
	r.except = maps.Clone(r.except)
	for _, at := range moments {
		r.except[r.shown(at)] = true
	}
	return r
}

// And returns the rule with repetitions that begin at these moments beside its own.
func (r Rule) And(moments ...time.Time) Rule {
	r.dates = slices.Clone(r.dates)
	for _, at := range moments {
		r.dates = append(r.dates, r.shown(at))
	}
	return r
}

// Lasting returns the rule with repetitions that each last as long as the first
// does, rather than until the same time of day.
func (r Rule) Lasting() Rule {
	r.exact, r.length = true, r.first.To.Sub(r.first.From)
	return r
}

// Begins says whether one of the repetitions begins at a moment, and if not, when
// one does on the same day; exceptions count as repetitions.
func (r Rule) Begins(at time.Time) (exactly bool, sameDay time.Time) {
	want := r.shown(at)
	for _, shown := range r.beginnings(want.Add(-24*time.Hour), want.Add(24*time.Hour)) {
		if shown.Equal(want) {
			return true, time.Time{}
		}
		if shown.YearDay() == want.YearDay() && shown.Year() == want.Year() {
			sameDay = r.moment(shown)
		}
	}
	return false, sameDay
}

// beginnings returns when the repetitions of a time begin, as clocks show it,
// once each; also the exceptions.
func (r Rule) beginnings(from, to time.Time) []time.Time {
	list := append([]time.Time{r.shown(r.first.From)}, r.dates...) // the first counts, whatever the rule says
	if r.rule != nil {
		list = append(list, r.rule.Between(from, to, true)...)
	}
	slices.SortFunc(list, time.Time.Compare)
	return slices.CompactFunc(list, time.Time.Equal)
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
	for _, shown := range r.beginnings(from.UTC().Add(-r.length-slack), to.UTC().Add(slack)) {
		s := Span{From: r.moment(shown), Why: r.first.Why, zone: r.first.zone}
		if s.To = r.moment(shown.Add(r.length)); r.exact {
			s.To = s.From.Add(r.length)
		}
		if !r.except[shown] && s.From.Before(s.To) && s.From.Before(to) && from.Before(s.To) {
			list = append(list, s)
		}
	}
	return list
}
