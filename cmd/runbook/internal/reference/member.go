package reference

import (
	"slices"
	"strings"
	"unicode"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Member is a field of something that can be looked up: an argument, a result,
// a key of a configuration or of a scenario's world.
type Member struct {
	Of    string // "health.watch", "haproxy"
	Kind  string // "argument", "result", "configuration key", "scenario key"
	Path  string // below Of: "tolerate", "servers.weight"
	Field effect.Field
}

// String is the member's full name.
func (m *Member) String() string { return m.Of + "." + m.Path }

// kinds of members.
const (
	argument      = "argument"
	result        = "result"
	configKey     = "configuration key"
	scenarioKey   = "scenario key"
	deepestMember = 4 // fields may contain themselves
)

// Members returns all of them, in the order in which their owners stand.
func (r *Reference) Members() []Member {
	var all []Member
	var add func(of, kind, path string, fields []effect.Field)
	add = func(of, kind, path string, fields []effect.Field) {
		for _, f := range fields {
			at := strings.TrimPrefix(path+"."+f.Name, ".")
			all = append(all, Member{of, kind, at, f})
			if strings.Count(at, ".") < deepestMember {
				add(of, kind, at, members(&f))
			}
		}
	}
	for i := range r.Language {
		for _, name := range functionNames(&r.Language[i]) {
			add(name, argument, "", r.Language[i].Args)
		}
	}
	for _, m := range r.Modules {
		ops := slices.Clone(m.Ops)
		for _, c := range m.Composites {
			ops = append(ops, c.Op)
		}
		for _, op := range ops {
			add(op.String(), argument, "", op.Args)
			add(op.String(), result, "", op.Returns)
		}
		add(m.Name, scenarioKey, "", m.Scenario.Fields)
	}
	for _, b := range r.Backends {
		add(b.Name, configKey, "", b.Config)
	}
	return all
}

// named returns the members that a name stands for: by their full name, or by
// their last word, or as one of the values that they take, or as a variable of a
// program's environment that they speak of.
func (r *Reference) named(name string) []Entry {
	var full, last, values []Entry
	variable := strings.Contains(name, "_") && name == strings.ToUpper(name)
	for _, m := range append(r.Members(), r.fileKeys()...) {
		e := Entry{Member: &m}
		switch {
		case m.String() == name, m.Kind == fileKey && strings.Contains(name, ".") && m.Path == name:
			full = append(full, e)
		case m.Field.Name == name:
			last = append(last, e)
		case slices.Contains(m.Field.Enum, name), variable && slices.Contains(words(m.Field.Doc), name):
			values = append(values, e)
		}
	}
	if full != nil {
		return full
	}
	return append(last, values...)
}

// words returns the words of a text, names of variables among them.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Near returns all names that somebody may have meant: those of Names, and those
// of members.
func (r *Reference) Near() []string {
	names := r.Names()
	for _, m := range append(r.Members(), r.fileKeys()...) {
		names = append(names, m.Field.Name, m.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}
