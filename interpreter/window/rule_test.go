package window_test

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/window"
)

// TestRule: when changes are frozen by a rule, in UTC, from one moment on.
func TestRule(t *testing.T) {
	for _, tt := range []struct {
		from, to, zone, rule string
		except               string
		at                   string
		frozen               string // from and to; empty if it is not
	}{
		// The fourth Thursday of November and the day after, each year.
		{"2026-11-26", "2026-11-27", "America/New_York", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "", "2027-11-26 12:00", "2027-11-25 05:00 2027-11-27 05:00"},
		{"2026-11-26", "2026-11-27", "America/New_York", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "", "2027-11-27 06:00", ""},
		{"2026-11-26", "2026-11-27", "America/New_York", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "2027-11-25", "2027-11-26 12:00", ""},
		{"2026-11-26", "2026-11-27", "America/New_York", "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", "", "2025-11-27 12:00", ""}, // before the first
		// Fridays from 16:00 in Berlin, over both changes of its clocks.
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-03-27 18:00", "2026-03-27 15:00 2026-03-27 19:00"},
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-04-03 14:30", "2026-04-03 14:00 2026-04-03 18:00"},
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-10-30 14:30", ""},
		// What begins in the hour that clocks leave out begins as they jump; a night is as long as its clocks say.
		{"2026-01-04 02:30", "2026-01-04 06:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-03-29 01:00", "2026-03-29 01:00 2026-03-29 04:00"},
		{"2026-01-04 02:30", "2026-01-04 06:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-03-29 00:59", ""},
		{"2026-01-03 22:00", "2026-01-04 06:00", "Europe/Berlin", "FREQ=WEEKLY", "", "2026-10-25 04:30", "2026-10-24 20:00 2026-10-25 05:00"},
		// Ends: a moment, a day, a number.
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY;UNTIL=20260403T140000Z", "", "2026-04-03 15:00", "2026-04-03 14:00 2026-04-03 18:00"},
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY;UNTIL=20260403T135959Z", "", "2026-04-03 15:00", ""},
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "FREQ=WEEKLY;UNTIL=20260403", "", "2026-04-03 15:00", "2026-04-03 14:00 2026-04-03 18:00"},
		{"2026-01-02 16:00", "2026-01-02 20:00", "Europe/Berlin", "RRULE:FREQ=WEEKLY;COUNT=2", "", "2026-01-16 15:30", ""},
	} {
		span, err := window.Freeze(tt.from, tt.to, tt.zone, "why")
		if err != nil {
			t.Fatal(err)
		}
		var except []time.Time
		if tt.except != "" {
			left, err := window.Freeze(tt.except, tt.except, tt.zone, "")
			if err != nil {
				t.Fatal(err)
			}
			except = append(except, left.From)
		}
		rule, err := window.NewRule(span, tt.rule, except...)
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		c := window.Calendar{Rules: []window.Rule{rule}}
		got := ""
		if f, frozen := c.Frozen(at(t, tt.at)); frozen {
			got = f.From.UTC().Format("2006-01-02 15:04 ") + f.To.UTC().Format("2006-01-02 15:04")
		}
		if got != tt.frozen {
			t.Errorf("%s from %s %s at %s: frozen %q, want %q", tt.rule, tt.from, tt.zone, tt.at, got, tt.frozen)
		}
	}
	span, _ := window.Freeze("2026-01-02", "2026-01-02", "", "why")
	for rule, want := range map[string]string{"FREQ=MINUTELY": "more than once a day", "every Friday": "write FREQ=YEARLY",
		"FREQ=DAILY;COUNT=0": "COUNT is 1 or more", "FREQ=DAILY;INTERVAL=0": "INTERVAL is 1 or more", "RRULE:INTERVAL=-1;FREQ=DAILY": "INTERVAL is 1 or more"} {
		if _, err := window.NewRule(span, rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// TestClosed: why nothing starts.
func TestClosed(t *testing.T) {
	open := calendar(t, "Sun 01:00-05:00 Europe/Berlin")
	freeze, err := window.Freeze("2026-12-20", "2027-01-03", "Europe/Berlin", "the end of the year")
	if err != nil {
		t.Fatal(err)
	}
	frozen := window.Calendar{Freezes: []window.Span{freeze}}
	day, err := window.Freeze("2026-12-20", "2026-12-20", "UTC", "the audit")
	if err != nil {
		t.Fatal(err)
	}
	daily := func(rule string) window.Calendar {
		r, err := window.NewRule(day, rule)
		if err != nil {
			t.Fatal(err)
		}
		return window.Calendar{Rules: []window.Rule{r}}
	}
	forever, sundays := daily("FREQ=DAILY"), daily("FREQ=DAILY")
	sundays.Windows = open.Windows
	for _, tt := range []struct {
		c     window.Calendar
		at    string
		needs time.Duration
		want  string
	}{
		{open, "2026-03-29 00:30", time.Hour, ""},
		{open, "2026-03-29 00:30", 150 * time.Minute, ""}, // the hour that is left out is not in it
		{open, "2026-03-29 00:30", 151 * time.Minute, "the window Sun 01:00-05:00 Europe/Berlin closes Sun 2026-03-29 05:00 CEST, in 2h30m, and 2h31m are needed; the next one"},
		{open, "2026-10-25 00:00", 4 * time.Hour, ""}, // the one that is shown twice is
		{open, "2026-10-25 04:00", 0, "outside of every window; the next one, Sun 01:00-05:00 Europe/Berlin, opens Sun 2026-11-01 01:00 CET"},
		{frozen, "2026-12-19 22:00", time.Hour, ""},
		{frozen, "2026-12-19 22:00", 2 * time.Hour, "changes are frozen from Sun 2026-12-20 00:00 CET to Mon 2027-01-04 00:00 CET (the end of the year), in 1h, and 2h are needed"},
		{frozen, "2027-01-03 22:59", 0, "it is Sun 2027-01-03 23:59 CET, and changes are frozen until Mon 2027-01-04 00:00 CET (the end of the year)"},
		{frozen, "2027-01-03 23:00", time.Hour, ""},
		{forever, "2027-01-03 23:00", 0, "it is Sun 2027-01-03 23:00 UTC, and changes are frozen without an end, as it repeats (the audit)"},
		{forever, "2026-12-19 23:00", 2 * time.Hour, "changes are frozen from Sun 2026-12-20 00:00 UTC without an end, as it repeats (the audit), in 1h, and 2h are needed"},
		{sundays, "2027-01-03 23:00", 0, "and changes are frozen without an end, as it repeats (the audit); none opens within three years"},
		{daily("FREQ=DAILY;UNTIL=20301231"), "2027-01-03 23:00", 0, "changes are frozen until Wed 2031-01-01 00:00 UTC (the audit)"},
	} {
		got := tt.c.Closed(at(t, tt.at), tt.needs)
		if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("at %s for %s: %q, want %q", tt.at, tt.needs, got, tt.want)
		}
	}
}
