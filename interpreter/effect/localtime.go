package effect

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// LocalTime returns the moment at which clocks in a zone show a time; fields
// beyond their range carry over, so that day 32 is in the next month. A time
// that is shown twice is the first of the two; one that is left out is the
// moment at which clocks are set forward over it.
func LocalTime(year int, month time.Month, day, hour, minute, second, nanosecond int, zone *time.Location) time.Time {
	wall := time.Date(year, month, day, hour, minute, second, nanosecond, time.UTC)
	offset := func(t time.Time) time.Duration {
		_, seconds := t.In(zone).Zone()
		return time.Duration(seconds) * time.Second
	}
	before, after := offset(wall.Add(-26*time.Hour)), offset(wall.Add(26*time.Hour))
	for _, o := range []time.Duration{max(before, after), min(before, after)} {
		if t := wall.Add(-o); offset(t) == o {
			return t.In(zone)
		}
	}
	low, high := wall.Add(-max(before, after)), wall.Add(-min(before, after))
	for high.Sub(low) > time.Second { // clocks are set forward between the two
		if middle := low.Add(high.Sub(low) / 2); offset(middle) == offset(low) {
			low = middle
		} else {
			high = middle
		}
	}
	return high.Truncate(time.Second).In(zone)
}

// ParseTime reads a point in time: "2026-03-29T03:00:00+02:00", or without
// an offset, in zone, "2026-03-29 03:00[:00]" or "2026-03-29".
func ParseTime(text string, zone *time.Location) (time.Time, error) {
	t := strings.TrimSpace(text)
	if len(t) > 10 && t[10] == ' ' {
		t = t[:10] + "T" + t[11:]
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, t); err == nil {
			return at, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"} {
		at, err := time.Parse(layout, t)
		if err == nil {
			return LocalTime(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone), nil
		}
		if parsed := new(time.ParseError); errors.As(err, &parsed) && strings.Contains(parsed.Message, "out of range") {
			return time.Time{}, &FieldError{Problem: Quote(text) + " is not a time" + parsed.Message}
		}
	}
	return time.Time{}, &FieldError{Problem: Quote(text) + " is not a time",
		Hint: `write "2026-03-29 03:00", or "2026-03-29T03:00:00+02:00"`}
}

// ParseEnd is ParseTime for a time that ends something: a date alone is its last
// moment.
func ParseEnd(text string, zone *time.Location) (time.Time, error) {
	at, err := ParseTime(text, zone)
	if err != nil || len(strings.TrimSpace(text)) != len("2006-01-02") {
		return at, err
	}
	year, month, day := at.In(zone).Date()
	return LocalTime(year, month, day+1, 0, 0, 0, 0, zone), nil
}

// sleepFields are the arguments of sleep.
func sleepFields() []Field {
	return []Field{
		{Name: "duration", Type: Duration, Doc: "how long"},
		{Name: "until_", Type: Any, Doc: `instead of a duration, until when: seconds since 1970, "2026-03-29 03:00" in zone, or "03:00", ` +
			"which is the next time that clocks in zone show that. If it is past, nothing is waited for"},
		{Name: "zone", Type: String, Doc: `the time zone of until_: "Europe/Berlin"; UTC if left out`},
		{Name: "reason", Type: String, Doc: "shown while waiting"},
	}
}

func validateSleep(args map[string]any) error {
	_, during := args["duration"]
	until, given := args["until_"]
	_, zoned := args["zone"]
	switch {
	case during == given && given:
		return &FieldError{Problem: "takes a duration or until_, not both"}
	case !during && !given:
		return &FieldError{Path: "duration", Problem: "is required: how long", Hint: `write sleep "15m", or sleep { until_ = "03:00", zone = "Europe/Berlin" }`}
	case zoned && !given:
		return &FieldError{Path: "zone", Problem: "goes with until_", Hint: "leave it out: a duration is the same everywhere"}
	}
	if _, text := until.(string); zoned && !text {
		return &FieldError{Path: "zone", Problem: "goes with a text in until_", Hint: "leave it out: seconds since 1970 are the same everywhere"}
	}
	_, err := SleepUntil(args, time.Unix(0, 0))
	return err
}

// SleepUntil returns when a sleep with these canonical arguments ends that
// began at a given time. It is a matter of the arguments and that time alone.
func SleepUntil(args map[string]any, began time.Time) (time.Time, error) {
	switch until := args["until_"].(type) {
	case nil:
		seconds, _ := args["duration"].(float64)
		return began.Add(Seconds(seconds)), nil
	case float64:
		if math.IsNaN(until) || math.Abs(until) > maxUnix {
			return time.Time{}, &FieldError{Path: "until_", Problem: fmt.Sprintf("%v is no time in seconds since 1970", until)}
		}
		return UnixTime(until), nil
	case string:
		name, _ := args["zone"].(string)
		zone, err := Zone(name)
		if err != nil {
			return time.Time{}, under("zone", err)
		}
		for _, layout := range []string{"15:04", "15:04:05"} {
			if at, err := time.Parse(layout, strings.TrimSpace(until)); err == nil {
				return nextShown(at, began, zone), nil
			}
		}
		at, err := ParseTime(until, zone)
		if err != nil {
			return time.Time{}, &FieldError{Path: "until_", Problem: Quote(until) + " is not a time",
				Hint: `write "03:00", "2026-03-29 03:00", or "2026-03-29T03:00:00+02:00"`}
		}
		return at, nil
	}
	return time.Time{}, &FieldError{Path: "until_", Problem: fmt.Sprintf("wants a time, got a %T", args["until_"]),
		Hint: `write "03:00", "2026-03-29 03:00", or seconds since 1970`}
}

// nextShown returns the first moment, began or later, at which clocks in zone
// show a time of day.
func nextShown(of, began time.Time, zone *time.Location) time.Time {
	day := began.In(zone)
	for n := 0; ; n++ {
		at := LocalTime(day.Year(), day.Month(), day.Day()+n, of.Hour(), of.Minute(), of.Second(), 0, zone)
		if !at.Before(began) {
			return at
		}
	}
}

// maxUnix is about the end of the year 9999, in seconds since 1970.
const maxUnix = 253_402_300_799

// UnixTime turns seconds since 1970 into a time in UTC, to the microsecond.
func UnixTime(seconds float64) time.Time {
	whole := math.Floor(seconds)
	return time.Unix(int64(whole), int64(math.Round((seconds-whole)*1e6))*1000).UTC()
}
