package booktest

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

// same compares plain data. Lua's {} is both an empty list and an empty table.
func same(a, b any) bool {
	x, errX := effect.Encode(leveled(a), digested)
	y, errY := effect.Encode(leveled(b), digested)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func digested(s effect.Secret) string { return s.Name() }

// leveled brings data into a form in which what Lua cannot tell apart is the
// same, and everything can be encoded.
func leveled(v any) any {
	switch v := v.(type) {
	case []any:
		if len(v) == 0 {
			return map[string]any{}
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = leveled(e)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if e != nil {
				out[k] = leveled(e)
			}
		}
		return out
	case script.Mixed:
		return map[string]any{"list": leveled(v.List), "named": leveled(v.Named)}
	case *script.Callback:
		return "function at " + v.Where().String()
	}
	return v
}

// maxPretty bounds the lines of one value.
const maxPretty = 400

// pretty writes a value as Lua does, a line each key.
func pretty(v any) []string {
	lines := prettyAt(v, "")
	if len(lines) > maxPretty {
		lines = append(lines[:maxPretty:maxPretty], fmt.Sprintf("… %d more lines", len(lines)-maxPretty))
	}
	return lines
}

func prettyAt(v any, indent string) []string {
	block := func(open string, lines [][]string) []string {
		out := []string{open + "{"}
		for _, l := range lines {
			out = append(out, l...)
			out[len(out)-1] += ","
		}
		return append(out, indent+"}")
	}
	var parts [][]string
	switch v := v.(type) {
	case []any:
		if flat := short(v); flat != "" {
			return []string{flat}
		}
		for _, e := range v {
			lines := prettyAt(e, indent+"  ")
			lines[0] = indent + "  " + lines[0]
			parts = append(parts, lines)
		}
		return block("", parts)
	case map[string]any:
		if flat := short(v); flat != "" {
			return []string{flat}
		}
		for _, k := range slices.Sorted(maps.Keys(v)) {
			lines := prettyAt(v[k], indent+"  ")
			lines[0] = indent + "  " + keyText(k) + " = " + lines[0]
			parts = append(parts, lines)
		}
		return block("", parts)
	}
	return []string{scalar(v)}
}

// short writes a table on one line if it is empty or a short list of scalars.
func short(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			return "{}"
		}
	case []any:
		text := "{ "
		for i, e := range v {
			switch e.(type) {
			case []any, map[string]any, script.Mixed:
				return ""
			}
			if i > 0 {
				text += ", "
			}
			text += scalar(e)
		}
		if len(v) == 0 {
			return "{}"
		}
		if len(text) < 60 {
			return text + " }"
		}
	}
	return ""
}

func scalar(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return strconv.Quote(v)
	case float64:
		return effect.FormatNumber(v, -1)
	case *script.Callback:
		return "function at " + v.Where().String()
	case script.Mixed:
		return "{ " + inline(v.List) + ", " + inline(v.Named) + " }"
	}
	return fmt.Sprint(v)
}

func keyText(k string) string {
	if regexp.MustCompile(`^[A-Za-z_]\w*$`).MatchString(k) {
		return k
	}
	return "[" + strconv.Quote(k) + "]"
}

// inline writes a value on one line; the arguments of an effect as
// "blue=90 green=10".
func inline(v any) string {
	switch v := v.(type) {
	case map[string]any:
		if name, ok := v["$secret"].(string); ok && len(v) <= 2 {
			return "[secret " + name + "]"
		}
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(v)) {
			text := inline(v[k])
			if inner, ok := v[k].(map[string]any); ok && len(inner) > 0 && !strings.HasPrefix(text, "[") {
				text = "{" + text + "}"
			}
			parts = append(parts, k+"="+text)
		}
		return strings.Join(parts, " ")
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = inline(e)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case string:
		if v != "" && !strings.ContainsAny(v, " \t\n=\"[]{}") {
			return v
		}
		return strconv.Quote(v)
	}
	return scalar(v)
}

// words joins what print and notes are given.
func words(args []any) string {
	parts := make([]string, len(args))
	for i, a := range args {
		if s, ok := a.(string); ok {
			parts[i] = s
			continue
		}
		parts[i] = strings.Join(pretty(a), "\n")
	}
	return strings.Join(parts, "\t")
}
