package window_test

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/window"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func calendar(t *testing.T, windows ...string) window.Calendar {
	t.Helper()
	var c window.Calendar
	for _, text := range windows {
		w, err := window.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		c.Windows = append(c.Windows, w)
	}
	return c
}

// TestNext: when it is open next, in UTC.
func TestNext(t *testing.T) {
	for _, tt := range []struct {
		windows  string // by semicolons
		at       string
		needs    time.Duration
		from, to string // empty: never
	}{
		{"Sun 02:00-04:00 UTC", "2026-11-27 01:00", 0, "2026-11-29 02:00", "2026-11-29 04:00"}, // a Friday
		{"Sun 02:00-04:00 UTC", "2026-11-29 02:00", 0, "2026-11-29 02:00", "2026-11-29 04:00"},
		{"Sun 02:00-04:00 UTC", "2026-11-29 03:30", 0, "2026-11-29 03:30", "2026-11-29 04:00"},
		{"Sun 02:00-04:00 UTC", "2026-11-29 03:30", 30 * time.Minute, "2026-11-29 03:30", "2026-11-29 04:00"},
		{"Sun 02:00-04:00 UTC", "2026-11-29 03:30", 31 * time.Minute, "2026-12-06 02:00", "2026-12-06 04:00"},
		{"Sun 02:00-04:00 UTC", "2026-11-29 04:00", 0, "2026-12-06 02:00", "2026-12-06 04:00"},
		{"Sun 02:00-04:00 UTC", "2026-11-29 02:00", 3 * time.Hour, "", ""}, // longer than it is ever open
		{"first Sun 01:00-05:00 UTC", "2026-11-27 01:00", 0, "2026-12-06 01:00", "2026-12-06 05:00"},
		{"first Sun 01:00-05:00 UTC", "2026-11-01 04:59", 0, "2026-11-01 04:59", "2026-11-01 05:00"},
		{"last fri 22:00-02:00 UTC", "2026-02-01 00:00", 0, "2026-02-27 22:00", "2026-02-28 02:00"},
		{"last Sat 22:00-24:00 UTC", "2026-02-01 00:00", 0, "2026-02-28 22:00", "2026-03-01 00:00"},
		{"fourth Sun 00:00-01:00 UTC", "2026-02-01 00:00", 0, "2026-02-22 00:00", "2026-02-22 01:00"},
		// Open over midnight, on the day after the one on which it opened.
		{"daily 22:00-02:00 UTC", "2026-11-27 01:00", 0, "2026-11-27 01:00", "2026-11-27 02:00"},
		{"Mon-Fri 09:00-16:30 UTC", "2026-11-27 17:00", 0, "2026-11-30 09:00", "2026-11-30 16:30"},
		{"Sat,Sun 10:00-11:00 UTC", "2026-11-27 17:00", 0, "2026-11-28 10:00", "2026-11-28 11:00"},
		{"Fri-Mon 10:00-11:00 UTC", "2026-11-30 10:30", 0, "2026-11-30 10:30", "2026-11-30 11:00"},
		// The earlier of two, and of two that open together the one that is open longer.
		{"Sun 02:00-04:00 UTC; first Sun 01:00-05:00 UTC", "2026-11-30 00:00", 0, "2026-12-06 01:00", "2026-12-06 05:00"},
		{"Sun 01:00-02:00 UTC; first Sun 01:00-05:00 UTC", "2026-11-30 00:00", 0, "2026-12-06 01:00", "2026-12-06 05:00"},
		// The clocks of the zone: 2 hours ahead of UTC in summer, 1 in winter.
		{"Mon 09:00-10:00 Europe/Berlin", "2026-07-06 00:00", 0, "2026-07-06 07:00", "2026-07-06 08:00"},
		{"Mon 09:00-10:00 Europe/Berlin", "2026-12-07 00:00", 0, "2026-12-07 08:00", "2026-12-07 09:00"},
		// A day in the zone that is another one in UTC.
		{"Mon 00:00-01:00 Asia/Tokyo", "2026-11-28 00:00", 0, "2026-11-29 15:00", "2026-11-29 16:00"},
		{"Sun 23:00-24:00 America/Los_Angeles", "2026-11-28 00:00", 0, "2026-11-30 07:00", "2026-11-30 08:00"},
		// In spring clocks jump from 2 to 3: what would open in between opens then, and is shorter.
		{"Sun 02:30-04:00 Europe/Berlin", "2026-03-29 00:00", 0, "2026-03-29 01:00", "2026-03-29 02:00"},
		// All of it is left out: the next one counts.
		{"Sun 02:10-02:50 Europe/Berlin", "2026-03-29 00:00", 0, "2026-04-05 00:10", "2026-04-05 00:50"},
		// The same as seen from late in the evening: no day is left out in spring.
		{"Sun 01:00-05:00 Europe/Berlin", "2026-03-27 22:30", 0, "2026-03-29 00:00", "2026-03-29 03:00"},
		// What touches or overlaps is one.
		{"Thu 00:00-24:00 UTC; Fri 00:00-24:00 UTC; Sat 00:00-24:00 UTC", "2026-11-27 14:15", 20 * time.Hour, "2026-11-27 14:15", "2026-11-29 00:00"},
		{"Sat,Sun 00:00-24:00 UTC", "2026-11-27 14:15", 30 * time.Hour, "2026-11-28 00:00", "2026-11-30 00:00"},
		{"Fri 20:00-24:00 UTC; Sat 00:00-02:00 UTC", "2026-11-27 23:00", 2 * time.Hour, "2026-11-27 23:00", "2026-11-28 02:00"},
		{"Fri 20:00-23:00 UTC; Fri 22:00-24:00 UTC", "2026-11-27 12:00", 4 * time.Hour, "2026-11-27 20:00", "2026-11-28 00:00"},
		{"Fri 20:00-23:00 UTC; Fri 23:01-24:00 UTC", "2026-11-27 12:00", 200 * time.Minute, "", ""},
		{"Fri 23:00-24:00 Europe/Berlin; Fri 23:00-24:00 UTC", "2026-11-27 12:00", 2 * time.Hour, "2026-11-27 22:00", "2026-11-28 00:00"},
		// In autumn the hour from 2 to 3 is shown twice: it opens with the first and closes with the first.
		{"Sun 01:00-04:00 Europe/Berlin", "2026-10-24 12:00", 0, "2026-10-24 23:00", "2026-10-25 03:00"},
	} {
		t.Run(tt.windows+" at "+tt.at+" for "+tt.needs.String(), func(t *testing.T) {
			span, ok := calendar(t, strings.Split(tt.windows, "; ")...).Next(at(t, tt.at), tt.needs)
			if tt.from == "" {
				if ok {
					t.Errorf("open from %s to %s", span.From, span.To)
				}
				return
			}
			if !ok || !span.From.Equal(at(t, tt.from)) || !span.To.Equal(at(t, tt.to)) {
				t.Errorf("%t, from %s to %s, want from %s to %s", ok, span.From.UTC(), span.To.UTC(), tt.from, tt.to)
			}
		})
	}
}

// TestNextIsTheFirst: against a search minute by minute.
func TestNextIsTheFirst(t *testing.T) {
	c := calendar(t, "Tue 23:30-00:30 Pacific/Auckland", "first Wed 10:00-10:20 America/New_York", "Sat 12:00-12:10 UTC")
	freeze, err := window.Freeze("2026-03-03 10:40", "2026-03-07 12:05", "UTC", "a fair")
	if err != nil {
		t.Fatal(err)
	}
	c.Freezes = []window.Span{freeze}
	known := map[time.Time]bool{}
	open := func(m time.Time) bool {
		if _, looked := known[m]; !looked {
			s, ok := c.Next(m, time.Minute)
			known[m] = ok && s.From.Equal(m)
		}
		return known[m]
	}
	for begin := at(t, "2026-03-02 00:00"); begin.Before(at(t, "2026-03-12 00:00")); begin = begin.Add(97 * time.Minute) {
		s, ok := c.Next(begin, time.Minute)
		if !ok {
			t.Fatalf("never open after %s", begin)
		}
		m := begin
		for !open(m) {
			m = m.Add(time.Minute)
		}
		if !s.From.Equal(m) {
			t.Fatalf("after %s it opens at %s, and is open at %s", begin, s.From.UTC(), m)
		}
		if _, frozen := c.Frozen(s.From); frozen {
			t.Errorf("%s is frozen", s.From)
		}
	}
}

// TestFreezes cut windows.
func TestFreezes(t *testing.T) {
	c := calendar(t, "Sun 02:00-06:00 UTC")
	for _, f := range []struct{ from, to string }{{"2026-11-29 03:00", "2026-11-29 04:00"}, {"2026-12-05", "2026-12-06"}} {
		span, err := window.Freeze(f.from, f.to, "UTC", "a fair")
		if err != nil {
			t.Fatal(err)
		}
		c.Freezes = append(c.Freezes, span)
	}
	for _, tt := range []struct {
		at       string
		needs    time.Duration
		from, to string
	}{
		{"2026-11-29 02:00", time.Hour, "2026-11-29 02:00", "2026-11-29 03:00"},
		{"2026-11-29 02:30", time.Hour, "2026-11-29 04:00", "2026-11-29 06:00"},
		// All of the 6th is frozen, as its end is a date.
		{"2026-11-29 05:30", time.Hour, "2026-12-13 02:00", "2026-12-13 06:00"},
	} {
		span, ok := c.Next(at(t, tt.at), tt.needs)
		if !ok || !span.From.Equal(at(t, tt.from)) || !span.To.Equal(at(t, tt.to)) {
			t.Errorf("at %s: %t, from %s to %s, want %s to %s", tt.at, ok, span.From, span.To, tt.from, tt.to)
		}
	}
	if f, ok := c.Frozen(at(t, "2026-12-06 23:59")); !ok || f.Why != "a fair" {
		t.Errorf("frozen: %t, %v", ok, f)
	}
	if _, ok := c.Frozen(at(t, "2026-12-07 00:00")); ok {
		t.Error("it is frozen on the day after")
	}
}

// TestOneOfSeveral: what touches or overlaps is told as one, windows and freezes.
func TestOneOfSeveral(t *testing.T) {
	freeze := func(from, to, why string) window.Span {
		span, err := window.Freeze(from, to, "UTC", why)
		if err != nil {
			t.Fatal(err)
		}
		return span
	}
	windows := calendar(t, "Thu 00:00-24:00 UTC", "Fri 00:00-24:00 UTC", "Sat 00:00-24:00 UTC", "Sat 10:00-11:00 UTC")
	cut := windows
	cut.Freezes = []window.Span{freeze("2026-11-28", "2026-11-29", "a sale"), freeze("2026-11-29 12:00", "2026-12-01", "the audit"), freeze("2026-12-02", "2026-12-02", "a sale")}
	frozen := window.Calendar{Freezes: cut.Freezes}
	for _, tt := range []struct {
		calendar window.Calendar
		at       string
		needs    time.Duration
		want     string
	}{
		{windows, "2026-11-27 14:15", 40 * time.Hour, "the window Fri 00:00-24:00 UTC and Sat 00:00-24:00 UTC closes Sun 2026-11-29 00:00 UTC, in 1d9h45m, and 1d16h are needed; " +
			"the next one, Thu 00:00-24:00 UTC, Fri 00:00-24:00 UTC and Sat 00:00-24:00 UTC, opens Thu 2026-12-03 00:00 UTC"},
		{cut, "2026-11-27 14:15", 20 * time.Hour, "the window Fri 00:00-24:00 UTC closes Sat 2026-11-28 00:00 UTC, in 9h45m, and 20h are needed"},
		{cut, "2026-11-28 14:15", 0, "changes are frozen until Thu 2026-12-03 00:00 UTC (a sale and the audit); the next one"},
		{frozen, "2026-11-28 14:15", 0, "changes are frozen until Thu 2026-12-03 00:00 UTC (a sale and the audit)"},
		{frozen, "2026-11-27 14:15", 20 * time.Hour, "changes are frozen from Sat 2026-11-28 00:00 UTC to Thu 2026-12-03 00:00 UTC (a sale and the audit), in 9h45m, and 20h are needed"},
		{calendar(t, "daily 00:00-24:00 UTC"), "2026-11-27 14:15", 1000 * time.Hour, ""},
	} {
		if got := tt.calendar.Closed(at(t, tt.at), tt.needs); !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("at %s for %s: %q, want %q", tt.at, tt.needs, got, tt.want)
		}
	}
	if span, ok := calendar(t, "daily 00:00-24:00 UTC").Next(at(t, "2026-11-27 14:15"), 0); !ok || !span.To.IsZero() || span.Why != "daily 00:00-24:00 UTC" {
		t.Errorf("%t, %s until %s: it never closes", ok, span.Why, span.To)
	}
}

func TestWindowsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "is no window",
		"Sun 02:00-04:00":               "is no window",
		"Sunday at 2":                   "no times",
		"Sum 02:00-04:00 UTC":           `"Sum" is no day`,
		"Sun 02:00 UTC":                 "are no times",
		"Sun 02:00-25:00 UTC":           "are no times",
		"Sun 02:60-04:00 UTC":           "are no times",
		"Sun 2-4 UTC":                   "are no times",
		"Sun 02:00-02:00 UTC":           "closes as it opens",
		"Sun 24:00-02:00 UTC":           "cannot open at 24:00",
		"Sun 02:00-04:00 Europe/Berln":  "Europe/Berlin",
		"first Mon-Fri 02:00-04:00 UTC": "of one weekday",
		"fifth Sun 02:00-04:00 UTC":     "is no window",
	} {
		if _, err := window.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, f := range [][3]string{{"2026-12-24", "2026-12-20", "UTC"}, {"soon", "2026-12-20", "UTC"}, {"2026-12-24", "later", "UTC"}, {"2026-12-24", "2026-12-25", "Mars"}} {
		if _, err := window.Freeze(f[0], f[1], f[2], ""); err == nil {
			t.Errorf("%v is a freeze", f)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"Sun 02:00-04:00 UTC", "first Sun 01:00-05:00 Europe/Berlin", "Fri-Mon 23:00-24:00 UTC", "daily 00:00-24:00 UTC"} {
		f.Add(text, int64(1796000000))
	}
	f.Fuzz(func(t *testing.T, text string, seconds int64) {
		w, err := window.Parse(text)
		if err != nil || seconds < 0 || seconds > 4e9 {
			return
		}
		begin := time.Unix(seconds, 0)
		span, ok := window.Calendar{Windows: []window.Window{w}}.Next(begin, 0)
		calendar := window.Calendar{Windows: []window.Window{w}}
		if !ok || span.From.Before(begin) || !span.To.IsZero() && !span.From.Before(span.To) {
			t.Fatalf("%q after %s: %t, from %s to %s", text, begin, ok, span.From, span.To)
		}
		if next, ok := calendar.Next(span.To, 0); !span.To.IsZero() && ok && !next.From.After(span.To) {
			t.Errorf("%q after %s: from %s to %s, and it is open on to %s", text, begin, span.From, span.To, next.To)
		}
	})
}
