package script

import (
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/internal/language"
)

// timeFunctions are the members of the global time. They work on a time that
// they are given: only now() looks at a clock.
func (s *Script) timeFunctions() map[string]lua.LGFunction {
	return map[string]lua.LGFunction{"date": s.timeDate, "parse": s.timeParse, "format": s.timeFormat, "at": s.timeAt}
}

// zone returns the time zone of that name.
func (b *branch) zone(L *lua.LState, function, name string) *time.Location {
	s := b.execution.script
	if zone, ok := s.zones[name]; ok {
		return zone
	}
	zone, err := effect.Zone(name)
	if err != nil {
		b.fail(L, "", "%s: zone: %s", function, err)
	}
	if s.zones == nil {
		s.zones = map[string]*time.Location{}
	}
	s.zones[name] = zone
	return zone
}

// moment returns an argument that is a time: seconds since 1970.
func (b *branch) moment(L *lua.LState, function string, n int) time.Time {
	v, ok := L.Get(n).(lua.LNumber)
	if !ok {
		b.fail(L, fmt.Sprintf("write %s(now()), or %s(time.parse(text))", function, function), "%s takes a time in seconds since 1970, got %s",
			function, describe(L.Get(n)))
	}
	t := effect.UnixTime(float64(v))
	b.datable(L, function, float64(v))
	return t
}

// datable raises an error for a time beyond the years 1 to 9999.
func (b *branch) datable(L *lua.LState, function string, seconds float64) {
	const first, last = -62_135_596_800, 253_402_300_799
	if !(seconds >= first && seconds <= last) {
		b.fail(L, "", "%s: %s is no time in seconds since 1970 between the years 1 and 9999", function, formatNumber(lua.LNumber(seconds)))
	}
}

// options reads an argument that is a text, the option of that name, or a
// table of options.
func (b *branch) options(L *lua.LState, function string, n int, fields []effect.Field, short string) map[string]any {
	values := map[string]any{}
	switch v := L.Get(n).(type) {
	case *lua.LNilType:
	case lua.LString:
		values[short] = string(v)
	case *lua.LTable:
		var err error
		if values, err = b.execution.script.goMap(v); err != nil {
			b.fail(L, "", "%s: %s", function, err)
		}
	default:
		b.fail(L, "", "%s: a text or a table of options is wanted here, got %s", function, describe(v))
	}
	checked, err := effect.CheckFields(fields, nil, values)
	if err != nil {
		b.fail(L, "", "%s: %s", function, err)
	}
	return checked
}

// seconds is the number that a script has for a time.
func seconds(t time.Time) lua.LNumber {
	return lua.LNumber(float64(t.Unix()) + float64(t.Nanosecond()/1000)/1e6)
}

// timeDate takes a time apart into the fields of Lua's os.date("*t"), and
// more.
func (s *Script) timeDate(L *lua.LState) int {
	b := s.enter(L)
	at := b.moment(L, "time.date", 1)
	zone, _ := b.options(L, "time.date", 2, language.DateFields(), "zone")["zone"].(string)
	at = at.In(b.zone(L, "time.date", zone))
	abbreviation, offset := at.Zone()
	t := s.base.CreateTable(0, 12)
	for _, f := range []struct {
		key   string
		value int
	}{{"year", at.Year()}, {"month", int(at.Month())}, {"day", at.Day()}, {"hour", at.Hour()}, {"min", at.Minute()}, {"sec", at.Second()},
		{"wday", int(at.Weekday()) + 1}, {"yday", at.YearDay()}, {"offset", offset}} {
		t.RawSetString(f.key, lua.LNumber(f.value))
	}
	t.RawSetString("weekday", lua.LString(at.Weekday().String()))
	t.RawSetString("zone", lua.LString(abbreviation))
	t.RawSetString("isdst", lua.LBool(at.IsDST()))
	L.Push(t)
	return 1
}

// timeAt is the opposite of timeDate.
func (s *Script) timeAt(L *lua.LState) int {
	b := s.enter(L)
	if _, ok := L.Get(1).(*lua.LTable); !ok || L.GetTop() != 1 {
		b.fail(L, `write time.at { year = 2026, month = 3, day = 29, hour = 3, zone = "Europe/Berlin" }`, "time.at takes one table, got %s", describe(L.Get(1)))
	}
	v := b.options(L, "time.at", 1, language.AtFields(), "")
	zone, _ := v["zone"].(string)
	n := func(key string) int { return int(v[key].(float64)) }
	at := effect.LocalTime(n("year"), time.Month(n("month")), n("day"), n("hour"), n("min"), n("sec"), 0, b.zone(L, "time.at", zone))
	b.datable(L, "time.at", float64(at.Unix()))
	L.Push(seconds(at))
	return 1
}

func (s *Script) timeParse(L *lua.LState) int {
	b := s.enter(L)
	text, ok := L.Get(1).(lua.LString)
	if !ok {
		b.fail(L, `write time.parse("2026-03-29 03:00", "Europe/Berlin")`, "time.parse takes a text, got %s", describe(L.Get(1)))
	}
	options := b.options(L, "time.parse", 2, language.ParseFields(), "zone")
	name, _ := options["zone"].(string)
	zone := b.zone(L, "time.parse", name)
	var at time.Time
	var err error
	if format, given := options["format"].(string); given {
		at, err = parseDate(string(text), format, zone)
	} else {
		at, err = effect.ParseTime(string(text), zone)
	}
	if err != nil {
		b.fail(L, "", "time.parse: %s", err)
	}
	b.datable(L, "time.parse", float64(at.Unix()))
	L.Push(seconds(at))
	return 1
}

// timeFormat writes a time, by the directives of strftime.
func (s *Script) timeFormat(L *lua.LState) int {
	b := s.enter(L)
	at := b.moment(L, "time.format", 1)
	options := b.options(L, "time.format", 2, language.FormatFields(), "format")
	name, _ := options["zone"].(string)
	if L.GetTop() > 2 {
		third := b.options(L, "time.format", 3, language.DateFields(), "zone")
		name, _ = third["zone"].(string)
	}
	zone := b.zone(L, "time.format", name)
	format, given := options["format"].(string)
	if !given {
		format = "%Y-%m-%dT%H:%M:%S%:z"
	}
	out, err := formatDate(at.In(zone), format)
	if err != nil {
		b.fail(L, "", "time.format: %s", err)
	}
	b.bounded(L, "time.format", len(out))
	L.Push(lua.LString(out))
	return 1
}
