package effect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Change is one difference in the state of a module: what stood at a path, and
// what stands there now.
type Change struct {
	Module string
	// Path leads to the value, from the top of the module's state: {"weights",
	// "green.eu"}. Members of lists are numbered from "1".
	Path []string
	// From and To are a bool, a float64 or a string; nil is nothing.
	From, To any
	// By is the effect of the run that changed the value, or the list that it is
	// in, before this one did; empty if none had.
	By Place
}

// Changes tells what changed in a module's state, value by value, in the order
// of the paths.
func Changes(module string, before, after map[string]any) []Change {
	var list []Change
	compare(before, after, nil, func(path []string, from, to any) {
		list = append(list, Change{Module: module, Path: slices.Clone(path), From: from, To: to})
	})
	return list
}

// compare calls differ for each value in which two states differ.
func compare(a, b any, path []string, differ func(path []string, from, to any)) {
	under, over := members(a), members(b)
	if under == nil && over == nil {
		if a, b = leaf(a), leaf(b); a != b {
			differ(path, a, b)
		}
		return
	}
	// A value that became a table, or the other way round, went and came.
	if under == nil && leaf(a) != nil {
		differ(path, leaf(a), nil)
	}
	if over == nil && leaf(b) != nil {
		differ(path, nil, leaf(b))
	}
	names := make([]string, 0, len(under)+len(over))
	for name := range under {
		names = append(names, name)
	}
	for name := range over {
		if _, both := under[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		compare(under[name], over[name], append(path[:len(path):len(path)], name), differ)
	}
}

// members returns a table, or a list by its numbers; nil for a single value.
func members(v any) map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return v
	case []any:
		out := make(map[string]any, len(v))
		for i, e := range v {
			out[strconv.Itoa(i+1)] = e
		}
		return out
	}
	return nil
}

// leaf returns a single value in a form that can be compared.
func leaf(v any) any {
	switch v := v.(type) {
	case map[string]any, []any:
		return nil // told by its members
	case nil, bool, float64, string:
		return v
	}
	return fmt.Sprint(v)
}

// Whole returns the path without the numbers of members of lists at its end: what
// is written as one.
func (c Change) Whole() []string {
	n := len(c.Path)
	for n > 1 {
		if _, err := strconv.Atoi(c.Path[n-1]); err != nil {
			break
		}
		n--
	}
	return c.Path[:n]
}

// Target names what changed as people read it: traffic.weights.green, or
// traffic.weights["green.eu"].
func (c Change) Target() string {
	var b strings.Builder
	b.WriteString(c.Module)
	for _, name := range c.Path {
		if strings.ContainsAny(name, ". \"[]") || name == "" {
			fmt.Fprintf(&b, "[%q]", name)
			continue
		}
		b.WriteString("." + name)
	}
	return b.String()
}

// Prediction puts the change into words.
func (c Change) Prediction() Prediction {
	return Prediction{Target: c.Target(), From: inWords(c.From), To: inWords(c.To)}
}

func inWords(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return FormatNumber(v, 10)
	}
	return fmt.Sprint(v)
}

// String returns "traffic.weights.green from 10 to 50".
func (c Change) String() string {
	or := func(s string) string {
		if s == "" {
			return "nothing"
		}
		return s
	}
	p := c.Prediction()
	return fmt.Sprintf("%s from %s to %s", p.Target, or(p.From), or(p.To))
}

// Prediction is what a call would change, for people: one line.
type Prediction struct {
	Target string `json:"target,omitempty"` // what would change: "pool web"
	From   string `json:"from,omitempty"`   // "green 10, blue 90"
	To     string `json:"to,omitempty"`     // "green 50, blue 50"
}
