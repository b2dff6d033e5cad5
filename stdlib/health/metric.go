package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// Metric is the kind of name that thresholds hold: effect.Field.Names.
const Metric = "metric"

// ownName matches what a metric of a configuration may be called.
var ownName = lazyregexp.New(`^[a-z][a-z0-9_]{0,62}$`)

// Metrics returns the names that every target may measure. A configuration may
// name more.
func Metrics() []string { return slices.Clone(standard) }

// standard holds those names; it is only read.
var standard = func() []string {
	var names []string
	for _, f := range measured() {
		names = append(names, f.Name)
	}
	return names
}()

// measured lists the metrics that every target may measure.
func measured() []effect.Field {
	return []effect.Field{
		{Name: "p50_latency", Type: effect.Duration, LessIsBetter: true, Doc: "median time to answer"},
		{Name: "p95_latency", Type: effect.Duration, LessIsBetter: true, Doc: "95th percentile"},
		{Name: "p99_latency", Type: effect.Duration, LessIsBetter: true, Doc: "99th percentile"},
		{Name: "error_rate", Type: effect.Percent, LessIsBetter: true, Doc: "failed requests in percent of all"},
		{Name: "throughput", Type: effect.Number, Doc: "requests a second"},
		{Name: "uptime", Type: effect.Percent, Doc: "probes that found it up, in percent"},
		{Name: "burn_fast", Type: effect.Number, LessIsBetter: true, Doc: "how many times faster than the objective allows errors happen: the lesser of the last 5 minutes and the last hour"},
		{Name: "burn_slow", Type: effect.Number, LessIsBetter: true, Doc: "the same, of the last 30 minutes and the last 6 hours"},
		{Name: "samples", Type: effect.Int, Doc: "requests and probes that the figures rest on"},
	}
}

// CheckMetric reports why nothing can be a metric of that name: it is a slip of
// the finger, or belongs to something else.
func CheckMetric(name string) *effect.FieldError {
	known := Metrics()
	if slices.Contains(known, name) {
		return nil
	}
	if near, ok := effect.Slip(name, known); ok {
		return &effect.FieldError{Problem: "is not a metric", Hint: fmt.Sprintf("did you mean %q?", near)}
	}
	switch name {
	case "healthy", "age", "no_data", "metrics", "measurements", "assumed", "bad", "timeline", "at", "alerts":
		return &effect.FieldError{Problem: "is not a metric", Hint: "the word has another meaning beside metrics: choose another one"}
	}
	if !ownName.MatchString(name) {
		return &effect.FieldError{Problem: "cannot be the name of a metric", Hint: "write small letters, digits and underscores; known: " + strings.Join(known, ", ")}
	}
	return nil
}

// parseMetric reads a bound. One of a metric of the configuration is a number
// in whatever its query answers with; "5%" and "200ms" say that this is percent,
// or seconds.
func parseMetric(metric, text string) (float64, error) {
	for _, f := range measured() {
		if f.Name == metric {
			v, err := effect.ParseText(&f, text)
			x, _ := v.(float64)
			return x, err
		}
	}
	v, err := effect.ParseText(&effect.Field{Type: typeOf(text)}, text)
	x, _ := v.(float64)
	return x, err
}

// typeOf tells from a bound what it is of.
func typeOf(text string) effect.Type {
	switch {
	case strings.HasSuffix(text, "%"):
		return effect.Percent
	case strings.ContainsAny(strings.TrimLeft(text, "+-.0123456789"), "smhd"):
		return effect.Duration
	}
	return effect.Number
}

// FormatMetric prints a metric's value in its unit: "183ms", "0.04%". That of a
// metric of the configuration is told from its threshold.
func FormatMetric(metric, threshold string, value float64) string {
	is := typeOf(strings.TrimLeft(threshold, "<>= "))
	for _, f := range measured() {
		if f.Name == metric {
			is = f.Type
		}
	}
	switch is {
	case effect.Duration:
		return effect.FormatDuration(effect.Seconds(value))
	case effect.Percent:
		return fmt.Sprintf("%.4g%%", value)
	}
	return fmt.Sprintf("%.4g", value)
}
