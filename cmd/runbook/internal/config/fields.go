package config

import (
	"errors"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// checkAll returns values in canonical form, defaults filled in. Unlike
// effect.CheckFields it goes on after an error, so that everything wrong is
// reported at once.
func checkAll(fields []effect.Field, values map[string]any, r *secretResolver) map[string]any {
	out := make(map[string]any, len(values))
	meant := reportUnknown(fields, values, r)
	for i := range fields {
		f := &fields[i]
		v := values[f.Name]
		if v == nil && f.Default != nil {
			v = f.Default
		}
		if v == nil {
			if f.Required && !meant[f.Name] {
				_, err := effect.CheckFields(fields[i:i+1], nil, nil)
				var fe *effect.FieldError
				if errors.As(err, &fe) && f.Doc != "" {
					fe.Problem += " (" + f.Doc + ")"
				}
				r.report("", err)
			}
			continue
		}
		resolved, ok := r.resolve(f, v, f.Name)
		if !ok {
			continue
		}
		c, err := f.Check(resolved)
		if err != nil {
			r.report(f.Name, err)
			continue
		}
		out[f.Name] = c
	}
	return out
}

// reportUnknown reports the keys that no field has, and returns the fields
// that they were probably meant for.
func reportUnknown(fields []effect.Field, values map[string]any, r *secretResolver) (meant map[string]bool) {
	known := make([]effect.Field, len(fields))
	names := make([]string, len(fields))
	isKnown := map[string]bool{}
	for i := range fields {
		known[i] = effect.Field{Name: fields[i].Name, Type: effect.Any}
		names[i], isKnown[fields[i].Name] = fields[i].Name, true
	}
	meant = map[string]bool{}
	for _, key := range sortedKeys(values) {
		if isKnown[key] {
			continue
		}
		_, err := effect.CheckFields(known, nil, map[string]any{key: true})
		r.report("", err)
		if near, ok := effect.Nearest(key, names); ok {
			meant[near] = true
		}
	}
	return meant
}

// absolute returns a canonical value with the relative paths in it counted from
// dir: a backend runs elsewhere. An empty one is none, and stays so.
func absolute(f *effect.Field, v any, dir string) any {
	if f == nil {
		return v
	}
	switch v := v.(type) {
	case string:
		if v == "" || f.Path == "" || f.Path == effect.MayBePath && !strings.Contains(v, "/") {
			return v
		}
		scheme := ""
		if rest, unix := strings.CutPrefix(v, "unix:"); unix && f.Path == effect.MayBePath {
			scheme, v = "unix:", rest
		}
		return scheme + relativeTo(dir, v)
	case []any:
		for i := range v {
			v[i] = absolute(f.Elem, v[i], dir)
		}
	case map[string]any:
		for key := range v {
			v[key] = absolute(memberOf(f, key), v[key], dir)
		}
	}
	return v
}

// memberOf returns the declaration of a key inside a field of type map or
// object, or nil.
func memberOf(f *effect.Field, key string) *effect.Field {
	if f.Type == effect.Map {
		return f.Elem
	}
	for i := range f.Fields {
		if f.Fields[i].Name == key {
			return &f.Fields[i]
		}
	}
	return nil
}
