// Package window tells when changes may be made: windows that come again each
// week or month, and freezes in which nothing is to be changed. Times are those
// that clocks of a time zone show, so that a window keeps its place in the day
// when clocks change.
package window

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Example is how a window is written.
const Example = `"Sun 02:00-04:00 UTC", "Mon-Fri 09:00-16:30 Europe/Berlin", "first Sun 01:00-05:00 UTC" or "daily 22:00-02:00 UTC"`

// Window is a time that comes again.
type Window struct {
	text     string
	nth      int     // of its weekday in the month, 1 to 4; -1 the last; 0 each
	days     [7]bool // by time.Weekday: on which it opens
	from, to int     // minutes of the day; to is on the next day unless it is later
	zone     *time.Location
}

// String returns the window as it was written.
func (w Window) String() string { return w.text }

var ordinals = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}

// Parse reads a window: "[first|second|third|fourth|last] DAYS HH:MM-HH:MM ZONE".
// DAYS is a weekday by its first three letters, several of them by commas, a
// range, or daily. A window that closes at an earlier time of day than it opens
// closes on the next day.
func Parse(text string) (Window, error) {
	w := Window{text: text}
	words := strings.Fields(text)
	if len(words) > 0 {
		if n, ok := ordinals[strings.ToLower(words[0])]; ok {
			w.nth, words = n, words[1:]
		}
	}
	if len(words) != 3 {
		return w, fmt.Errorf("%q is no window; write %s", text, Example)
	}
	count, err := w.readDays(words[0])
	if err == nil && w.nth != 0 && count != 1 {
		err = errors.New("the first, or last, is of one weekday")
	}
	if err == nil {
		err = w.readHours(words[1])
	}
	if err == nil {
		w.zone, err = effect.Zone(words[2])
	}
	if err != nil {
		return w, fmt.Errorf("window %q: %w", text, err)
	}
	return w, nil
}

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// readDays reads on which days the window opens, and returns how many of a week
// these are.
func (w *Window) readDays(text string) (int, error) {
	if strings.EqualFold(text, "daily") {
		w.days = [7]bool{true, true, true, true, true, true, true}
		return 7, nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, to := weekday(first), weekday(last)
		if from < 0 || to < 0 {
			return 0, fmt.Errorf("%q is no day; write Sun, Mon-Fri, Sat,Sun or daily", part)
		}
		for d := from; ; d = (d + 1) % 7 {
			w.days[d] = true
			if d == to {
				break
			}
		}
	}
	n := 0
	for _, open := range w.days {
		if open {
			n++
		}
	}
	return n, nil
}

// weekday returns the day of that name, or -1.
func weekday(name string) int {
	name = strings.ToLower(name)
	for i, short := range weekdays {
		if name == short || name == strings.ToLower(time.Weekday(i).String()) {
			return i
		}
	}
	return -1
}

func (w *Window) readHours(text string) error {
	from, to, ok := strings.Cut(text, "-")
	var err error
	if w.from, err = minutes(from); err == nil && ok {
		w.to, err = minutes(to)
	}
	switch {
	case err != nil || !ok:
		return fmt.Errorf("%q are no times; write 02:00-04:00", text)
	case w.from == 24*60:
		return errors.New("it cannot open at 24:00; write 00:00, on the day after")
	case w.from == w.to:
		return errors.New("it closes as it opens; write 00:00-24:00 for a whole day")
	}
	return nil
}

// minutes reads a time of day, to 24:00.
func minutes(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, err := strconv.Atoi(hour)
	m, err2 := strconv.Atoi(minute)
	if !ok || err != nil || err2 != nil || len(minute) != 2 || len(hour) > 2 || h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%q is no time of day", text)
	}
	return h*60 + m, nil
}

// on returns when the window is open that opens on the day which at is part of,
// in the window's zone, and whether one does.
func (w Window) on(at time.Time) (Span, bool) {
	year, month, day := at.In(w.zone).Date()
	date := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	if !w.days[date.Weekday()] {
		return Span{}, false
	}
	inMonth := date.AddDate(0, 1, -day).Day() // days of this month
	if w.nth > 0 && (day-1)/7+1 != w.nth || w.nth < 0 && day+7 <= inMonth {
		return Span{}, false
	}
	closing := day
	if w.to <= w.from {
		closing++
	}
	s := Span{From: effect.LocalTime(year, month, day, 0, w.from, 0, 0, w.zone), To: effect.LocalTime(year, month, closing, 0, w.to, 0, 0, w.zone),
		Why: w.text, zone: w.zone}
	return s, s.From.Before(s.To) // clocks may leave all of it out
}

// Span is a stretch of time: a window that is open, or a freeze.
type Span struct {
	From, To time.Time // To is not part of it
	Why      string    // the window's text, or the reason of the freeze
	zone     *time.Location
}

// In returns a moment as the clocks show it that the span goes by.
func (s Span) In(t time.Time) time.Time {
	if s.zone == nil {
		return t.UTC()
	}
	return t.In(s.zone)
}

// Between returns a span by its ends, whose clocks are those of a zone.
func Between(from, to time.Time, zone, why string) (Span, error) {
	z, err := effect.Zone(zone)
	if err == nil && !from.Before(to) {
		err = fmt.Errorf("it ends before it begins: from %s to %s", from.In(z), to.In(z))
	}
	return Span{From: from, To: to, Why: why, zone: z}, err
}

// Freeze returns a span in which nothing is to be changed, as people wrote its
// ends (effect.ParseTime, effect.ParseEnd): a date alone is its first moment, and as
// the end its last.
func Freeze(from, to, zone, why string) (Span, error) {
	z, err := effect.Zone(zone)
	if err != nil {
		return Span{}, err
	}
	s := Span{Why: why, zone: z}
	if s.From, err = effect.ParseTime(from, z); err != nil {
		return s, fmt.Errorf("from: %w", err)
	}
	if s.To, err = effect.ParseEnd(to, z); err != nil {
		return s, fmt.Errorf("to: %w", err)
	}
	if !s.From.Before(s.To) {
		return s, fmt.Errorf("it ends before it begins: from %s to %s", from, to)
	}
	return s, nil
}

// Calendar says when changes may be made: in its windows and events, and not in
// its freezes; without windows and events, whenever no freeze holds.
type Calendar struct {
	Windows []Window
	Events  []Rule // windows by their dates
	Freezes []Span
	Rules   []Rule // freezes that come again
	// Emergency holds the arguments of the approve that asks outside of it: by,
	// count, separate, timeout.
	Emergency map[string]any
}

// always says whether it has no windows, so that only freezes close it.
func (c Calendar) always() bool { return len(c.Windows)+len(c.Events) == 0 }

// Unwindowed returns the calendar as it is without windows: open whenever no freeze
// holds.
func (c Calendar) Unwindowed() Calendar {
	c.Windows, c.Events = nil, nil
	return c
}

// thaw is Next for a calendar without windows.
func (c Calendar) thaw(at time.Time, needs time.Duration) (Span, bool) {
	s, end := Span{From: at, Why: "no freeze"}, at.AddDate(0, 0, horizon)
	for _, f := range c.freezes(at, end) {
		if f.From.Sub(s.From) >= max(needs, 1) {
			s.To, s.zone = f.From, f.zone
			return s, true
		}
		if s.From.Before(f.To) {
			s.From, s.zone = f.To, f.zone
		}
	}
	return s, s.From.Before(end)
}

// freezes returns those of which some part lies from one moment to another, by
// their beginnings.
func (c Calendar) freezes(from, to time.Time) []Span {
	var list []Span
	for _, f := range c.Freezes {
		if f.From.Before(to) && from.Before(f.To) {
			list = append(list, f)
		}
	}
	for _, r := range c.Rules {
		list = append(list, r.between(from, to)...)
	}
	slices.SortStableFunc(list, func(a, b Span) int { return a.From.Compare(b.From) })
	return list
}

// thawed returns what freezes leave of a window, in order.
func (c Calendar) thawed(open Span) []Span {
	var left []Span
	for _, f := range c.freezes(open.From, open.To) {
		if !open.From.Before(f.To) { // one before it has covered this
			continue
		}
		if open.From.Before(f.From) {
			before := open
			before.To = f.From
			left = append(left, before)
		}
		open.From = f.To
	}
	if open.From.Before(open.To) {
		left = append(left, open)
	}
	return left
}
