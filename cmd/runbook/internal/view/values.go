package view

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

// Args prints an effect's recorded arguments in the units of their fields:
// "green 10%, blue 90%". Defaults, and arguments that say how rather than what
// (timeouts, class, recovery), are left out.
func Args(catalog *effect.Catalog, op string, raw json.RawMessage) string {
	v, err := effect.Decode(raw)
	if err != nil || len(raw) == 0 {
		return ""
	}
	args, _ := v.(map[string]any)
	return arguments(catalog, op, args)
}

func arguments(catalog *effect.Catalog, op string, args map[string]any) string {
	decl := &effect.Op{}
	if known, ok := catalog.Op(op); ok {
		decl = known
	} else if loop, ok := catalog.Composite(op); ok {
		decl = &loop.Op
	}
	if title, ok := args["title"].(string); ok && title != "" && decl.ClassArg != "" {
		return clean(title) // what the script's author calls it says more than a command line
	}
	var parts []string
	seen := map[string]bool{}
	for i := range decl.Args {
		f := &decl.Args[i]
		seen[f.Name] = true
		val, ok := args[f.Name]
		how := f.Name == "timeout" || f.Name != "" && (f.Name == decl.ClassArg || f.Name == decl.RecoveryArg)
		if !ok || how || isDefault(f, val) {
			continue
		}
		text := value(f, val)
		if !f.Required && (i > 0 || decl.Rest != nil) { // beside names, a bare value would be one
			text = f.Name + " " + text
		}
		parts = append(parts, text)
	}
	var rest []string
	for k := range args {
		if !seen[k] {
			rest = append(rest, k)
		}
	}
	sort.Strings(rest)
	for _, k := range rest {
		parts = append(parts, clean(k)+" "+value(decl.Rest, args[k]))
	}
	return strings.Join(parts, ", ")
}

func isDefault(f *effect.Field, v any) bool {
	if f.Default == nil {
		return false
	}
	d, err := f.Check(f.Default)
	if err != nil {
		return false
	}
	a, errA := effect.Encode(v, nil)
	b, errB := effect.Encode(d, nil)
	return errA == nil && errB == nil && string(a) == string(b)
}

// value prints one value in the unit of its field; f may be nil.
func value(f *effect.Field, v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return clean(v)
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if f != nil {
			switch f.Type {
			case effect.Duration:
				return effect.FormatDuration(effect.Seconds(v))
			case effect.Percent:
				return strconv.FormatFloat(v, 'g', 6, 64) + "%"
			case effect.Size:
				return size(v)
			}
		}
		return effect.FormatNumber(v, 10)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			var elem *effect.Field
			if f != nil {
				elem = f.Elem
			}
			parts[i] = value(elem, v[i])
		}
		return strings.Join(parts, " ")
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		parts := make([]string, len(keys))
		for i, k := range keys {
			var elem *effect.Field
			if f != nil {
				elem = f.Elem
			}
			parts[i] = clean(k) + " " + value(elem, v[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return clean(fmt.Sprint(v))
}

// size prints bytes in the largest binary unit that holds them exactly.
func size(bytes float64) string {
	unit := "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if bytes < 1024 || math.Mod(bytes, 1024) != 0 {
			break
		}
		bytes, unit = bytes/1024, u
	}
	return strconv.FormatFloat(bytes, 'f', -1, 64) + unit
}

// bare prints a table's members without the braces around them.
func bare(m map[string]any) string {
	return strings.TrimSuffix(strings.TrimPrefix(value(nil, m), "{"), "}")
}

// gate prints a gate's measurement beside its thresholds: "green 30s/15m
// p99_latency 12ms < 200ms, error_rate 0% < 0.1%".
func gate(s Style, raw json.RawMessage) (line string, broken bool) {
	v, err := effect.Decode(raw)
	if err != nil {
		return "", false
	}
	g, _ := v.(map[string]any)
	measured, _ := g["measured"].(map[string]any)
	slo, _ := g["slo"].(map[string]any)
	bad, _ := g["broken"].([]any)
	isBad := func(metric string) bool {
		for _, b := range bad {
			if text, _ := b.(string); strings.HasPrefix(text, metric+" ") || strings.HasPrefix(text, "nothing") {
				return true
			}
		}
		return false
	}
	var names []string
	for k := range slo {
		names = append(names, k)
	}
	sort.Strings(names)
	parts := []string{}
	for _, name := range names {
		got := "no data"
		if x, ok := measured[name].(float64); ok {
			threshold, _ := slo[name].(string)
			got = health.FormatMetric(name, threshold, x)
		}
		text := fmt.Sprintf("%s %s %s", clean(strings.TrimSuffix(name, "_latency")), got, value(nil, slo[name]))
		if isBad(name) {
			text = s.Red(text + " ✗")
		}
		parts = append(parts, text)
	}
	if text, _ := g["traffic"].(string); text != "" {
		mark := s.Yellow(clean(text))
		if slices.ContainsFunc(bad, func(b any) bool { said, _ := b.(string); return strings.HasPrefix(said, text) }) {
			mark = s.Red(clean(text) + " ✗")
		}
		parts = append(parts, mark)
	}
	warned, _ := g["warned"].([]any)
	for _, w := range warned {
		text, _ := w.(string)
		parts = append(parts, s.Yellow("warning: "+clean(text)))
	}
	for _, text := range health.Compared(g) {
		if strings.HasSuffix(text, ": worse") {
			parts = append(parts, s.Red(clean(text)+" ✗"))
		} else {
			parts = append(parts, clean(text))
		}
	}
	elapsed, _ := g["elapsed"].(float64)
	during, _ := g["during"].(float64)
	head := fmt.Sprintf("%s %s/%s", value(nil, g["env"]), effect.FormatDuration(effect.Seconds(elapsed)), effect.FormatDuration(effect.Seconds(during)))
	return head + "  " + strings.Join(parts, "  "), len(bad) > 0
}

// Params prints a run's recorded parameters, one a line, in the order and the
// units of their declarations; without any, in the order of their names.
func Params(fields []effect.Field, raw json.RawMessage) []string {
	v, err := effect.Decode(raw)
	if err != nil || len(raw) == 0 {
		return nil
	}
	params, _ := v.(map[string]any)
	names := make([]string, 0, len(params))
	declared := map[string]*effect.Field{}
	for i := range fields {
		declared[fields[i].Name] = &fields[i]
		if _, ok := params[fields[i].Name]; ok {
			names = append(names, fields[i].Name)
		}
	}
	var rest []string
	for name := range params {
		if declared[name] == nil {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	var lines []string
	for _, name := range append(names, rest...) {
		lines = append(lines, clean(name)+" = "+listed(declared[name], params[name]))
	}
	return lines
}
