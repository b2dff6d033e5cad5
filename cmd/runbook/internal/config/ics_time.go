package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// icsMoment is a DATE or a DATE-TIME beside the zone that it is written in.
type icsMoment struct {
	at     time.Time
	allDay bool
	zone   string
}

// moment reads the only value of a line; floating is the zone of times that have
// none.
func (l icsLine) moment(floating string) (icsMoment, error) {
	list, err := l.moments(floating)
	if err == nil && len(list) != 1 {
		err = l.errorf("wants one time, got %q", l.value)
	}
	if err != nil {
		return icsMoment{}, err
	}
	return list[0], nil
}

// moments reads a line's times.
func (l icsLine) moments(floating string) ([]icsMoment, error) {
	for name, value := range l.params {
		switch {
		case name == "TZID" || strings.HasPrefix(name, "X-"):
		case name == "VALUE" && (value == "DATE" || value == "DATE-TIME"):
		case name == "VALUE" && value == "PERIOD":
			return nil, l.errorf("periods are not understood: write each as an event of its own")
		case name == "RANGE":
			return nil, l.errorf("a change of all that follows (RANGE=%s) is not understood: end the old event by UNTIL, and write what follows as an event of its own", value)
		default:
			return nil, l.errorf("%s=%s is not understood", name, value)
		}
	}
	var list []icsMoment
	for _, value := range strings.Split(l.value, ",") {
		m, err := l.momentOf(strings.TrimSpace(value), floating)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func (l icsLine) momentOf(value, floating string) (m icsMoment, err error) {
	m.zone = floating
	if id, given := l.params["TZID"]; given {
		m.zone = strings.TrimPrefix(id, "/")
	}
	if utc := strings.HasSuffix(value, "Z"); utc {
		m.zone = "UTC"
	}
	zone, err := effect.Zone(m.zone)
	if err != nil {
		return m, l.errorf("%w; name a zone of the IANA database: TZID=Europe/Berlin", err)
	}
	layout := "20060102T150405"
	if m.allDay = !strings.Contains(value, "T"); m.allDay {
		layout = "20060102"
	}
	t, err := time.Parse(layout, strings.TrimSuffix(value, "Z"))
	if kind := l.params["VALUE"]; err != nil || kind == "DATE" && !m.allDay || kind == "DATE-TIME" && m.allDay {
		return m, l.errorf("%q is no time; write 20261220T180000Z, or 20261220 for a day", value)
	}
	m.at = effect.LocalTime(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, zone)
	return m, nil
}

var icsDuration = lazyregexp.New(`^\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$`)

// duration reads a length: days by the calendar, and time.
func (l icsLine) duration() (days int, rest time.Duration, err error) {
	m := icsDuration.FindStringSubmatch(l.value)
	if m == nil || strings.HasSuffix(l.value, "T") || strings.HasSuffix(l.value, "P") {
		return 0, 0, l.errorf("%q is no duration; write PT2H, P1D or P1W", l.value)
	}
	n := func(i int) time.Duration {
		v, e := strconv.ParseUint(m[i], 10, 20)
		if m[i] != "" && e != nil {
			err = l.errorf("%q is too long", l.value)
		}
		return time.Duration(v)
	}
	days = int(n(1))*7 + int(n(2))
	rest = n(3)*time.Hour + n(4)*time.Minute + n(5)*time.Second
	if err == nil && days == 0 && rest == 0 {
		err = fmt.Errorf("line %d: %s: it has no length", l.line, l.name)
	}
	return days, rest, err
}
