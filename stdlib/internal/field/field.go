// Package field makes the fields that the standard modules declare.
package field

import "github.com/q-ecosystem/runbook/interpreter/effect"

// Of returns an optional field.
func Of(name string, t effect.Type, doc string) effect.Field {
	return effect.Field{Name: name, Type: t, Doc: doc}
}

// Text returns an optional string.
func Text(name, doc string) effect.Field { return Of(name, effect.String, doc) }

// Need returns a string that has to be given, and not empty.
func Need(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.String, Required: true, Min: effect.Bound(1), Doc: doc}
}

// Texts returns an optional list of strings.
func Texts(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: doc}
}

// NeedTexts returns a list of strings that has to be given, and not empty.
func NeedTexts(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Required: true, Min: effect.Bound(1),
		Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Doc: doc}
}

// Objects returns a list of tables with exactly these members.
func Objects(name, doc string, members ...effect.Field) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Doc: doc,
		Elem: &effect.Field{Type: effect.Object, Fields: members}}
}

// Choice returns an optional enum; the first value is the default if preset.
func Choice(name, doc string, preset bool, values ...string) effect.Field {
	f := effect.Field{Name: name, Type: effect.Enum, Enum: values, Doc: doc}
	if preset {
		f.Default = values[0]
	}
	return f
}

// Timeout returns the argument that bounds how long the call may take.
func Timeout(preset string) effect.Field {
	return effect.Field{Name: "timeout", Type: effect.Duration, Default: preset, Doc: "how long it may take"}
}
