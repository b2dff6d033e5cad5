package effect_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestFieldCheck(t *testing.T) {
	secret := effect.NewSecret("env:T", "hunter2")
	slo := effect.Field{Type: effect.Object, Fields: []effect.Field{
		{Name: "p99", Type: effect.Duration, Required: true},
		{Name: "errors", Type: effect.Percent, Max: effect.Bound(100)},
	}}
	tests := []struct {
		name  string
		field effect.Field
		v     any
		want  any
		err   string
	}{
		{"string", effect.Field{Type: effect.String}, "a", "a", ""},
		{"number for a string", effect.Field{Type: effect.String}, 1.0, nil, "wants a string, got 1"},
		{"pattern", effect.Field{Type: effect.String, Pattern: `v\d+`}, "v12", "v12", ""},
		{"the pattern matches all of it", effect.Field{Type: effect.String, Pattern: `v\d+`}, "v12\n", nil, `must match v\d+, got "v12\n"`},
		{"pattern with a choice", effect.Field{Type: effect.String, Pattern: `a|b`}, "ab", nil, `must match a|b, got "ab"`},
		{"length", effect.Field{Type: effect.String, Min: effect.Bound(1), Max: effect.Bound(3)}, "", nil, `its length must be from 1 to 3, got ""`},
		{"a text is cut between characters", effect.Field{Type: effect.Int}, "x" + strings.Repeat("ü", 70), nil, `wants a whole number, got "x` + strings.Repeat("ü", 29) + `…"`},
		{"a long text is cut", effect.Field{Type: effect.Int}, strings.Repeat("x", 70), nil, `wants a whole number, got "` + strings.Repeat("x", 60) + `…"`},
		{"int", effect.Field{Type: effect.Int}, 3.0, 3.0, ""},
		{"go int", effect.Field{Type: effect.Int}, 3, 3.0, ""},
		{"fraction for an int", effect.Field{Type: effect.Int}, 1.5, nil, "wants a whole number, got 1.5"},
		{"text for an int", effect.Field{Type: effect.Int}, "3", nil, `wants a whole number, got "3"`},
		{"NaN", effect.Field{Type: effect.Number}, math.NaN(), nil, "is NaN, which is not a number to work with"},
		{"infinity", effect.Field{Type: effect.Duration}, math.Inf(1), nil, "is +Inf, which is not a number to work with"},
		{"bounds", effect.Field{Type: effect.Int, Min: effect.Bound(0), Max: effect.Bound(256)}, 300.0, nil, "must be from 0 to 256, got 300"},
		{"lower bound", effect.Field{Type: effect.Int, Min: effect.Bound(1)}, 0.0, nil, "must be at least 1, got 0"},
		{"of a duration", effect.Field{Type: effect.Duration, Min: effect.Bound(0.01)}, "1ms", nil, `must be at least 10ms, got "1ms"`},
		{"upper bound", effect.Field{Type: effect.Percent, Max: effect.Bound(100)}, "200%", nil, `must be at most 100, got "200%"`},
		{"bool", effect.Field{Type: effect.Bool}, true, true, ""},
		{"text for a bool", effect.Field{Type: effect.Bool}, "true", nil, `wants true or false, got "true"`},
		{"duration", effect.Field{Type: effect.Duration}, "1h30m", 5400.0, ""},
		{"duration in seconds", effect.Field{Type: effect.Duration}, 90.0, 90.0, ""},
		{"duration without a unit", effect.Field{Type: effect.Duration}, "90", nil, `wants a duration like "15m", got "90"`},
		{"too long a duration", effect.Field{Type: effect.Duration}, 1e300, nil, "is longer than 292 years, the longest duration: got 1e+300"},
		{"a bound in full", effect.Field{Type: effect.Int, Max: effect.Bound(5)}, 1732800000123.0, nil, "must be at most 5, got 1732800000123"},
		{"too long a duration in text", effect.Field{Type: effect.Duration}, "300000000000h", nil, `is longer than 292 years, the longest duration: got "300000000000h"`},
		{"negative duration", effect.Field{Type: effect.Duration}, -1.0, nil, "may not be negative, got -1"},
		{"percent", effect.Field{Type: effect.Percent}, "0.1%", 0.1, ""},
		{"size", effect.Field{Type: effect.Size}, "10MiB", 10485760.0, ""},
		{"size beyond 2^53", effect.Field{Type: effect.Size}, "9000TiB", nil, `is more than 8 PiB, beyond which bytes cannot be counted exactly: got "9000TiB"`},
		{"enum", effect.Field{Type: effect.Enum, Enum: []string{"blue", "green"}}, "green", "green", ""},
		{"no enum", effect.Field{Type: effect.Enum, Enum: []string{"blue", "green"}}, "geren", nil,
			`must be one of "blue", "green", got "geren"; did you mean "green"?`},
		{"list", effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.Duration}}, []any{"1m", 2.0}, []any{60.0, 2.0}, ""},
		{"element", effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.Int}}, []any{1.0, "x"}, nil, `[2]: wants a whole number, got "x"`},
		{"Lua's {} is a list", effect.Field{Type: effect.List}, map[string]any{}, []any{}, ""},
		{"too short a list", effect.Field{Type: effect.List, Min: effect.Bound(1)}, map[string]any{}, nil, "its length must be at least 1, got 0"},
		{"no list", effect.Field{Type: effect.List}, map[string]any{"a": 1.0}, nil, "wants a list, got a table"},
		{"one instead of a list of it", effect.Field{Type: effect.List, Elem: &effect.Field{Type: effect.String}}, "edge-1", nil, `wants a list, got "edge-1"; make it a list of one`},
		{"map", effect.Field{Type: effect.Map, Elem: &effect.Field{Type: effect.Percent}}, map[string]any{"a": "1%"}, map[string]any{"a": 1.0}, ""},
		{"value of a map", effect.Field{Type: effect.Map, Elem: &effect.Field{Type: effect.Int}}, map[string]any{"a": "x"}, nil, `a: wants a whole number, got "x"`},
		{"Lua's {} is a map", effect.Field{Type: effect.Map}, []any{}, map[string]any{}, ""},
		{"no map", effect.Field{Type: effect.Map}, []any{1.0}, nil, "wants a table, got a list"},
		{"object", slo, map[string]any{"p99": "200ms"}, map[string]any{"p99": 0.2}, ""},
		{"member", slo, map[string]any{"p99": "200ms", "errors": 101.0}, nil, "errors: must be at most 100, got 101"},
		{"missing member", slo, map[string]any{"p9": "200ms"}, nil, `p99: is required: a duration like "15m"; you wrote "p9", is it "p99"?`},
		{"unknown member", slo, map[string]any{"p99": 1.0, "error": 1.0}, nil, `error: is not known here; did you mean "errors"?`},
		{"no object", slo, "x", nil, `wants a table with p99, errors, got "x"`},
		{"any", effect.Field{Type: effect.Any}, []any{map[string]any{"a": nil}}, []any{map[string]any{"a": nil}}, ""},
		{"nothing that can be recorded", effect.Field{Type: effect.Any}, struct{}{}, nil, "a struct {} cannot be recorded"},
		{"text for a secret", effect.Field{Name: "token", Type: effect.String, Secret: true}, "hunter2", effect.NewSecret("token", "hunter2"), ""},
		{"secret", effect.Field{Type: effect.String, Secret: true}, secret, secret, ""},
		{"digest", effect.Field{Type: effect.String, Secret: true}, effect.SecretDigest{Name: "n"}, effect.SecretDigest{Name: "n"}, ""},
		{"a secret where it would be shown", effect.Field{Type: effect.String}, secret, nil,
			"may not hold [secret env:T]: the field is recorded and shown; pass the secret to a field that is declared secret"},
		{"a secret deep in a value", effect.Field{Type: effect.Any}, []any{secret}, nil, "[secret env:T] may not stand here"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.field.Check(test.v)
			if test.err == "" {
				if err != nil || !reflect.DeepEqual(got, test.want) {
					t.Errorf("got %#v, %v; want %#v", got, err, test.want)
				}
				return
			}
			var fe *effect.FieldError
			if !errors.As(err, &fe) || err.Error() != test.err {
				t.Errorf("got %v, %v\nwant the error %s", got, err, test.err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the secret is shown")
			}
		})
	}
}

func TestCheckFields(t *testing.T) {
	fields := []effect.Field{
		{Name: "env", Type: effect.String, Required: true},
		{Name: "window", Type: effect.Duration, Default: "5m"},
		{Name: "targets", Type: effect.List, Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{{Name: "port", Type: effect.Int}}}},
	}
	rest := &effect.Field{Type: effect.Percent}
	tests := []struct {
		name   string
		rest   *effect.Field
		values map[string]any
		want   map[string]any
		err    string
	}{
		{"defaults", nil, map[string]any{"env": "green"}, map[string]any{"env": "green", "window": 300.0}, ""},
		{"nil counts as absent", nil, map[string]any{"env": "green", "window": nil, "extra": nil}, map[string]any{"env": "green", "window": 300.0}, ""},
		{"missing", nil, map[string]any{}, nil, "env: is required: a string"},
		{"misspelt", nil, map[string]any{"evn": "green"}, nil, `env: is required: a string; you wrote "evn", is it "env"?`},
		{"unknown", nil, map[string]any{"env": "x", "windows": 1.0}, nil, `windows: is not known here; did you mean "window"?`},
		{"unknown and like nothing", nil, map[string]any{"env": "x", "zzzzz": 1.0}, nil, "zzzzz: is not known here; known: env, window, targets"},
		{"path", nil, map[string]any{"env": "x", "targets": []any{map[string]any{"port": 1.0}, map[string]any{"port": "y"}}}, nil,
			`targets[2].port: wants a whole number, got "y"`},
		{"rest", rest, map[string]any{"env": "x", "green": "10%"}, map[string]any{"env": "x", "window": 300.0, "green": 10.0}, ""},
		{"wrong rest", rest, map[string]any{"env": "x", "green": true}, nil, `green: wants a percentage like 10 or "0.1%", got true`},
		{"nil", nil, nil, nil, "env: is required: a string"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := effect.CheckFields(fields, test.rest, test.values)
			if test.err == "" && (err != nil || !reflect.DeepEqual(got, test.want)) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			if test.err != "" && (err == nil || err.Error() != test.err) {
				t.Errorf("got %v, %v\nwant the error %s", got, err, test.err)
			}
			if err == nil { // canonical form is a fixed point
				again, err := effect.CheckFields(fields, test.rest, got)
				if err != nil || !reflect.DeepEqual(again, got) {
					t.Errorf("checked again: %v, %v; want %v", again, err, got)
				}
			}
		})
	}
}

func TestVerifyFields(t *testing.T) {
	tests := []struct {
		field effect.Field
		err   string
	}{
		{effect.Field{Name: "x", Type: effect.String}, ""},
		{effect.Field{Name: "x", Type: "text"}, `field x: unknown type "text"`},
		{effect.Field{Name: "x"}, `field x: unknown type ""`},
		{effect.Field{Name: "x", Type: effect.Enum}, "field x: an enum without values"},
		{effect.Field{Name: "x", Type: effect.String, Pattern: "("}, "field x: error parsing regexp"},
		{effect.Field{Name: "x", Type: effect.Duration, Default: "soon"}, `field x: its default: wants a duration like "15m", got "soon"`},
		{effect.Field{Name: "x", Type: effect.List, Elem: &effect.Field{Name: "e", Type: "?"}}, "field x: field e: unknown type"},
		{effect.Field{Name: "x", Type: effect.Object, Fields: []effect.Field{{Name: "m", Type: "?"}}}, "field x: field m: unknown type"},
	}
	for _, test := range tests {
		err := effect.Verify([]effect.Field{test.field})
		if test.err == "" && err != nil || test.err != "" && (err == nil || !strings.HasPrefix(err.Error(), test.err)) {
			t.Errorf("%+v: %v, want %q", test.field, err, test.err)
		}
	}
}
