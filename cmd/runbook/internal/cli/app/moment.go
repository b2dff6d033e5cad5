package app

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Moment reads a time of the command line: a duration back from now ("7d"), a day
// or a time of day there, in local time, or RFC 3339.
func Moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	wrong := func() error {
		return Usagef("--%s %s: write how long ago (7d, 12h), a day (2026-03-29), a time (2026-03-29 14:00), or RFC 3339", flag, text)
	}
	// The journal counts nanoseconds, which end in 2262.
	counts := func(t time.Time) bool { return t.Year() > 1700 && t.Year() < 2200 }
	for _, form := range []string{time.DateOnly, "2006-01-02 15:04", "2006-01-02T15:04", time.DateTime} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil && counts(t) {
			return t, nil
		}
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil && counts(t) {
		return t, nil
	}
	v, err := effect.ParseText(&effect.Field{Name: "ago", Type: effect.Duration}, text)
	seconds, _ := v.(float64)
	ago := now.Add(-effect.Seconds(seconds))
	if err != nil || !counts(ago) {
		return time.Time{}, wrong()
	}
	return ago, nil
}
