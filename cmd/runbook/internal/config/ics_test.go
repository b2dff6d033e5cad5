package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/window"
)

// inFile puts the lines of events, by blanks, into a file of iCalendar.
func inFile(events ...string) string {
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n"
	for _, e := range events {
		text += "BEGIN:VEVENT\n" + strings.ReplaceAll(e, " ", "\n") + "\nEND:VEVENT\n"
	}
	return text + "END:VCALENDAR\n"
}

// TestICS: when a calendar is open by the events of a file, in UTC.
func TestICS(t *testing.T) {
	weekly := "UID:a DTSTART;TZID=Europe/Berlin:20260302T020000 DTEND;TZID=Europe/Berlin:20260302T040000 RRULE:FREQ=WEEKLY"
	for _, tt := range []struct {
		name, zone, text, at string
		open                 string // from and to; empty if it is not
	}{
		{"winter", "", inFile(weekly), "2026-03-09 01:30", "01:00 03:00"},
		{"summer: an hour earlier by UTC", "", inFile(weekly), "2026-03-30 00:30", "00:00 02:00"},
		{"summer: closed as it was open in winter", "", inFile(weekly), "2026-03-30 02:30", ""},
		{"EXDATE", "", inFile(weekly + " EXDATE;TZID=Europe/Berlin:20260309T020000,20260330T020000"), "2026-03-09 01:30", ""},
		{"EXDATE in UTC", "", inFile(weekly + " EXDATE:20260330T000000Z"), "2026-03-30 00:30", ""},
		{"RDATE", "", inFile(weekly + " RDATE;TZID=Europe/Berlin:20260401T100000"), "2026-04-01 08:30", "08:00 10:00"},
		{"RDATE and no rule", "", inFile("UID:a DTSTART:20260302T020000Z DTEND:20260302T040000Z RDATE:20260310T100000Z"), "2026-03-10 11:59", "10:00 12:00"},
		{"the first counts beside RDATE", "", inFile("UID:a DTSTART:20260302T020000Z DTEND:20260302T040000Z RDATE:20260310T100000Z"), "2026-03-02 02:00", "02:00 04:00"},
		{"moved from here", "", inFile(weekly, "UID:a RECURRENCE-ID;TZID=Europe/Berlin:20260309T020000 DTSTART:20260310T200000Z DTEND:20260310T210000Z"), "2026-03-09 01:30", ""},
		{"moved to here", "", inFile("UID:a RECURRENCE-ID;TZID=Europe/Berlin:20260309T020000 DTSTART:20260310T200000Z DTEND:20260310T210000Z", weekly), "2026-03-10 20:30", "20:00 21:00"},
		{"a moved one that is canceled", "", inFile(weekly, "UID:a STATUS:CANCELLED RECURRENCE-ID:20260309T010000Z DTSTART:20260309T010000Z DTEND:20260309T030000Z"), "2026-03-09 01:30", ""},
		{"the others of a canceled one", "", inFile(weekly, "UID:a STATUS:CANCELLED RECURRENCE-ID:20260309T010000Z DTSTART:20260309T010000Z DTEND:20260309T030000Z"), "2026-03-16 01:30", "01:00 03:00"},
		{"DURATION", "", inFile("UID:a DTSTART:20260302T020000Z DURATION:PT90M"), "2026-03-02 03:29", "02:00 03:30"},
		{"DURATION of a day and time", "", inFile("UID:a DTSTART:20260302T020000Z DURATION:P1DT2H"), "2026-03-03 03:59", "02:00 04:00"},
		// 24 October 2026: clocks go back in the night. Three hours are three hours; until 4 is one more.
		{"DURATION lasts as long as it says", "", inFile("UID:a DTSTART;TZID=Europe/Berlin:20261004T010000 DURATION:PT3H RRULE:FREQ=WEEKLY"), "2026-10-25 01:30", "23:00 02:00"},
		{"DTEND is a time of day", "", inFile("UID:a DTSTART;TZID=Europe/Berlin:20261004T010000 DTEND;TZID=Europe/Berlin:20261004T040000 RRULE:FREQ=WEEKLY"), "2026-10-25 02:30", "23:00 03:00"},
		{"all of a day in UTC", "", inFile("UID:a DTSTART;VALUE=DATE:20260302"), "2026-03-02 23:59", "00:00 00:00"},
		{"all of a day by the zone of the configuration", "Europe/Berlin", inFile("UID:a DTSTART;VALUE=DATE:20260302"), "2026-03-01 23:30", "23:00 23:00"},
		{"all of a day by the zone of the file", "", strings.Replace(inFile("UID:a DTSTART;VALUE=DATE:20260302"), "PRODID:x", "X-WR-TIMEZONE:Europe/Berlin", 1), "2026-03-01 23:30", "23:00 23:00"},
		{"the day on which clocks change has 23 hours", "Europe/Berlin", inFile("UID:a DTSTART;VALUE=DATE:20260329"), "2026-03-29 21:30", "23:00 22:00"},
		{"folded, with CR LF", "", strings.ReplaceAll(strings.Replace(inFile("DTSTART;TZID=Europe/Berlin:20260302T020000 DURATION:PT1H"), "/Ber", "/\n Ber", 1), "\n", "\r\n"),
			"2026-03-02 01:30", "01:00 02:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules, err := rulesOf(tt.text, tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			c := window.Calendar{Events: rules}
			at, err := time.Parse("2006-01-02 15:04", tt.at)
			if err != nil {
				t.Fatal(err)
			}
			if closed := c.Closed(at, 0); (closed == "") != (tt.open != "") {
				t.Fatalf("closed: %q", closed)
			}
			if tt.open == "" {
				return
			}
			for from := at.Add(-36 * time.Hour); ; from = from.Add(time.Minute) { // the window that holds it, from its first minute
				s, ok := c.Next(from, 0)
				if !ok || s.From.After(at) {
					t.Fatalf("no window holds %s: %s", at, s.From)
				}
				if at.Before(s.To) {
					if got := s.From.UTC().Format("15:04 ") + s.To.UTC().Format("15:04"); got != tt.open {
						t.Errorf("open %s, want %s", got, tt.open)
					}
					return
				}
			}
		})
	}
}

// TestICSThatIsNotUnderstood: what says when something is, and is not understood,
// is an error that names its line.
func TestICSThatIsNotUnderstood(t *testing.T) {
	once := "UID:a DTSTART:20260302T020000Z DTEND:20260302T040000Z"
	for _, tt := range []struct{ text, want string }{
		{inFile(once + " RDATE;VALUE=PERIOD:20260310T100000Z/PT1H"), "line 8: RDATE: periods are not understood"},
		{inFile(once+" RRULE:FREQ=DAILY", "UID:a RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T020000Z DTSTART:20260303T030000Z DTEND:20260303T040000Z"), "line 12: RECURRENCE-ID: a change of all that follows"},
		{inFile(once+" RRULE:FREQ=DAILY", "UID:a RECURRENCE-ID:20260303T030000Z DTSTART:20260303T030000Z DTEND:20260303T040000Z"), "line 12: RECURRENCE-ID: no repetition begins 2026-03-03T03:00:00Z, one on that day does at 2026-03-03T02:00:00Z: is the time zone right?"},
		{inFile(once, "UID:b RECURRENCE-ID:20260303T030000Z DTSTART:20260303T030000Z DTEND:20260303T040000Z"), "line 11: RECURRENCE-ID: the event that it moves an instance of is not in the file"},
		{inFile(once + " RRULE:FREQ=DAILY EXDATE;VALUE=DATE:20260303"), "line 9: EXDATE: the event of line 4 begins with a time, this is a date"},
		{inFile(once + " RRULE:FREQ=DAILY EXDATE:20260303T030000Z"), "line 9: EXDATE: no repetition begins"},
		{inFile(once + " RRULE:FREQ=SOMETIMES"), "line 8: RRULE: rule"},
		{inFile(once + " RRULE:FREQ=DAILY;RSCALE=CHINESE"), "line 8: RRULE: rule"},
		{inFile(once + " RRULE:FREQ=DAILY RRULE:FREQ=WEEKLY"), "line 9: RRULE: it stands twice in one event, in line 8 as well"},
		{inFile(once + " EXRULE:FREQ=DAILY"), "line 8: EXRULE: it is not understood"},
		{inFile(once + " DURATION:PT1H"), "line 8: DURATION: the event has an end (DTEND) as well"},
		{inFile("DTSTART:20260302T020000Z DURATION:1H"), `line 6: DURATION: "1H" is no duration; write PT2H, P1D or P1W`},
		{inFile("DTSTART:20260302T020000Z"), "line 4: the event (an event without a title) has no end: write DTEND or DURATION"},
		{inFile("DTSTART;VALUE=DATE:20260302 DURATION:PT1H"), "line 6: DURATION: the event is of whole days"},
		{inFile("DTSTART:20260302T020000Z DTEND;VALUE=DATE:20260303"), "line 6: DTEND: the event begins with a time, and ends with a date"},
		{inFile("DTSTART:20260302T020000Z DTEND:20260302T010000Z"), "line 5: DTSTART: it ends before it begins"},
		{inFile("DTSTART;TZID=Mitteleuropa:20260302T020000 DURATION:PT1H"), "line 5: DTSTART:"},
		{inFile("DTSTART;SOON=yes:20260302T020000 DURATION:PT1H"), "line 5: DTSTART: SOON=yes is not understood"},
		{inFile("DTSTART:2026-03-02 DURATION:PT1H"), `line 5: DTSTART: "2026-03-02" is no time`},
		{inFile("DTEND:20260302T010000Z"), "line 4: the event (an event without a title) has no beginning (DTSTART)"},
		{inFile(once + " STATUS:TENTATIVE"), "line 8: STATUS: it is tentative"},
		{inFile(once + " STATUS:CANCELLED"), "all its events are canceled"},
		{inFile(once, once), "line 10: UID: line 4 has an event with the same one"},
		{strings.ReplaceAll(inFile(once), "VEVENT", "VTODO"), "line 4: BEGIN: VTODO is not understood here"},
		{strings.Replace(inFile(once), "END:VEVENT\n", "", 1), "END: VCALENDAR ends, and it is not what was begun last"},
		{strings.Replace(inFile(once), "END:VCALENDAR\n", "", 1), "line 1: BEGIN: VCALENDAR does not end"},
		{strings.Replace(inFile(once), "PRODID:x", "METHOD:CANCEL", 1), "line 3: METHOD: the file takes events back"},
		{strings.Replace(inFile(once), "PRODID:x", "CALSCALE:JULIAN", 1), `line 3: CALSCALE: "JULIAN" is not understood`},
		{strings.Replace(inFile(once), "PRODID:x", "PRODID", 1), `line 3: "PRODID" is no line of a calendar`},
		{inFile(), "it holds no event"},
		{"", "it holds no event"},
	} {
		if _, err := rulesOf(tt.text, ""); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\n%v, want %q", tt.text, err, tt.want)
		}
	}
}

// TestICSFoldedInACharacter: lines are folded by octets (RFC 5545, 3.1).
func TestICSFoldedInACharacter(t *testing.T) {
	text := strings.ReplaceAll(inFile("UID:a SUMMARY:Jährlich DTSTART:20260302T020000Z DURATION:PT1H"), "\n", "\r\n")
	folded := strings.Replace(text, "ä", "\xc3\r\n \xa4", 1)
	rules, err := rulesOf(folded, "")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 2, 30, 0, 0, time.UTC)
	if s, ok := (window.Calendar{Events: rules}).Next(at, 0); !ok || s.Why != "Jährlich" {
		t.Errorf("%t, %q", ok, s.Why)
	}
	if _, err := rulesOf(strings.Replace(text, "ä", "\xe4", 1), ""); err == nil || err.Error() != "line 6: it is not in UTF-8" {
		t.Errorf("Latin-1: %v", err)
	}
}

// TestICSOfSeveralCalendars: each has the clocks that it names itself.
func TestICSOfSeveralCalendars(t *testing.T) {
	in := func(zone, event string) string {
		return strings.Replace(inFile(event), "PRODID:x\n", zone, 1)
	}
	text := in("X-WR-TIMEZONE:Europe/Berlin\n", "UID:a DTSTART:20260302T100000 DURATION:PT1H RRULE:FREQ=DAILY") +
		in("X-WR-TIMEZONE:America/New_York\n", "UID:b DTSTART:20260302T100000 DURATION:PT1H") +
		in("", "UID:c DTSTART:20260302T100000 DURATION:PT1H") +
		in("X-WR-TIMEZONE:Europe/Berlin\n", "UID:a RECURRENCE-ID:20260304T100000 DTSTART:20260304T120000 DURATION:PT1H")
	for _, tt := range []struct{ zone, open string }{{"", "09 10 15 33 59"}, {"Asia/Tokyo", "01 25 51"}} {
		rules, err := rulesOf(text, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		c := window.Calendar{Events: rules}
		var open []string
		begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		for h := range 72 {
			if c.Closed(begin.Add(time.Duration(h)*time.Hour+time.Minute), 0) == "" {
				open = append(open, fmt.Sprintf("%02d", h))
			}
		}
		if got := strings.Join(open, " "); got != tt.open {
			t.Errorf("zone %q: open in the hours %s, want %s", tt.zone, got, tt.open)
		}
	}
	for want, text := range map[string]string{
		"line 4: X-WR-TIMEZONE: it stands twice in one calendar, in line 3 as well": in("X-WR-TIMEZONE:UTC\nX-WR-TIMEZONE:Europe/Berlin\n", "UID:a DTSTART:20260302T100000 DURATION:PT1H"),
		"line 3: X-WR-TIMEZONE: ": in("X-WR-TIMEZONE:Mitteleuropa\n", "UID:a DTSTART:20260302T100000 DURATION:PT1H"),
	} {
		if _, err := rulesOf(text, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
