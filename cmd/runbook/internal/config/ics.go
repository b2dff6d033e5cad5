package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// readICS returns the events of an iCalendar file (RFC 5545): windows or freezes.
// zone has the clocks of days and times that name none; those that its calendar in the
// file names for itself if it is "", and UTC if that names none either. Whatever says when
// something is, and is not understood, is an error with its line.
func readICS(path, zone string) ([]window.Rule, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	rules, err := rulesOf(string(text), zone)
	if err != nil {
		return nil, fmt.Errorf("read the calendar %s: %w", path, err)
	}
	return rules, nil
}

func rulesOf(text, zone string) ([]window.Rule, error) {
	lines, err := icsLines(text)
	if err != nil {
		return nil, err
	}
	file, err := icsComponents(lines)
	if err != nil {
		return nil, err
	}
	if _, err := effect.Zone(zone); err != nil {
		return nil, err
	}
	for _, l := range file.zones {
		if _, err := effect.Zone(strings.TrimSpace(l.value)); err != nil && zone == "" {
			return nil, l.errorf("%w; name a zone of the IANA database, or one beside ics", err)
		}
	}
	series := map[string]*icsSeries{}
	var order []*icsSeries
	for _, e := range file.events {
		if _, moved := e.one["RECURRENCE-ID"]; moved {
			continue
		}
		s, err := e.series(file.zone(zone, e))
		if err != nil {
			return nil, err
		}
		if uid := e.one["UID"].value; uid != "" {
			if other := series[uid]; other != nil {
				return nil, e.one["UID"].errorf("line %d has an event with the same one: which of them counts?", other.line)
			}
			series[uid] = s
		}
		order = append(order, s)
	}
	var rules []window.Rule
	for _, e := range file.events {
		id, moved := e.one["RECURRENCE-ID"]
		if !moved {
			continue
		}
		at, err := id.moment(file.zone(zone, e))
		if err != nil {
			return nil, err
		}
		of := series[e.one["UID"].value]
		if of == nil {
			return nil, id.errorf("the event that it moves an instance of is not in the file (UID %s)", e.one["UID"].value)
		}
		if err := of.leaveOut(id, at, true); err != nil {
			return nil, err
		}
		s, err := e.series(file.zone(zone, e))
		if err != nil {
			return nil, err
		}
		if !s.canceled {
			rules = append(rules, s.rule)
		}
	}
	for _, s := range order {
		if !s.canceled {
			rules = append(rules, s.rule)
		}
	}
	if len(file.events) == 0 {
		return nil, errors.New("it holds no event")
	}
	if len(rules) == 0 { // a calendar without windows would be open always
		return nil, errors.New("all its events are canceled")
	}
	return rules, nil
}

// icsSeries is an event with its repetitions.
type icsSeries struct {
	line     int
	rule     window.Rule
	allDay   bool
	canceled bool
}

// leaveOut takes out the repetition that a line names.
func (s *icsSeries) leaveOut(l icsLine, m icsMoment, must bool) error {
	if m.allDay != s.allDay {
		return l.errorf("the event of line %d begins with a %s, this is a %s", s.line, icsKind(s.allDay), icsKind(m.allDay))
	}
	exactly, sameDay := s.rule.Begins(m.at)
	switch {
	case !exactly && !sameDay.IsZero():
		return l.errorf("no repetition begins %s, one on that day does at %s: is the time zone right?",
			m.at.UTC().Format(time.RFC3339), sameDay.UTC().Format(time.RFC3339))
	case !exactly && must:
		return l.errorf("no repetition of the event of line %d begins %s", s.line, m.at.UTC().Format(time.RFC3339))
	}
	s.rule = s.rule.Except(m.at)
	return nil
}

func icsKind(allDay bool) string {
	if allDay {
		return "date"
	}
	return "time"
}

// series reads an event: when it is, and when it comes again.
func (e icsEvent) series(zone string) (*icsSeries, error) {
	s := &icsSeries{line: e.line}
	switch status := e.one["STATUS"]; strings.ToUpper(status.value) {
	case "", "CONFIRMED":
	case "CANCELLED":
		s.canceled = true
	case "TENTATIVE":
		return nil, status.errorf("it is tentative: whether changes may be made then has to be sure; confirm it, or take it out")
	default:
		return nil, status.errorf("%q is not understood", status.value)
	}
	begins, ok := e.one["DTSTART"]
	if !ok {
		return nil, fmt.Errorf("line %d: the event (%s) has no beginning (DTSTART)", e.line, e.title())
	}
	from, err := begins.moment(zone)
	if err != nil {
		return nil, err
	}
	s.allDay = from.allDay
	to, lasting, err := e.end(from, zone)
	if err != nil {
		return nil, err
	}
	span, err := window.Between(from.at, to, from.zone, e.title())
	if err != nil {
		return nil, begins.errorf("%w", err)
	}
	s.rule = window.Once(span)
	if again, ok := e.one["RRULE"]; ok {
		if s.rule, err = window.NewRule(span, again.value); err != nil {
			return nil, again.errorf("%w", err)
		}
	}
	if lasting {
		s.rule = s.rule.Lasting()
	}
	return s, e.dates(s, zone)
}

// dates reads the repetitions that no rule gives, and those that it gives and that
// are left out.
func (e icsEvent) dates(s *icsSeries, zone string) error {
	for _, l := range e.several["RDATE"] {
		list, err := l.moments(zone)
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.allDay != s.allDay {
				return l.errorf("the event begins with a %s, this is a %s", icsKind(s.allDay), icsKind(m.allDay))
			}
			s.rule = s.rule.And(m.at)
		}
	}
	for _, l := range e.several["EXDATE"] {
		list, err := l.moments(zone)
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := s.leaveOut(l, m, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// end returns when the first repetition ends, and whether all last for the same
// time, rather than until the same time of day.
func (e icsEvent) end(from icsMoment, zone string) (to time.Time, lasting bool, err error) {
	ends, hasEnd := e.one["DTEND"]
	length, hasLength := e.one["DURATION"]
	switch {
	case hasEnd && hasLength:
		return to, false, length.errorf("the event has an end (DTEND) as well: leave one of the two out")
	case hasEnd:
		m, err := ends.moment(zone)
		if err == nil && m.allDay != from.allDay {
			err = ends.errorf("the event begins with a %s, and ends with a %s", icsKind(from.allDay), icsKind(m.allDay))
		}
		return m.at, false, err
	case hasLength:
		days, rest, err := length.duration()
		if err == nil && from.allDay && rest != 0 {
			err = length.errorf("the event is of whole days: write P1D")
		}
		if err != nil {
			return to, false, err
		}
		z, err := effect.Zone(from.zone)
		if err != nil {
			return to, false, err
		}
		t := from.at.In(z)
		to = effect.LocalTime(t.Year(), t.Month(), t.Day()+days, t.Hour(), t.Minute(), t.Second(), 0, z)
		return to.Add(rest), days == 0, nil
	case from.allDay:
		z, err := effect.Zone(from.zone)
		if err != nil {
			return to, false, err
		}
		year, month, day := from.at.In(z).Date()
		return effect.LocalTime(year, month, day+1, 0, 0, 0, 0, z), false, nil
	}
	return to, false, fmt.Errorf("line %d: the event (%s) has no end: write DTEND or DURATION", e.line, e.title())
}
