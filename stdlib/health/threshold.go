package health

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// threshold is one bound of an slo table.
type threshold struct {
	metric, text, op string
	bound            float64
}

// thresholds reads a table of them, which is the argument of that name, in the
// order of its metrics' names.
func thresholds(name string, v any) ([]threshold, error) {
	table, _ := v.(map[string]any)
	if len(table) == 0 {
		return nil, &effect.FieldError{Path: name, Problem: "names no metric", Hint: "write " + name + ` = { error_rate = "< 0.1%" }`}
	}
	var list []threshold
	for _, metric := range slices.Sorted(maps.Keys(table)) {
		if err := CheckMetric(metric); err != nil {
			return nil, &effect.FieldError{Path: name + "." + metric, Problem: err.Problem, Hint: err.Hint}
		}
		text, _ := table[metric].(string)
		t, err := readThreshold(metric, text)
		if err != nil {
			return nil, &effect.FieldError{Path: name + "." + metric, Problem: err.Error()}
		}
		list = append(list, t)
	}
	return list, nil
}

// readThreshold reads one, "< 200ms".
func readThreshold(metric, text string) (threshold, error) {
	t := threshold{metric: metric, text: text}
	for _, op := range []string{"<=", ">=", "<", ">"} {
		rest, found := strings.CutPrefix(strings.TrimSpace(text), op)
		if !found {
			continue
		}
		var err error
		t.op = op
		t.bound, err = parseMetric(metric, strings.TrimSpace(rest))
		return t, err
	}
	return t, fmt.Errorf("wants a comparison like \"< 200ms\", got %q", text)
}

// holds reports whether a value keeps the threshold.
func (t threshold) holds(x float64) bool {
	return t.op == "<" && x < t.bound || t.op == "<=" && x <= t.bound ||
		t.op == ">" && x > t.bound || t.op == ">=" && x >= t.bound
}

// below reports whether less is better.
func (t threshold) below() bool { return t.op[0] == '<' }

// kept returns a value that keeps the threshold, or one that breaks it.
func (t threshold) kept(is bool) float64 {
	switch {
	case !t.below() && is && t.bound < 100 && strings.HasSuffix(t.text, "%"):
		return (t.bound + 100) / 2
	case t.below() != is:
		return 2*max(t.bound, 0) + 1
	case t.bound > 0:
		return t.bound / 2
	}
	return t.bound - 1
}

// judge returns what is broken, in words, and the code of the error that it
// is: "unhealthy" if a threshold is, "no_data" if nothing is known that could
// break one, "invalid" if nothing ever will be, by windows of this length. A
// metric that was not measured is broken.
func judge(slo []threshold, values map[string]any, gaps any, err error) ([]string, effect.Code) {
	if err != nil {
		return []string{"nothing could be measured: " + effect.AsError(err).Message}, effect.CodeNoData
	}
	var broken []string
	code := effect.CodeNoData
	for _, t := range slo {
		got, ok := values[t.metric].(float64)
		if !ok {
			text := fmt.Sprintf("%s has no data (wants %s)", t.metric, t.text)
			why, lasting := whyNoData(gaps, t.metric)
			if why != "" {
				text += ": " + why
			}
			if broken = append(broken, text); lasting && code == effect.CodeNoData {
				code = effect.CodeInvalid
			}
			continue
		}
		if !t.holds(got) {
			code = effect.CodeUnhealthy
			broken = append(broken, fmt.Sprintf("%s is %s (wants %s)", t.metric, FormatMetric(t.metric, t.text, got), t.text))
		}
	}
	return broken, code
}

// whyNoData returns what a measurement says of a metric that it left out, ""
// if it says nothing, and whether others like it will leave it out, too.
func whyNoData(noData any, metric string) (why string, lasting bool) {
	gaps, _ := noData.([]any)
	for _, g := range gaps {
		if g, _ := g.(map[string]any); g["metric"] == metric {
			why, _ = g["why"].(string)
			lasting, _ = g["lasting"].(bool)
			return why, lasting
		}
	}
	return "", false
}

// Bound reads a threshold of a metric, "< 200ms": its comparison and its bound
// in the metric's own unit. ok is false if it is none.
func Bound(metric, text string) (op string, bound float64, ok bool) {
	list, err := thresholds("slo", map[string]any{metric: text})
	if err != nil {
		return "", 0, false
	}
	return list[0].op, list[0].bound, true
}
