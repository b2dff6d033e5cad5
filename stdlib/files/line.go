package files

import (
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// LineLimit is how much of a line a search returns, in bytes.
const LineLimit = 4 << 10

// ShownLine returns a line as a search shows it.
func ShownLine(line string) string {
	line = strings.TrimSuffix(line, "\r")
	if len(line) > LineLimit {
		line = line[:LineLimit] + "…"
	}
	return strings.ToValidUTF8(line, "\uFFFD")
}

// ParseTime reads a moment as scripts give it: seconds since 1970, or a text
// in the form of RFC 3339.
func ParseTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case float64:
		return time.UnixMicro(int64(v * 1e6)).UTC(), nil
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC(), nil
		}
		return time.Time{}, fmt.Errorf("wants a time like \"2026-01-31T03:00:00Z\", got %q", v)
	}
	return time.Time{}, fmt.Errorf("wants seconds since 1970 or a time like \"2026-01-31T03:00:00Z\"")
}

// stampIn is how far into a line its time is looked for, in bytes.
const stampIn = 256

// The forms of times in logs: ISO 8601 and RFC 3339; Go's log, nginx; web
// servers' common log format; syslog without a year.
var stamps = []struct {
	find    *lazyregexp.Regexp
	layouts []string
}{
	{lazyregexp.New(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?`), []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05 Z07:00", "2006-01-02T15:04:05 Z0700", "2006-01-02T15:04:05"}},
	{lazyregexp.New(`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?`), []string{"2006/01/02 15:04:05"}},
	{lazyregexp.New(`\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}`), []string{"02/Jan/2006:15:04:05 -0700"}},
	{lazyregexp.New(`^(?:<\d+>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d`), []string{"Jan _2 15:04:05"}},
}

// Stamp returns the time that a line of a log bears. One without a zone is in
// zone, one without a year is of the last twelve months before now.
func Stamp(line string, zone *time.Location, now time.Time) (time.Time, bool) {
	line = line[:min(len(line), stampIn)]
	first, found := len(line), time.Time{}
	for i := range stamps {
		at := stamps[i].find.FindStringIndex(line)
		if at == nil || at[0] >= first {
			continue
		}
		text := line[at[0]:at[1]]
		if strings.HasPrefix(text, "<") { // syslog's priority
			_, text, _ = strings.Cut(text, ">")
		}
		if len(text) > 10 && text[4] == '-' {
			text = text[:10] + "T" + strings.Replace(text[11:], ",", ".", 1)
		}
		for _, layout := range stamps[i].layouts {
			t, err := time.ParseInLocation(layout, text, zone)
			if err != nil {
				continue
			}
			if t.Year() == 0 {
				if t = t.AddDate(now.In(zone).Year(), 0, 0); t.After(now.Add(24 * time.Hour)) {
					t = t.AddDate(-1, 0, 0)
				}
			}
			first, found = at[0], t.UTC()
			break
		}
	}
	return found, !found.IsZero()
}

// Range is a part of a log, by time. The zero value is all of it.
type Range struct {
	From, To time.Time // zero for no bound
	Zone     *time.Location
	Now      time.Time
}

// NewRange reads the arguments from and to of a search.
func NewRange(args map[string]any, zone *time.Location, now time.Time) (Range, error) {
	r := Range{Zone: zone, Now: now}
	for name, into := range map[string]*time.Time{"from": &r.From, "to": &r.To} {
		if v, given := args[name]; given {
			t, err := ParseTime(v)
			if err != nil {
				return r, fmt.Errorf("%s: %w", name, err)
			}
			*into = t
		}
	}
	return r, nil
}

// Bounded reports whether lines are chosen by their times.
func (r *Range) Bounded() bool { return !r.From.IsZero() || !r.To.IsZero() }

// Cursor follows the times in one file, line by line.
type Cursor struct {
	of   *Range
	at   time.Time // of the line, or of the last one that bore a time
	Seen bool      // whether any line bore a time
}

// Cursor returns one for a new file.
func (r *Range) Cursor() *Cursor { return &Cursor{of: r} }

// Next takes the next line and reports whether it is in the range, and its
// time.
func (c *Cursor) Next(line string) (in bool, at time.Time) {
	if !c.of.Bounded() {
		return true, time.Time{}
	}
	if t, ok := Stamp(line, c.of.Zone, c.of.Now); ok {
		c.at, c.Seen = t, true
	}
	in = c.Seen && (c.of.From.IsZero() || !c.at.Before(c.of.From)) && (c.of.To.IsZero() || !c.at.After(c.of.To))
	return in, c.at
}

// NoTimes says that no line of a file bears a time.
const NoTimes = "no line of %s bears a time that is known, so from and to choose nothing in it"

// Forms says which times are known, for hints.
const Forms = "known are 2026-01-31T03:00:00Z with or without zone, 2026/01/31 03:00:00, 31/Jan/2026:03:00:00 +0000 and Jan 31 03:00:00; or leave from and to out"

// ListLine is a line of the list of a directory's hashes, as sha256sum prints
// it: names with an end of a line or a backslash are escaped and marked.
func ListLine(sum, name string) string {
	if strings.ContainsAny(name, "\n\r\\") {
		name = strings.NewReplacer("\\", `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
		sum = `\` + sum
	}
	return sum + "  " + name + "\n"
}
