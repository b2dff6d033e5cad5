package reference

import (
	"maps"
	"slices"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// fileKey is the kind of the members that the configuration's file has itself; those
// of backends are theirs.
const fileKey = "key"

// fileKeys returns the keys of the configuration's file, in the order of their names.
// Names that whoever writes it chooses stand there as NAME.
func (r *Reference) fileKeys() []Member {
	var all []Member
	own := func(name string) bool {
		return !slices.ContainsFunc(r.Modules, func(m effect.Module) bool { return m.Name == name })
	}
	var add func(path string, s object)
	add = func(path string, s object) {
		keys, _ := s["properties"].(object)
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			key, ok := keys[name].(object)
			if !ok || !own(name) {
				continue
			}
			at := name
			if path != "" {
				at = path + "." + name
			}
			all = append(all, Member{config.FileName, fileKey, at, fieldOf(name, key)})
			add(at, key)
		}
		if named, ok := s["additionalProperties"].(object); ok {
			add(path+".NAME", named)
		}
		if items, ok := s["items"].(object); ok {
			add(path, items)
		}
		for _, one := range choices(s) {
			add(path, one)
		}
	}
	add("", r.file(0))
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(m Member) bool { // one key of two forms
		was := seen[m.Path]
		seen[m.Path] = true
		return was
	})
}

// choices are the forms that a value may have.
func choices(s object) []object {
	var list []object
	if one, ok := s["else"].(object); ok { // of one or several
		list = append(list, one)
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		all, _ := s[word].([]any)
		for _, one := range all {
			if one, ok := one.(object); ok {
				list = append(list, one)
			}
		}
	}
	return list
}

// fieldOf says of a key what its schema says.
func fieldOf(name string, s object) effect.Field {
	doc, _ := s["description"].(string)
	f := effect.Field{Name: name, Type: effect.String, Doc: doc}
	if values, ok := s["enum"].([]string); ok {
		f.Type, f.Enum = effect.Enum, values
	}
	switch s["type"] {
	case "array":
		f.Type = effect.List
	case "object":
		f.Type = effect.Map
	case "boolean":
		f.Type = effect.Bool
	case "integer":
		f.Type = effect.Int
	}
	return f
}
