package view

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Fields prints declarations for people: name, type, whether it is required or
// what it is by default, and what it means.
func Fields(w io.Writer, s Style, fields []effect.Field) {
	for i := range fields {
		f := &fields[i]
		var terms []string
		switch {
		case f.Required:
			terms = append(terms, "required")
		case f.Default != nil:
			if d, err := f.Check(f.Default); err == nil {
				terms = append(terms, "default "+shown(f, d))
			}
		}
		if f.Pattern != "" {
			terms = append(terms, "matches "+f.Pattern)
		}
		if f.Min != nil {
			terms = append(terms, "at least "+bound(f, *f.Min))
		}
		if f.Max != nil {
			terms = append(terms, "at most "+bound(f, *f.Max))
		}
		if f.Secret {
			terms = append(terms, "secret: give env:NAME or file:PATH")
		}
		_, _ = fmt.Fprintf(w, "  %s  %s\n", s.Bold(clean(f.Name)), s.Dim(typeOf(f)))
		for _, text := range []string{clean(f.Doc), strings.Join(terms, "; ")} {
			for _, line := range wrap(text, max(s.Width-6, 0)) {
				if line != "" {
					_, _ = fmt.Fprintf(w, "      %s\n", line)
				}
			}
		}
	}
}

// shown is a value as the command line takes it.
func shown(f *effect.Field, v any) string {
	if text, ok := v.(string); ok {
		return strconv.Quote(text)
	}
	return listed(f, v)
}

// listed is a value whose elements, if it is a list, are separated by commas.
func listed(f *effect.Field, v any) string {
	list, ok := v.([]any)
	if !ok {
		return value(f, v)
	}
	var elem *effect.Field
	if f != nil {
		elem = f.Elem
	}
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = value(elem, list[i])
	}
	return strings.Join(parts, ",")
}

// bound is a limit in the field's unit; of texts and lists it is a length.
func bound(f *effect.Field, x float64) string {
	switch f.Type {
	case effect.String:
		return value(nil, x) + " characters"
	case effect.List:
		return value(nil, x) + " elements"
	}
	return value(f, x)
}

func typeOf(f *effect.Field) string {
	switch {
	case f.Type == effect.Enum:
		return "one of " + strings.Join(f.Enum, ", ")
	case f.Type == effect.List && f.Elem != nil:
		return "list of " + typeOf(f.Elem) + ", separated by commas"
	}
	return string(f.Type)
}
