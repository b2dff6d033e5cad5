package stdlib

import (
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// field returns an optional field.
func field(name string, t effect.Type, doc string) effect.Field {
	return effect.Field{Name: name, Type: t, Doc: doc}
}

// text returns an optional string.
func text(name, doc string) effect.Field { return field(name, effect.String, doc) }

// need returns a string that has to be given, and not empty.
func need(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.String, Required: true, Min: effect.Bound(1), Doc: doc}
}

// texts returns an optional list of strings.
func texts(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Elem: &effect.Field{Type: effect.String}, Doc: doc}
}

// needTexts returns a list of strings that has to be given, and not empty.
func needTexts(name, doc string) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Required: true, Min: effect.Bound(1),
		Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)}, Doc: doc}
}

// objects returns a list of tables with exactly these members.
func objects(name, doc string, members ...effect.Field) effect.Field {
	return effect.Field{Name: name, Type: effect.List, Doc: doc,
		Elem: &effect.Field{Type: effect.Object, Fields: members}}
}

// choice returns an optional enum; the first value is the default if preset.
func choice(name, doc string, preset bool, values ...string) effect.Field {
	f := effect.Field{Name: name, Type: effect.Enum, Enum: values, Doc: doc}
	if preset {
		f.Default = values[0]
	}
	return f
}

// within returns the argument that bounds how long the call may take.
func within(preset string) effect.Field {
	return effect.Field{Name: "timeout", Type: effect.Duration, Default: preset, Doc: "how long it may take"}
}

// ParseTime reads a moment as scripts give it: seconds since 1970, as now()
// returns them, or a text in the form of RFC 3339.
func ParseTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case float64:
		whole := int64(v)
		return time.Unix(whole, int64((v-float64(whole))*1e9)).UTC(), nil
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return t.UTC(), nil
		}
		return time.Time{}, fmt.Errorf("wants a time like \"2026-01-31T03:00:00Z\", got %q", v)
	}
	return time.Time{}, fmt.Errorf("wants seconds since 1970 or a time like \"2026-01-31T03:00:00Z\"")
}

// unix returns a moment as scripts see it: seconds since 1970.
func unix(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
