package effect

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestCheckResult(t *testing.T) {
	server := Field{Type: Object, Fields: []Field{{Name: "name", Type: String, Required: true}, {Name: "share", Type: Percent}}}
	op := Op{Module: "m", Name: "f", Returns: []Field{
		{Name: "exit", Type: Int, Required: true}, {Name: "took", Type: Duration}, {Name: "servers", Type: List, Elem: &server},
		{Name: "by", Type: Map, Elem: &server}, {Name: "token", Type: String, Secret: true}, {Name: "mode", Type: Enum, Enum: []string{"on", "off"}, Default: "on"},
	}}
	one := func(more ...any) map[string]any {
		out := map[string]any{"exit": 1.0}
		for i := 0; i < len(more); i += 2 {
			out[more[i].(string)] = more[i+1]
		}
		return out
	}
	deep := any("x")
	for range maxDepth + 2 {
		deep = []any{deep}
	}
	for _, c := range []struct {
		name    string
		value   any
		partial bool
		want    any
		dropped []string
		err     string
	}{
		{"as declared, nothing filled in", one(), false, one(), nil, ""},
		{"in canonical form", one("took", "1m", "servers", []any{map[string]any{"name": "a", "share": "10%"}}), false,
			one("took", 60.0, "servers", []any{map[string]any{"name": "a", "share": 10.0}}), nil, ""},
		{"what is not declared is left out", one("colour", "red", "servers", []any{map[string]any{"name": "a", "id": 1.0}},
			"by", map[string]any{"x": map[string]any{"name": "a", "id": 1.0}}), false,
			one("servers", []any{map[string]any{"name": "a"}}, "by", map[string]any{"x": map[string]any{"name": "a"}}),
			[]string{"by.x.id", "colour", "servers[1].id"}, ""},
		{"a secret stays a text", one("token", "hunter2"), false, one("token", "hunter2"), nil, ""},
		{"a secret that is opaque", one("token", NewSecret("t", "hunter2")), false, one("token", NewSecret("t", "hunter2")), nil, ""},
		{"something is missing", map[string]any{"took": 1.0}, false, nil, nil, "exit: is required"},
		{"nothing", nil, false, nil, nil, "exit: is required"},
		{"missing from an observation", map[string]any{"took": 1.0}, true, map[string]any{"took": 1.0}, nil, ""},
		{"another type", one("took", "soon"), false, nil, nil, `took: wants a duration like "15m", got "soon"`},
		{"another type, deep", one("servers", []any{one()}), false, nil, nil, "servers[1].name: is required"},
		{"no such word", one("mode", "auto"), false, nil, nil, `mode: must be one of "on", "off", got "auto"`},
		{"no table", "done", false, nil, nil, "wants a table with exit"},
		{"too large", one("token", strings.Repeat("x", MaxResult)), false, nil, nil, "is larger than 16 MiB"},
		{"too many", one("servers", make([]any, MaxResult/8)), false, nil, nil, "is larger than 16 MiB"},
		{"too deep", deep, false, nil, nil, "nested deeper than 64"},
	} {
		got, dropped, err := op.CheckResult(c.value, c.partial)
		var fe *FieldError
		switch {
		case c.err == "" && err != nil, c.err != "" && (!errors.As(err, &fe) || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %q", c.name, err, c.err)
		case c.err == "" && (!reflect.DeepEqual(got, c.want) || !reflect.DeepEqual(dropped, c.dropped)):
			t.Errorf("%s: %v without %q, want %v without %q", c.name, got, dropped, c.want, c.dropped)
		}
	}
	if !op.Returns[4].Secret || op.Returns[5].Default != "on" {
		t.Error("the declaration was changed")
	}
	open := Op{Module: "m", Name: "g"}
	if got, _, err := open.CheckResult("anything", false); err != nil || got != "anything" {
		t.Errorf("an op without Returns: %v, %v", got, err)
	}
}

// TestWeight holds the weight of encoded values against that of decoded ones.
func TestWeight(t *testing.T) {
	for _, v := range []any{1.0, "x", []any{}, map[string]any{}, []any{1.0, []any{}, map[string]any{"a,[{:": `",[\\"`}, "x"},
		map[string]any{"a": map[string]any{"b": []any{[]any{}, []any{}}}}} {
		data, err := Encode(v, nil)
		if err != nil {
			t.Fatal(err)
		}
		decoded, encoded := MaxResult-weigh(v, MaxResult, 0), Weight(data)
		if encoded < decoded || encoded > 2*decoded+len(data)+2*valueWeight {
			t.Errorf("%s weighs %d, decoded %d", data, encoded, decoded)
		}
	}
	if flat := []byte("[" + strings.Repeat("[],", 1_000_000) + "0]"); Weight(flat) < MaxResult {
		t.Errorf("a million of tables weigh %d", Weight(flat))
	}
}
