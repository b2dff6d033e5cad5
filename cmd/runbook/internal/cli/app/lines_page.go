package app

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// LinesPage is the reference of --json as a page in Markdown.
func LinesPage(lines []Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Output as JSON\n\n%s\n\n", StreamText())
	b.WriteString("| type | from | |\n|---|---|---|\n")
	for i, l := range lines {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", l.Type, anchor(lines, i), from(l), l.Doc)
	}
	for i, l := range lines {
		fmt.Fprintf(&b, "\n<a id=\"%s\"></a>\n## %s\n\n%s Printed by %s.", anchor(lines, i), l.Type, l.Doc, from(l))
		if n := slices.IndexFunc(lines, func(o Line) bool { return reflect.TypeOf(o.Shape) == reflect.TypeOf(l.Shape) }); n < i {
			fmt.Fprintf(&b, " It has the members of [%s](#%s).\n", lines[n].Type, anchor(lines, n))
			continue
		}
		b.WriteString("\n\n| member | value | |\n|---|---|---|\n")
		members(&b, "", reflect.TypeOf(l.Shape), l.Notes, nil)
	}
	return b.String()
}

// StreamText says how a stream is made.
func StreamText() string {
	return fmt.Sprintf("With `--json`, or `-o json`, standard output is a stream of JSON objects, one a\n"+
		"line; everything else goes to standard error. The first line is\n"+
		"`{\"type\":\"stream\",\"version\":%d,\"command\":\"…\"}`. The version changes when a reader\n"+
		"of the old form would be misled; members may be added without that. Durations are\n"+
		"seconds, times are RFC 3339, in UTC.", streamVersion)
}

// anchor names a line on the page: two commands may print one type differently.
func anchor(lines []Line, i int) string {
	n := 0
	for _, l := range lines[:i] {
		if l.Type == lines[i].Type {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("line-%s-%d", lines[i].Type, n+1)
	}
	return "line-" + lines[i].Type
}

func from(l Line) string {
	if len(l.From) == 0 {
		return "all commands"
	}
	return "`" + strings.Join(l.From, "`, `") + "`"
}

// members writes the members of a struct, those of structs inside it below.
func members(b *strings.Builder, prefix string, t reflect.Type, notes map[string]string, within []reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported() && !f.Anonymous || prefix == "" && name == "type":
			continue
		case f.Anonymous && name == "":
			members(b, prefix, f.Type, notes, within)
			continue
		case shadowed(t, f, name):
			continue
		}
		doc := f.Tag.Get("doc")
		if note, ok := notes[prefix+name]; ok {
			doc = note
		}
		what, inner := valueOf(f.Type)
		if strings.Contains(options, "omit") {
			what += ", may be left out"
		}
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", prefix, name, what, doc)
		if inner == nil || len(within) > 2 {
			continue
		}
		again := false
		for _, w := range within {
			again = again || w == inner
		}
		if !again {
			members(b, prefix+name+".", inner, notes, append(within, inner))
		}
	}
}

// shadowed reports whether a member of an embedded struct has another one's name.
func shadowed(outer reflect.Type, f reflect.StructField, name string) bool {
	for i := range outer.NumField() {
		other := outer.Field(i)
		if tag, _, _ := strings.Cut(other.Tag.Get("json"), ","); tag == name && !other.Anonymous && other.Name != f.Name {
			return true
		}
	}
	return false
}

// valueOf says what a member holds, and the struct inside it, if there is one.
func valueOf(t reflect.Type) (what string, inner reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "time", nil
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return "any value", nil
	case t == reflect.TypeFor[effect.Position]():
		return "place in a file", t
	}
	switch t.Kind() {
	case reflect.Pointer:
		return valueOf(t.Elem())
	case reflect.String:
		return "text", nil
	case reflect.Bool:
		return "true or false", nil
	case reflect.Float32, reflect.Float64:
		return "number", nil
	case reflect.Slice, reflect.Array:
		of, inner := valueOf(t.Elem())
		return "list, of " + of, inner
	case reflect.Map:
		of, inner := valueOf(t.Elem())
		return "object by name, of " + of, inner
	case reflect.Struct:
		return "object", t
	}
	return "whole number", nil
}
