package stdlib

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// watch is health.watch: measurements back to back for a while, each held
// against the thresholds.
func watch() effect.Composite {
	return effect.Composite{Uses: []string{"health.measure"}, Op: effect.Op{
		Module: "health", Name: "watch", Class: effect.Read,
		Doc: "Measure again and again for a while; an error as soon as a threshold is broken or nothing can be measured",
		Args: []effect.Field{env(),
			{Name: "during", Type: effect.Duration, Required: true, Doc: "how long to watch"},
			{Name: "every", Type: effect.Duration, Default: "30s", Min: effect.Bound(0.05), Doc: "the window of one measurement"},
			{Name: "slo", Type: effect.Map, Required: true, Elem: &effect.Field{Type: effect.String},
				Doc: `thresholds: { p99_latency = "< 200ms", error_rate = "< 0.1%" }`},
			{Name: "tolerate", Type: effect.Int, Default: 0.0, Min: effect.Bound(0),
				Doc: "how many bad measurements in a row to put up with"},
		},
		Returns: append(measured(), effect.Field{Name: "measurements", Type: effect.Int, Doc: "how many were made"}),
		Validate: func(args map[string]any) error {
			_, err := thresholds(args["slo"])
			return err
		},
	}, Run: runWatch}
}

func runWatch(ctx context.Context, p effect.Performer, args map[string]any) (any, error) {
	slo, err := thresholds(args["slo"])
	if err != nil {
		return nil, err
	}
	during, every, tolerate := args["during"].(float64), args["every"].(float64), args["tolerate"].(float64)
	do := doer{ctx, p}
	start, err := do.now()
	if err != nil {
		return nil, err
	}
	bad := 0.0
	for n := 1; ; n++ {
		v, err := p.Perform(ctx, "health.measure", map[string]any{"env": args["env"], "window": every})
		if err != nil && (effect.AsStop(err) != nil || effect.AsError(err).Code == effect.CodeInvalid) {
			return nil, err
		}
		at, nowErr := do.now()
		if nowErr != nil {
			return nil, nowErr
		}
		values, _ := v.(map[string]any)
		if values == nil {
			values = map[string]any{}
		}
		broken := judge(slo, values, err)
		if _, err := p.Perform(ctx, effect.OpGate, map[string]any{"values": map[string]any{
			"env": args["env"], "measured": values, "slo": args["slo"], "broken": toList(broken),
			"elapsed": min(at-start, during), "during": during}}); err != nil {
			return nil, err
		}
		if len(broken) == 0 {
			bad = 0
		} else if bad++; bad > tolerate {
			code := effect.CodeUnhealthy
			if err != nil || len(values) == 0 {
				code = effect.CodeNoData
			}
			return nil, effect.Errorf(code, "%s broke its gate: %s", args["env"], strings.Join(broken, ", "))
		}
		if at-start >= during {
			values["measurements"] = float64(n)
			return values, nil
		}
	}
}

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
	do := doer{ctx, p}
	var start float64
	for n := 1; ; n++ {
		at, err := do.now()
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
			return nil, effect.Errorf(effect.CodeUnhealthy, "%s is not healthy after %d checks in %s: %s", args["env"], n,
				effect.FormatDuration(effect.Seconds(timeout)), effect.AsError(err).Message)
		}
		if err := do.sleep(every, ""); err != nil {
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

// judge returns what is broken, in words. A metric that was not measured is
// broken.
func judge(slo []threshold, values map[string]any, err error) []string {
	if err != nil {
		return []string{"nothing could be measured: " + effect.AsError(err).Message}
	}
	var broken []string
	for _, t := range slo {
		got, ok := values[t.metric].(float64)
		if !ok {
			broken = append(broken, fmt.Sprintf("%s has no data (wants %s)", t.metric, t.text))
			continue
		}
		pass := t.op == "<" && got < t.bound || t.op == "<=" && got <= t.bound ||
			t.op == ">" && got > t.bound || t.op == ">=" && got >= t.bound
		if !pass {
			broken = append(broken, fmt.Sprintf("%s is %s (wants %s)", t.metric, FormatMetric(t.metric, got), t.text))
		}
	}
	return broken
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

func toList(s []string) []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i]
	}
	return out
}
