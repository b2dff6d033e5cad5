package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"

	ics "github.com/arran4/golang-ical"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// readICS returns the events of an iCalendar file (RFC 5545), each of which is a
// freeze. Times without a zone are UTC.
func readICS(path string) ([]window.Rule, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	file, err := ics.ParseCalendar(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("read the calendar %s: %w", path, err)
	}
	var rules []window.Rule
	for i, event := range file.Events() {
		rule, err := freezeOf(event)
		if err != nil {
			return nil, fmt.Errorf("read the calendar %s: event %d (%s): %w", path, i+1, textOf(event, ics.ComponentPropertySummary), err)
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("the calendar %s holds no event", path)
	}
	return rules, nil
}

func freezeOf(event *ics.VEvent) (window.Rule, error) {
	var none window.Rule
	if event.GetProperty(ics.ComponentPropertyRecurrenceId) != nil || event.GetProperty(ics.ComponentPropertyRdate) != nil {
		return none, errors.New("one that is moved (RECURRENCE-ID), or dates by a list (RDATE), are not understood: write it as an event of its own")
	}
	begins := event.GetProperty(ics.ComponentPropertyDtStart)
	if begins == nil {
		return none, errors.New("it has no beginning (DTSTART)")
	}
	from, allDay, err := icsTime(begins, begins.Value)
	if err != nil {
		return none, err
	}
	zone := ""
	if id := begins.ICalParameters["TZID"]; len(id) > 0 {
		zone = id[0]
	}
	ends := event.GetProperty(ics.ComponentPropertyDtEnd)
	var to time.Time
	switch {
	case ends != nil:
		if to, _, err = icsTime(ends, ends.Value); err != nil {
			return none, err
		}
	case allDay:
		to = from.AddDate(0, 0, 1)
	default:
		return none, errors.New("it has no end (DTEND)")
	}
	span, err := window.Between(from, to, zone, textOf(event, ics.ComponentPropertySummary))
	if err != nil {
		return none, err
	}
	var except []time.Time
	for _, p := range event.GetProperties(ics.ComponentPropertyExdate) {
		for _, value := range strings.Split(p.Value, ",") {
			at, _, err := icsTime(p, value)
			if err != nil {
				return none, err
			}
			except = append(except, at)
		}
	}
	rule := "FREQ=DAILY;COUNT=1"
	if p := event.GetProperty(ics.ComponentPropertyRrule); p != nil {
		rule = p.Value
	}
	return window.NewRule(span, rule, except...)
}

// icsTime reads a DATE or a DATE-TIME in the zone of its property.
func icsTime(p *ics.IANAProperty, value string) (at time.Time, allDay bool, err error) {
	zone := time.UTC
	if id := p.ICalParameters["TZID"]; len(id) > 0 {
		if zone, err = effect.Zone(id[0]); err != nil {
			return at, false, fmt.Errorf("%s: %w", p.IANAToken, err)
		}
	}
	for _, layout := range []string{"20060102T150405Z", "20060102T150405", "20060102"} {
		if t, err := time.Parse(layout, value); err == nil {
			if strings.HasSuffix(layout, "Z") {
				return t, false, nil
			}
			return effect.LocalTime(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone), !strings.Contains(layout, "T"), nil
		}
	}
	return at, false, fmt.Errorf("%s: %q is no time", p.IANAToken, value)
}

func textOf(event *ics.VEvent, property ics.ComponentProperty) string {
	if p := event.GetProperty(property); p != nil && strings.TrimSpace(p.Value) != "" {
		return p.Value
	}
	return "no reason given"
}
