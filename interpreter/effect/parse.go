package effect

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// maxDuration is the longest duration in seconds: what a time.Duration holds.
const maxDuration = math.MaxInt64 / 1e9

const tooLong = "longer than 292 years, the longest duration"

// Seconds turns a canonical duration into a time.Duration. It saturates at
// about 292 years, either way.
func Seconds(s float64) time.Duration {
	switch {
	case s >= maxDuration:
		return math.MaxInt64
	case s <= math.MinInt64/1e9:
		return math.MinInt64
	}
	return time.Duration(math.Round(s * 1e9))
}

// ParseDuration reads "90s", "1h30m", "250ms", "7d" or "2w" and returns
// seconds. A bare number is an error: it does not say its unit.
func ParseDuration(text string) (float64, error) {
	seconds, err := readDuration(text)
	if err == nil && seconds > maxDuration {
		return 0, fmt.Errorf("%s is %s", Quote(text), tooLong)
	}
	return seconds, err
}

func readDuration(text string) (float64, error) {
	units := map[string]float64{"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
	rest, total := strings.TrimSpace(text), 0.0
	if rest == "" {
		return 0, fmt.Errorf("%s is not a duration", Quote(text))
	}
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if n <= 0 {
			return 0, fmt.Errorf("%s is not a duration", Quote(text))
		}
		value, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("%s is not a duration", Quote(text))
		}
		rest = rest[n:]
		end := strings.IndexFunc(rest, func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			return 0, fmt.Errorf("%s is not a duration: unknown unit %s", Quote(text), Quote(rest[:end]))
		}
		total += value * unit
		rest = rest[end:]
	}
	return total, nil
}

// ParsePercent reads "0.1%" or "10" and returns percent.
func ParsePercent(text string) (float64, error) {
	return strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "%")), 64)
}

// ParseSize reads "10MiB", "1.5GB" or "512" and returns bytes.
func ParseSize(text string) (float64, error) {
	t := strings.TrimSpace(text)
	n := len(t)
	for n > 0 && (t[n-1] < '0' || t[n-1] > '9') {
		n--
	}
	units := map[string]float64{"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
	unit, ok := units[strings.TrimSpace(t[n:])]
	if !ok || n == 0 {
		return 0, fmt.Errorf("%s is not a size", Quote(text))
	}
	value, err := strconv.ParseFloat(t[:n], 64)
	if err != nil {
		return 0, fmt.Errorf("%s is not a size", Quote(text))
	}
	return value * unit, nil
}

// ParseText reads a value of the field's type from text, as the command line
// gives it: lists are separated by commas. A duration has to say its unit.
func ParseText(f *Field, text string) (any, error) {
	switch f.Type {
	case Int, Number:
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, f.wants(text)
		}
		if i, ok := new(big.Int).SetString(strings.TrimSpace(text), 10); ok && i.CmpAbs(big.NewInt(maxExact)) > 0 {
			return nil, inexact(text)
		}
		return f.Check(n)
	case Bool:
		b, err := strconv.ParseBool(strings.TrimSpace(text))
		if err != nil {
			return nil, f.wants(text)
		}
		return b, nil
	case List:
		list := []any{}
		if strings.TrimSpace(text) != "" {
			for _, part := range strings.Split(text, ",") {
				var v any = strings.TrimSpace(part)
				if f.Elem != nil {
					e, err := ParseText(f.Elem, strings.TrimSpace(part))
					if err != nil {
						return nil, err
					}
					v = e
				}
				list = append(list, v)
			}
		}
		return f.Check(list)
	case Map, Object, Any:
		return nil, &FieldError{Problem: "cannot be given as text", Hint: "use a parameter file"}
	}
	return f.Check(text)
}

// FormatNumber returns a number as people read it: a whole one that is exact in full,
// another with so many digits.
func FormatNumber(v float64, digits int) string {
	if v == math.Trunc(v) && math.Abs(v) <= maxExact {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', digits, 64)
}

// maxExact is up to where a number tells every whole number from the next.
const maxExact = 1 << 53

// inexact refuses a whole number that would become another one.
func inexact(text string) *FieldError {
	return &FieldError{Problem: fmt.Sprintf("cannot be kept exactly: whole numbers go up to %d, got %s", maxExact, strings.TrimSpace(text)),
		Hint: `declare it as type = "string" if it is a name and not a quantity`}
}

func parseNumber(t Type, v any) (float64, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case int:
		return float64(v), nil
	case string:
		switch t {
		case Duration:
			return readDuration(v)
		case Percent:
			return ParsePercent(v)
		case Size:
			return ParseSize(v)
		}
	}
	return 0, fmt.Errorf("not a number")
}

// FormatDuration prints seconds as a person would write them: "15m", "1.5s",
// "250ms", "1d2h". Seconds are left out from a day on, and units that are zero.
func FormatDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + FormatDuration(max(-d, -(d+1))) // the least one has no opposite
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	}
	const day = 24 * time.Hour
	if d = d.Round(time.Second); d >= day {
		d = d.Round(time.Minute)
	}
	var b strings.Builder
	for _, u := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.size
		}
	}
	return b.String()
}
