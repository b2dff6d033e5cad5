package config

import (
	"strings"
)

// icsFile is what an iCalendar file says of when something is. It may hold several
// calendars.
type icsFile struct {
	zones  []icsLine // by calendar: that of times that name none; without a name if there is none
	events []icsEvent
}

// zone has the clocks of an event's times that name none: those that the reader
// was told, or else those of its calendar; "" if neither says any.
func (f *icsFile) zone(told string, e icsEvent) string {
	if told != "" {
		return told
	}
	return strings.TrimSpace(f.zones[e.calendar].value)
}

// icsEvent holds the lines of a VEVENT that say when it is, and what it is called.
type icsEvent struct {
	line     int
	calendar int                  // of the file
	one      map[string]icsLine   // those that stand once
	several  map[string][]icsLine // RDATE, EXDATE
}

func (e icsEvent) title() string {
	if text := icsText(e.one["SUMMARY"].value); text != "" {
		return text
	}
	return "an event without a title"
}

// icsComponents reads the structure of a file. What says when something is, and is
// not an event, is refused; definitions of time zones are left out, because zones
// go by their names.
func icsComponents(lines []icsLine) (*icsFile, error) {
	file := &icsFile{}
	var open []icsLine
	for _, l := range lines {
		inside := ""
		for _, o := range open {
			inside += "/" + strings.ToUpper(o.value)
		}
		switch l.name {
		case "BEGIN":
			if err := file.begin(inside, l); err != nil {
				return nil, err
			}
			open = append(open, l)
			continue
		case "END":
			if len(open) == 0 || !strings.EqualFold(open[len(open)-1].value, l.value) {
				return nil, l.errorf("%s ends, and it is not what was begun last", l.value)
			}
			open = open[:len(open)-1]
			continue
		}
		switch inside {
		case "":
			return nil, l.errorf("it stands outside of BEGIN:VCALENDAR")
		case "/VCALENDAR":
			if err := file.property(l); err != nil {
				return nil, err
			}
		case "/VCALENDAR/VEVENT":
			if err := file.events[len(file.events)-1].property(l); err != nil {
				return nil, err
			}
		}
	}
	if len(open) > 0 {
		return nil, open[len(open)-1].errorf("%s does not end: a part of the file is missing", open[len(open)-1].value)
	}
	return file, nil
}

// begin takes the beginning of a component inside of others.
func (f *icsFile) begin(inside string, l icsLine) error {
	kind := strings.ToUpper(l.value)
	switch {
	case inside == "" && kind == "VCALENDAR":
		f.zones = append(f.zones, icsLine{})
		return nil
	case inside == "/VCALENDAR" && kind == "VTIMEZONE",
		strings.HasPrefix(inside, "/VCALENDAR/VTIMEZONE"), inside == "/VCALENDAR/VEVENT" && kind == "VALARM", strings.HasPrefix(kind, "X-"):
		return nil
	case inside == "/VCALENDAR" && kind == "VEVENT":
		f.events = append(f.events, icsEvent{line: l.line, calendar: len(f.zones) - 1, one: map[string]icsLine{}, several: map[string][]icsLine{}})
		return nil
	}
	return l.errorf("%s is not understood here: events (VEVENT) of calendars are", kind)
}

// property takes a line of the calendar itself.
func (f *icsFile) property(l icsLine) error {
	switch l.name {
	case "X-WR-TIMEZONE":
		zone := &f.zones[len(f.zones)-1]
		if zone.name != "" {
			return l.errorf("it stands twice in one calendar, in line %d as well", zone.line)
		}
		*zone = l
	case "CALSCALE":
		if !strings.EqualFold(l.value, "GREGORIAN") {
			return l.errorf("%q is not understood: GREGORIAN is", l.value)
		}
	case "METHOD":
		if strings.EqualFold(l.value, "CANCEL") {
			return l.errorf("the file takes events back; it does not say when any is")
		}
	}
	return nil
}

// property takes a line of the event.
func (e icsEvent) property(l icsLine) error {
	switch l.name {
	case "RDATE", "EXDATE":
		e.several[l.name] = append(e.several[l.name], l)
	case "EXRULE":
		return l.errorf("it is not understood: name the dates that are left out (EXDATE)")
	case "DTSTART", "DTEND", "DURATION", "RRULE", "RECURRENCE-ID", "STATUS", "SUMMARY", "UID":
		if other, twice := e.one[l.name]; twice {
			return l.errorf("it stands twice in one event, in line %d as well", other.line)
		}
		e.one[l.name] = l
	}
	return nil
}
