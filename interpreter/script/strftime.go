package script

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// directives of dates, as strftime of the C locale has them.
const directives = "%Y %m %d %H %M %S %F %T %R %y %b %B %a %A %j %p %I %e %Z %z %:z %s %u %w %V %G %%"

// short directives stand for others.
func expandDirective(c byte) string {
	switch c {
	case 'F':
		return "%Y-%m-%d"
	case 'T':
		return "%H:%M:%S"
	case 'R':
		return "%H:%M"
	}
	return ""
}

// eachDirective goes through a format: text between directives, and each
// directive by its letter, ':' for "%:z".
func eachDirective(format string, text func(string) error, directive func(byte) error) error {
	for {
		before, rest, found := strings.Cut(format, "%")
		if before != "" {
			if err := text(before); err != nil {
				return err
			}
		}
		switch {
		case !found:
			return nil
		case rest == "":
			return &effect.FieldError{Problem: `the format ends in "%"`, Hint: `write "%%" for the character`}
		case strings.HasPrefix(rest, ":z"):
			if err := directive(':'); err != nil {
				return err
			}
			format = rest[2:]
			continue
		}
		format = rest[1:]
		if longer := expandDirective(rest[0]); longer != "" {
			format = longer + format
			continue
		}
		if err := directive(rest[0]); err != nil {
			return err
		}
	}
}

func unknownDirective(c byte) error {
	return &effect.FieldError{Problem: fmt.Sprintf("%q is not known in a format", "%"+string(rune(c))), Hint: "known: " + directives}
}

// layouts has the directives that Go's time has too.
var layouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'b': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'j': "002", 'a': "Mon", 'A': "Monday",
	'H': "15", 'I': "03", 'p': "PM", 'M': "04", 'S': "05", 'Z': "MST", 'z': "-0700", ':': "Z07:00",
}

// formatDate writes a time by a format.
func formatDate(t time.Time, format string) (string, error) {
	var out strings.Builder
	err := eachDirective(format, func(text string) error { out.WriteString(text); return nil }, func(c byte) error {
		year, week := t.ISOWeek()
		switch c {
		case 'V':
			fmt.Fprintf(&out, "%02d", week)
		case 'G':
			fmt.Fprintf(&out, "%04d", year)
		case 'u':
			out.WriteString(strconv.Itoa((int(t.Weekday())+6)%7 + 1))
		case 'w':
			out.WriteString(strconv.Itoa(int(t.Weekday())))
		case 's':
			out.WriteString(strconv.FormatInt(t.Unix(), 10))
		case '%':
			out.WriteByte('%')
		default:
			layout, known := layouts[c]
			if !known {
				return unknownDirective(c)
			}
			out.WriteString(t.Format(layout))
		}
		return nil
	})
	return out.String(), err
}

// parseDate reads a time by a format. What the format does not name is the
// beginning of 1970, or of the day.
func parseDate(text, format string, zone *time.Location) (time.Time, error) {
	d := dateReader{rest: text, year: 1970, month: 1, day: 1}
	err := eachDirective(format, func(plain string) error {
		rest, ok := strings.CutPrefix(d.rest, plain)
		if !ok {
			return d.wants(fmt.Sprintf("%q", plain))
		}
		d.rest = rest
		return nil
	}, d.directive)
	if err == nil && d.rest != "" {
		err = d.wants("the end")
	}
	if err != nil {
		return time.Time{}, &effect.FieldError{Problem: fmt.Sprintf("%s does not fit the format %s", effect.Quote(text), effect.Quote(format)), Hint: err.Error()}
	}
	if d.month < 1 || d.month > 12 || d.day < 1 || d.day > time.Date(d.year, time.Month(d.month)+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, &effect.FieldError{Problem: effect.Quote(text) + " is no day of the calendar"}
	}
	switch {
	case d.unix != nil:
		return time.Unix(*d.unix, 0), nil
	case d.half && d.afternoon:
		d.hour = d.hour%12 + 12
	case d.half:
		d.hour %= 12
	}
	if d.offset != nil {
		zone = time.FixedZone("", *d.offset)
	}
	return effect.LocalTime(d.year, time.Month(d.month), d.day, d.hour, d.minute, d.second, 0, zone), nil
}

// dateReader holds what was read of a time so far.
type dateReader struct {
	rest                                   string
	year, month, day, hour, minute, second int
	half, afternoon                        bool // the hour is one of twelve
	offset                                 *int
	unix                                   *int64
}

func (d *dateReader) wants(what string) error {
	got := "the end of the text"
	if d.rest != "" {
		got = fmt.Sprintf("%.20q", d.rest)
	}
	return fmt.Errorf("%s is wanted at %s", what, got)
}

// number reads up to so many digits, from low to high.
func (d *dateReader) number(digits, low, high int, to *int) error {
	n := 0
	for n < len(d.rest) && n < digits && d.rest[n] >= '0' && d.rest[n] <= '9' {
		n++
	}
	v, err := strconv.Atoi(d.rest[:n])
	if err != nil || v < low || v > high {
		return d.wants(fmt.Sprintf("a number from %d to %d", low, high))
	}
	*to, d.rest = v, d.rest[n:]
	return nil
}

// name reads one of several names, in full or by its first three letters.
func (d *dateReader) name(what string, full bool, names func(int) string, n int, to *int) error {
	for i := range n {
		name := names(i)
		if !full {
			name = name[:3]
		}
		if len(d.rest) >= len(name) && strings.EqualFold(d.rest[:len(name)], name) {
			*to, d.rest = i, d.rest[len(name):]
			return nil
		}
	}
	return d.wants(what)
}

func (d *dateReader) directive(c byte) error {
	ignored := 0
	weekday := func(i int) string { return time.Weekday(i).String() }
	switch c {
	case 'Y':
		return d.number(4, 1, 9999, &d.year)
	case 'y':
		err := d.number(2, 0, 99, &d.year)
		if d.year += 1900; d.year < 1969 {
			d.year += 100
		}
		return err
	case 'm':
		return d.number(2, 1, 12, &d.month)
	case 'd', 'e':
		d.rest = strings.TrimPrefix(d.rest, " ")
		return d.number(2, 1, 31, &d.day)
	case 'H':
		return d.number(2, 0, 23, &d.hour)
	case 'I':
		d.half = true
		return d.number(2, 1, 12, &d.hour)
	case 'M':
		return d.number(2, 0, 59, &d.minute)
	case 'S':
		return d.number(2, 0, 59, &d.second)
	case 'b', 'B':
		err := d.name("the name of a month", c == 'B', func(i int) string { return time.Month(i + 1).String() }, 12, &d.month)
		d.month++
		return err
	case 'a', 'A':
		return d.name("the name of a weekday", c == 'A', weekday, 7, &ignored)
	case 'p':
		i := 0
		err := d.name("AM or PM", true, func(i int) string { return []string{"AM", "PM"}[i] }, 2, &i)
		d.half, d.afternoon = true, i == 1
		return err
	case 'z', ':':
		return d.zone()
	case 's':
		n := strings.IndexFunc(d.rest, func(r rune) bool { return r < '0' || r > '9' })
		if n < 0 {
			n = len(d.rest)
		}
		v, err := strconv.ParseInt(d.rest[:n], 10, 64)
		if err != nil {
			return d.wants("a number of seconds")
		}
		d.unix, d.rest = &v, d.rest[n:]
		return nil
	case '%':
		if !strings.HasPrefix(d.rest, "%") {
			return d.wants(`"%"`)
		}
		d.rest = d.rest[1:]
		return nil
	case 'Z', 'j', 'u', 'w', 'V', 'G':
		return fmt.Errorf("%q says too little to be read; it is for time.format", "%"+string(rune(c)))
	}
	return unknownDirective(c)
}

// zone reads "Z", "+0200" or "+02:00".
func (d *dateReader) zone() error {
	for _, layout := range []string{"Z07:00", "-0700"} {
		for _, n := range []int{1, 5, 6} {
			if n > len(d.rest) {
				continue
			}
			if at, err := time.Parse(layout, d.rest[:n]); err == nil {
				_, offset := at.Zone()
				d.offset, d.rest = &offset, d.rest[n:]
				return nil
			}
		}
	}
	return d.wants(`an offset such as "+02:00"`)
}
