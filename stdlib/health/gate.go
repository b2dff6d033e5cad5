package health

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/composite"
)

// wait is health.wait: checks with pauses until one passes.
func wait() effect.Composite {
	return effect.Composite{Uses: []string{"health.check"}, Op: effect.Op{
		Module: "health", Name: "wait", Class: effect.Read,
		Doc: "Check again and again until the target is healthy; an error if it is not within the timeout",
		Args: []effect.Field{env(),
			{Name: "timeout", Type: effect.Duration, Default: "5m", Doc: "how long to wait"},
			{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.05), Doc: "the pause between checks"},
		},
		Returns: []effect.Field{
			{Name: "healthy", Type: effect.Bool, Doc: "true"},
			{Name: "checks", Type: effect.Int, Doc: "how many were made"},
		},
	}, Run: runWait}
}

func runWait(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	timeout, every := args["timeout"].(float64), args["every"].(float64)
	do := composite.For(ctx, p)
	var start float64
	for n := 1; ; n++ {
		at, err := do.Now()
		if err != nil {
			return nil, err
		}
		if n == 1 {
			start = at
		}
		_, err = p.Perform(ctx, "health.check", map[string]any{"env": args["env"], "timeout": min(every, 10)})
		if err == nil {
			return map[string]any{"healthy": true, "checks": float64(n)}, nil
		}
		if e := effect.AsError(err); effect.AsStop(err) != nil || e.Code == effect.CodeInvalid || e.Code == effect.CodeNotFound {
			return nil, err
		}
		if at-start+every > timeout {
			last := effect.AsError(err)
			code := effect.CodeUnhealthy
			if last.Code == effect.CodeNoData { // nobody knows that it is not
				code = last.Code
			}
			e := effect.Errorf(code, "%s is not healthy after %d checks in %s: %s", args["env"], n,
				effect.FormatDuration(effect.Seconds(timeout)), last.Message)
			e.Hint = last.Hint
			return nil, e
		}
		if err := do.Sleep(every, ""); err != nil {
			return nil, err
		}
	}
}

// threshold is one bound of an slo table.
type threshold struct {
	metric, text, op string
	bound            float64
}

// thresholds reads an slo table, in the order of its metrics' names.
func thresholds(v any) ([]threshold, error) {
	slo, _ := v.(map[string]any)
	fields := map[string]effect.Field{}
	var names, keys []string
	for _, f := range measured() {
		fields[f.Name] = f
		names = append(names, f.Name)
	}
	for k := range slo {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	if len(keys) == 0 {
		return nil, &effect.FieldError{Path: "slo", Problem: "names no metric", Hint: `write slo = { error_rate = "< 0.1%" }`}
	}
	var list []threshold
	for _, k := range keys {
		f, ok := fields[k]
		if !ok {
			hint := effect.DidYouMean(k, names)
			if hint == "" {
				hint = "known: " + strings.Join(names, ", ")
			}
			return nil, &effect.FieldError{Path: "slo." + k, Problem: "is not a metric", Hint: hint}
		}
		t := threshold{metric: k}
		t.text, _ = slo[k].(string)
		for _, op := range []string{"<=", ">=", "<", ">"} {
			if rest, found := strings.CutPrefix(strings.TrimSpace(t.text), op); found {
				bound, err := effect.ParseText(&f, strings.TrimSpace(rest))
				if err != nil {
					return nil, &effect.FieldError{Path: "slo." + k, Problem: err.Error()}
				}
				t.op, t.bound = op, bound.(float64)
				break
			}
		}
		if t.op == "" {
			return nil, &effect.FieldError{Path: "slo." + k,
				Problem: fmt.Sprintf("wants a comparison like \"< 200ms\", got %q", t.text)}
		}
		list = append(list, t)
	}
	return list, nil
}

// judge returns what is broken, in words, and the code of the error that it
// is: "unhealthy" if a threshold is, "no_data" if nothing is known that could
// break one, "invalid" if nothing ever will be, by windows of this length. A
// metric that was not measured is broken.
func judge(slo []threshold, values map[string]any, err error) ([]string, effect.Code) {
	if err != nil {
		return []string{"nothing could be measured: " + effect.AsError(err).Message}, effect.CodeNoData
	}
	var broken []string
	code := effect.CodeNoData
	for _, t := range slo {
		got, ok := values[t.metric].(float64)
		if !ok {
			text := fmt.Sprintf("%s has no data (wants %s)", t.metric, t.text)
			why, lasting := whyNoData(values, t.metric)
			if why != "" {
				text += ": " + why
			}
			if broken = append(broken, text); lasting && code == effect.CodeNoData {
				code = effect.CodeInvalid
			}
			continue
		}
		pass := t.op == "<" && got < t.bound || t.op == "<=" && got <= t.bound ||
			t.op == ">" && got > t.bound || t.op == ">=" && got >= t.bound
		if !pass {
			code = effect.CodeUnhealthy
			broken = append(broken, fmt.Sprintf("%s is %s (wants %s)", t.metric, FormatMetric(t.metric, got), t.text))
		}
	}
	return broken, code
}

// whyNoData returns what a measurement says of a metric that it left out, ""
// if it says nothing, and whether others like it will leave it out, too.
func whyNoData(values map[string]any, metric string) (why string, lasting bool) {
	gaps, _ := values["no_data"].([]any)
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
	list, err := thresholds(map[string]any{metric: text})
	if err != nil || len(list) != 1 {
		return "", 0, false
	}
	return list[0].op, list[0].bound, true
}

// FormatMetric prints a metric's value in its unit: "183ms", "0.04%".
func FormatMetric(metric string, value float64) string {
	for _, f := range measured() {
		if f.Name != metric {
			continue
		}
		switch f.Type {
		case effect.Duration:
			return effect.FormatDuration(effect.Seconds(value))
		case effect.Percent:
			return fmt.Sprintf("%.4g%%", value)
		}
	}
	return fmt.Sprintf("%.4g", value)
}
