package effect_test

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestParseDuration(t *testing.T) {
	tests := []struct {
		text string
		want float64 // seconds; -1 for an error
		err  string
	}{
		{"90s", 90, ""}, {"1h30m", 5400, ""}, {"250ms", 0.25, ""}, {"7d", 604800, ""}, {"2w", 1209600, ""},
		{"1.5h", 5400, ""}, {" 15m ", 900, ""}, {"0s", 0, ""}, {"5us", 5e-6, ""}, {"5µs", 5e-6, ""}, {"1d2h3m4s", 93784, ""},
		{"", -1, `"" is not a duration`}, {"15", -1, `"15" is not a duration`}, {"m", -1, `"m" is not a duration`},
		{"15 minutes", -1, `unknown unit " minutes"`}, {"1x", -1, `unknown unit "x"`}, {"-5m", -1, `"-5m" is not a duration`},
		{"1.2.3s", -1, "is not a duration"}, {"5m3", -1, "is not a duration"}, {".s", -1, "is not a duration"}, {"1e3s", -1, "unknown unit"},
		{"292y", -1, `unknown unit "y"`}, {"106751d", 106751 * 86400, ""}, {"106752d", -1, `"106752d" is longer than 292 years`},
	}
	for _, test := range tests {
		got, err := effect.ParseDuration(test.text)
		switch {
		case test.want < 0 && (err == nil || !strings.Contains(err.Error(), test.err)):
			t.Errorf("%q: %v, %v; want an error with %q", test.text, got, err, test.err)
		case test.want >= 0 && (err != nil || math.Abs(got-test.want) > 1e-12):
			t.Errorf("%q: %v, %v; want %v", test.text, got, err, test.want)
		}
	}
}

func TestParsePercentAndSize(t *testing.T) {
	for text, want := range map[string]float64{"0.1%": 0.1, "10": 10, " 99.9 % ": 99.9, "100%": 100} {
		if got, err := effect.ParsePercent(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]float64{"10MiB": 10 << 20, "1.5GB": 1.5e9, "512": 512, "512B": 512, "1 KiB": 1024, "2kB": 2000, "1TiB": 1 << 40} {
		if got, err := effect.ParseSize(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "%", "ten", "10%%"} {
		if got, err := effect.ParsePercent(text); err == nil {
			t.Errorf("percent %q: %v", text, got)
		}
	}
	for _, text := range []string{"", "MiB", "10 mib", "10MiBs", "1.2.3MB"} {
		if got, err := effect.ParseSize(text); err == nil {
			t.Errorf("size %q: %v", text, got)
		}
	}
}

func TestParseText(t *testing.T) {
	const tooLarge = "cannot be kept exactly: whole numbers go up to 9007199254740992, got "
	const asText = `; declare it as type = "string" if it is a name and not a quantity`
	tests := []struct {
		field effect.Field
		text  string
		want  any
		err   string
	}{
		{effect.Field{Type: effect.String}, " a ", " a ", ""},
		{effect.Field{Type: effect.Int}, " 12 ", 12.0, ""},
		{effect.Field{Type: effect.Int}, "1.5", nil, "wants a whole number, got 1.5"},
		{effect.Field{Type: effect.Int}, "-9007199254740992", -9007199254740992.0, ""},
		{effect.Field{Type: effect.Int}, "9007199254740993", nil, tooLarge + "9007199254740993" + asText},
		{effect.Field{Type: effect.Number}, "-9007199254740993", nil, tooLarge + "-9007199254740993" + asText},
		{effect.Field{Type: effect.Int}, "1e16", nil, tooLarge + "10000000000000000" + asText},
		{effect.Field{Type: effect.Number}, "1e16", 1e16, ""},
		{effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.Int}}, "1,9007199254740993", nil, tooLarge + "9007199254740993" + asText},
		{effect.Field{Type: effect.Number}, "x", nil, `wants a number, got "x"`},
		{effect.Field{Type: effect.Number}, "NaN", nil, "is NaN, which is not a number to work with"},
		{effect.Field{Type: effect.Bool}, "true", true, ""},
		{effect.Field{Type: effect.Bool}, "yes", nil, `wants true or false, got "yes"`},
		{effect.Field{Type: effect.Duration}, "15m", 900.0, ""},
		{effect.Field{Type: effect.Duration}, "soon", nil, `wants a duration like "15m", got "soon"`},
		{effect.Field{Type: effect.Enum, Enum: []string{"blue", "green"}}, "green", "green", ""},
		{effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.Int}}, "1, 2", []any{1.0, 2.0}, ""},
		{effect.Field{Type: effect.List}, "a,b", []any{"a", "b"}, ""},
		{effect.Field{Type: effect.List}, " ", []any{}, ""},
		{effect.Field{Type: effect.Map}, "a=b", nil, "cannot be given as text; use a parameter file"},
	}
	for _, test := range tests {
		got, err := effect.ParseText(&test.field, test.text)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s %q: %v, %v; want the error %q", test.field.Type, test.text, got, err, test.err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %q: %#v, %v; want %#v", test.field.Type, test.text, got, err, test.want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for s, want := range map[float64]time.Duration{1.5: 1500 * time.Millisecond, 0: 0, 1e300: math.MaxInt64,
		math.Inf(1): math.MaxInt64, -1: -time.Second, -1e300: math.MinInt64} {
		if got := effect.Seconds(s); got != want {
			t.Errorf("%v s are %v, want %v", s, got, want)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 42 * time.Microsecond: "42µs", 250 * time.Millisecond: "250ms", 1500 * time.Millisecond: "1.5s",
		9960 * time.Millisecond: "10s", 59600 * time.Millisecond: "1m", 15 * time.Minute: "15m", 26 * time.Hour: "1d2h",
		93784 * time.Second: "1d2h3m", 48 * time.Hour: "2d", 24*time.Hour + 29*time.Second: "1d", -15 * time.Minute: "-15m",
		math.MaxInt64: "106751d23h47m", math.MinInt64: "-106751d23h47m",
	} {
		if got := effect.FormatDuration(d); got != want {
			t.Errorf("%d is %q, want %q", d, got, want)
		}
	}
}

// A duration that is printed can be read again and is the same to the
// precision shown.
func TestDurationsReadBack(t *testing.T) {
	for _, d := range []time.Duration{0, time.Microsecond, 17 * time.Millisecond, 2500 * time.Millisecond, 15 * time.Minute, 26*time.Hour + 3*time.Minute} {
		s, err := effect.ParseDuration(effect.FormatDuration(d))
		if err != nil || effect.Seconds(s) != d {
			t.Errorf("%v printed as %q reads as %v, %v", d, effect.FormatDuration(d), s, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1h30m", "10MiB", "0.1%", "µs", "9999999999999999999999w"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := effect.ParseDuration(text); err == nil && (s < 0 || math.IsNaN(s)) {
			t.Errorf("the duration %q is %v", text, s)
		}
		if s, err := effect.ParseSize(text); err == nil && (s < 0 || math.IsNaN(s)) && !strings.HasPrefix(strings.TrimSpace(text), "-") {
			t.Errorf("the size %q is %v", text, s)
		}
		// Whatever was read, a field holds only finite numbers within bounds.
		for _, typ := range []effect.Type{effect.Duration, effect.Size, effect.Percent, effect.Number} {
			field := effect.Field{Type: typ, Max: effect.Bound(1e6)}
			v, err := effect.ParseText(&field, text)
			if n, ok := v.(float64); err == nil && (!ok || math.IsNaN(n) || n > 1e6) {
				t.Errorf("%s %q is %v", typ, text, v)
			}
		}
	})
}

func TestDidYouMean(t *testing.T) {
	known := []string{"window", "every", "during", "slo", "p99_latency"}
	for word, want := range map[string]string{
		"windwo": "window", "widow": "window", "evry": "every", "p99latency": "p99_latency", "slo": "slo", "solo": "slo",
		"": "", "completely": "", "zzz": "",
	} {
		got, ok := effect.Nearest(word, known)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", word, got, ok, want)
		}
	}
	if got := effect.DidYouMean("windwo", known); got != `did you mean "window"?` {
		t.Error(got)
	}
	if got := effect.DidYouMean("zzz", known); got != "" {
		t.Error(got)
	}
	if _, ok := effect.Nearest("a", nil); ok {
		t.Error("a word is near to nothing")
	}
}
