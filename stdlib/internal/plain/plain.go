// Package plain holds what models and composites do with plain data: the
// tables and lists that scripts and scenarios pass.
package plain

import (
	"maps"
	"slices"
	"time"
)

// CopyOf returns a deep copy of plain data; functions are shared.
func CopyOf[T any](v T) T {
	c, _ := Copy(v).(T)
	return c
}

// Copy is CopyOf for a value of any kind.
func Copy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return v
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = Copy(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = Copy(e)
		}
		return out
	}
	return v
}

// Table returns a member that is a table, or an empty one.
func Table(m map[string]any, name string) map[string]any {
	t, _ := m[name].(map[string]any)
	if t == nil {
		t = map[string]any{}
	}
	return t
}

// ToAny returns a list of plain data.
func ToAny[T any](s []T) []any {
	out := make([]any, len(s))
	for i := range s {
		out[i] = s[i]
	}
	return out
}

// SortedNames returns the keys in order.
func SortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// Str returns a member that is a string, or "".
func Str(m map[string]any, name string) string {
	s, _ := m[name].(string)
	return s
}

// Num returns a member that is a number, or 0.
func Num(m map[string]any, name string) float64 {
	n, _ := m[name].(float64)
	return n
}

// Pick returns the named arguments that are there.
func Pick(args map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, n := range names {
		if v, ok := args[n]; ok {
			out[n] = v
		}
	}
	return out
}

// List returns the strings of a list.
func List(v any) []string {
	l, _ := v.([]any)
	out := make([]string, 0, len(l))
	for _, e := range l {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Unix returns a moment as scripts see it: seconds since 1970.
func Unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Sorted returns a sorted copy.
func Sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
