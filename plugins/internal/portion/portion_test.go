package portion

import (
	"maps"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

func TestAsked(t *testing.T) {
	pool := Pool{Name: "web", Servers: map[string]string{"blue": "b:1", "green": "g:1", "canary": "c:1"}}
	for _, c := range []struct {
		op   string
		args map[string]any
		want map[string]int
		code effect.Code
	}{
		{"switch", map[string]any{"to": "green", "pool": "web"}, map[string]int{"g:1": Whole}, ""},
		{"split", map[string]any{"blue": 90.0, "green": 10.0, "canary": 0.0, "pool": "web"}, map[string]int{"b:1": 9000, "g:1": 1000}, ""},
		{"split", map[string]any{"blue": 100.0 / 3, "green": 100.0 / 3, "canary": 100.0 / 3}, map[string]int{"b:1": 3334, "c:1": 3333, "g:1": 3333}, ""},
		{"split", map[string]any{"blue": 99.99, "green": 0.01}, map[string]int{"b:1": 9999, "g:1": 1}, ""},
		{"split", map[string]any{"blue": 99.996, "green": 0.004}, nil, effect.CodeInvalid},
		{"split", map[string]any{"blue": 0.0}, nil, effect.CodeInvalid},
		{"split", map[string]any{"grene": 100.0}, nil, effect.CodeNotFound},
		{"drain", nil, nil, effect.CodeUnsupported},
		{"split", map[string]any{"green": 10.0, "others": "keep"}, map[string]int{"b:1": 6000, "c:1": 3000, "g:1": 1000}, ""},
		{"split", map[string]any{"green": 0.0, "others": "keep"}, map[string]int{"b:1": 6667, "c:1": 3333}, ""},
		{"split", map[string]any{"green": 99.99, "others": "keep"}, nil, effect.CodeInvalid}, // a hundredth is no two shares
		{"split", map[string]any{"green": 100.0, "others": "keep"}, map[string]int{"g:1": Whole}, ""},
		{"split", map[string]any{"blue": 10.0, "canary": 5.0, "others": "keep"}, nil, effect.CodeConflict}, // green has nothing
		{"split", map[string]any{"blue": 60.0, "green": 40.0, "others": "none"}, map[string]int{"b:1": 6000, "g:1": 4000}, ""},
	} {
		got, err := pool.Asked("nginx", plugins.Request{Op: c.op, Args: c.args}, map[string]int{"b:1": 2, "c:1": 1})
		if c.code != "" {
			if e := effect.AsError(err); e == nil || e.Code != c.code || e.Hint == "" {
				t.Errorf("%s %v: %v, want %s with a hint", c.op, c.args, err, c.code)
			}
			continue
		}
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s %v: %v, %v, want %v", c.op, c.args, got, err, c.want)
		}
	}
}
