package effect

import (
	"strings"
	"testing"
	"time"
)

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestZones(t *testing.T) {
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{"": "12:00 UTC", "UTC": "12:00 UTC", "Europe/Berlin": "14:00 CEST", "America/St_Johns": "09:30 NDT",
		"+05:30": "17:30 +05:30", "-03:00": "09:00 -03:00", "Asia/Kathmandu": "17:45 +0545"} {
		if got := summer.In(mustZone(t, name)).Format("15:04 MST"); got != want {
			t.Errorf("%q shows %s, want %s", name, got, want)
		}
	}
	for name, want := range map[string]string{"Local": "another zone on another machine", "Berlin": `did you mean "Europe/Berlin"?`,
		"Europe/Berln": `did you mean "Europe/Berlin"?`, "europe/berlin": `did you mean "Europe/Berlin"?`, "Europe/": "is no time zone", "../zoneinfo": "is no time zone",
		"+5": "an offset is written", "Mars/Olympus": "is no time zone"} {
		if _, err := Zone(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

func TestLocalTime(t *testing.T) {
	for _, c := range []struct{ zone, local, want string }{
		{"Europe/Berlin", "2026-01-05 03:00", "2026-01-05T02:00:00Z"},
		{"Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "2026-03-29 02:30", "2026-03-29T01:00:00Z"}, // left out: clocks go from 02:00 to 03:00
		{"Europe/Berlin", "2026-03-29 03:00", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25 02:30", "2026-10-25T00:30:00Z"}, // shown twice: the first
		{"Europe/Berlin", "2026-10-25 03:00", "2026-10-25T02:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-04 02:10", "2026-10-03T15:30:00Z"}, // half an hour is left out
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T10:00:00Z"},        // a whole day is
		{"America/New_York", "2026-11-01 01:30", "2026-11-01T05:30:00Z"},
		{"UTC", "2026-02-28", "2026-02-28T00:00:00Z"},
		{"Europe/Berlin", "2026-01-05T03:00:00.25+05:00", "2026-01-04T22:00:00.25Z"},
	} {
		at, err := ParseTime(c.local, mustZone(t, c.zone))
		if err != nil || at.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s in %s is %s (%v), want %s", c.local, c.zone, at.UTC().Format(time.RFC3339Nano), err, c.want)
		}
	}
	for _, text := range []string{"", "soon", "2026-13-01", "2026-02-30", "2026-01-05 25:00", "03:00", "2026-01-05 03:00 CET", "05.01.2026"} {
		if at, err := ParseTime(text, time.UTC); err == nil {
			t.Errorf("%q is read as %s", text, at)
		}
	}
}

// Whatever clocks show, LocalTime finds a moment at which they show it, or the
// moment at which they jump over it.
func TestLocalTimeIsWhatClocksShow(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran", "Antarctica/Troll"} {
		zone := mustZone(t, name)
		for at := time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2027; at = at.Add(37 * time.Minute) {
			local := at.In(zone)
			got := LocalTime(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), 0, zone)
			if got.After(at) || got.Format("15:04:05") != local.Format("15:04:05") {
				t.Fatalf("%s: %s became %s", name, local, got)
			}
		}
	}
}

func TestSleepUntil(t *testing.T) {
	began := time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		args map[string]any
		want string
	}{
		{map[string]any{"duration": "90m"}, "2026-03-28T21:30:00Z"},
		{map[string]any{"until_": 1774742400.5}, "2026-03-29T00:00:00.5Z"},
		{map[string]any{"until_": 0.0}, "1970-01-01T00:00:00Z"},
		{map[string]any{"until_": "03:00", "zone": "Europe/Berlin"}, "2026-03-29T01:00:00Z"},
		{map[string]any{"until_": "02:30", "zone": "Europe/Berlin"}, "2026-03-29T01:00:00Z"},
		{map[string]any{"until_": "21:00:00", "zone": "Europe/Berlin"}, "2026-03-28T20:00:00Z"}, // it is that time now
		{map[string]any{"until_": "20:59", "zone": "Europe/Berlin"}, "2026-03-29T18:59:00Z"},
		{map[string]any{"until_": "03:00"}, "2026-03-29T03:00:00Z"},
		{map[string]any{"until_": "2026-04-01 06:00", "zone": "America/New_York"}, "2026-04-01T10:00:00Z"},
	} {
		sleep, _ := controlOp(t, OpSleep).Check(c.args)
		at, err := SleepUntil(sleep, began)
		if err != nil || at.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%v ends at %s (%v), want %s", c.args, at.UTC().Format(time.RFC3339Nano), err, c.want)
		}
	}
	for want, args := range map[string]map[string]any{
		"duration: is required":         {"reason": "x"},
		"not both":                      {"duration": "1m", "until_": 5.0},
		"zone: goes with until_":        {"duration": "1m", "zone": "UTC"},
		"zone: goes with a text":        {"until_": 5.0, "zone": "UTC"},
		`zone: "Berlin" is no`:          {"until_": "03:00", "zone": "Berlin"},
		`until_: "25:00" is not a time`: {"until_": "25:00"},
		"until_: wants a time":          {"until_": true},
		"until_: 1e+300 is no time":     {"until_": 1e300},
	} {
		if _, err := controlOp(t, OpSleep).Check(args); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", args, err, want)
		}
	}
}

func controlOp(t *testing.T, name string) *Op {
	t.Helper()
	control := Control()
	for i := range control.Ops {
		if control.Ops[i].String() == name {
			return &control.Ops[i]
		}
	}
	t.Fatalf("there is no op %s", name)
	return nil
}
