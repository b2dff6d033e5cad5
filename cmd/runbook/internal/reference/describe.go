package reference

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func splitNames(names string) []string { return strings.Split(names, ", ") }

// typeOf says in a few words what values a field takes.
func typeOf(f *effect.Field) string {
	switch f.Type {
	case effect.Enum:
		return quoted(f.Enum)
	case effect.List:
		if f.Elem != nil && f.Elem.Type != effect.Object {
			return "list of " + typeOf(f.Elem)
		}
		return "list"
	case effect.Map:
		if f.Elem != nil && f.Elem.Type != effect.Object {
			return "map of " + typeOf(f.Elem)
		}
		return "map"
	case effect.Object:
		return "table"
	case effect.Any:
		return "any"
	}
	if f.Secret {
		return "secret"
	}
	return string(f.Type)
}

func quoted(values []string) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strconv.Quote(v)
	}
	return strings.Join(out, " | ")
}

// bounds says what else is asked of a value: "1 to 256", "RE2 ^v".
func bounds(f *effect.Field) string {
	var parts []string
	unit := ""
	switch f.Type {
	case effect.String:
		unit = " characters"
	case effect.List:
		unit = " elements"
	case effect.Duration:
		unit = " s"
	case effect.Percent:
		unit = " %"
	}
	switch {
	case f.Min != nil && f.Max != nil:
		parts = append(parts, fmt.Sprintf("%s to %s%s", number(*f.Min), number(*f.Max), unit))
	case f.Min != nil && *f.Min == 1 && (f.Type == effect.String || f.Type == effect.List || f.Type == effect.Map):
		parts = append(parts, "not empty")
	case f.Min != nil:
		parts = append(parts, "at least "+number(*f.Min)+unit)
	case f.Max != nil:
		parts = append(parts, "at most "+number(*f.Max)+unit)
	}
	if f.Pattern != "" {
		parts = append(parts, "matches "+f.Pattern)
	}
	if f.Path != "" {
		parts = append(parts, "a relative path counts from the configuration's file")
	}
	return strings.Join(parts, ", ")
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// preset says what a field is when nothing is given: "required", "default
// 10s", or nothing.
func preset(f *effect.Field) string {
	if f.Required {
		return "required"
	}
	switch v := f.Default.(type) {
	case nil:
		return ""
	case string:
		return "default " + strconv.Quote(v)
	case float64:
		return "default " + number(v)
	default:
		if data, err := effect.Encode(v, nil); err == nil {
			return "default " + string(data)
		}
		return ""
	}
}

// members returns the fields inside a field: those of a table, or of the
// elements of a list or map.
func members(f *effect.Field) []effect.Field {
	if len(f.Fields) > 0 {
		return f.Fields
	}
	if f.Elem != nil {
		return members(f.Elem)
	}
	return nil
}

// classOf says what an op may do, and how its class is found where the caller
// decides.
func classOf(op *effect.Op) string {
	switch {
	case op.ClassArg != "" && len(op.ClassOf) == 0:
		return "as the argument " + op.ClassArg + " says; irreversible without it"
	case op.KindArg != "":
		var kinds []string
		for _, class := range []effect.Class{effect.Read, effect.Write, effect.Irreversible} {
			var of []string
			for kind, c := range op.ClassOf {
				if c == class {
					of = append(of, kind)
				}
			}
			if len(of) > 0 {
				slices.Sort(of)
				kinds = append(kinds, string(class)+" for "+strings.Join(of, ", "))
			}
		}
		text := "by the argument " + op.KindArg + ": " + strings.Join(kinds, "; ") + "; irreversible otherwise"
		if op.ClassArg != "" {
			text += "; the argument " + op.ClassArg + " comes first"
		}
		return text
	case op.Class == "":
		return string(effect.Irreversible)
	}
	return string(op.Class)
}

// recoveryOf says what becomes of an outcome that nobody saw; empty for reads.
func recoveryOf(op *effect.Op) string {
	if op.ReadsOnly() {
		return ""
	}
	var what string
	switch op.Recovery {
	case effect.Retry:
		what = "retry: the same call is sent again with the same key"
		if op.RaisesUnknown {
			what += "; after three tries it is an error"
		}
	case effect.Observe:
		what = "observe: the backend is asked whether it was applied"
	case effect.Forgo:
		what = "forgo: it is neither repeated nor asked about"
	default:
		what = "ask: an operator says what happened (`resolve`)"
	}
	if op.RecoveryArg != "" {
		what = "as the argument " + op.RecoveryArg + " says; without it " + what
	}
	return what
}

// timeoutOf says how long one call may take.
func timeoutOf(op *effect.Op) string {
	for _, name := range []string{"timeout", "window", "during"} {
		for _, f := range op.Args {
			if f.Name == name && f.Type == effect.Duration {
				return "as the argument " + name + " says"
			}
		}
	}
	d := op.Timeout
	if d <= 0 {
		d = effect.DefaultTimeout
	}
	return shortDuration(d)
}

// shortDuration prints 10m0s as 10m.
func shortDuration(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "m0s")
	if s != d.String() {
		s += "m"
	}
	if t := strings.TrimSuffix(s, "h0m"); t != s {
		s = t + "h"
	}
	return s
}

// plain turns Markdown's back quotes into nothing: for terminals.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

// sentence ends a text with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") || strings.HasSuffix(text, "!") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

// usageOf shows how an op is called, with the arguments that it needs.
func usageOf(op *effect.Op) string {
	var args []string
	for i := range op.Args {
		if f := &op.Args[i]; f.Required {
			args = append(args, f.Name+" = "+sample(f))
		}
	}
	if op.Rest != nil {
		args = append(args, "NAME = "+sample(op.Rest))
	}
	if len(args) < len(op.Args) || len(args) == 0 && len(op.Args) > 0 {
		args = append(args, "…")
	}
	if len(args) == 0 {
		return op.String() + " {}"
	}
	return op.String() + " { " + strings.Join(args, ", ") + " }"
}

// sample is a placeholder of a field's type.
func sample(f *effect.Field) string {
	switch f.Type {
	case effect.Int, effect.Number:
		return "1"
	case effect.Bool:
		return "true"
	case effect.Duration:
		return `"1m"`
	case effect.Percent:
		return `"10%"`
	case effect.Size:
		return `"1MiB"`
	case effect.Enum:
		if len(f.Enum) > 0 {
			return strconv.Quote(f.Enum[0])
		}
	case effect.List, effect.Map, effect.Object:
		return "{ … }"
	}
	return `"…"`
}
