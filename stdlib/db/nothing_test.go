package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestEmptied(t *testing.T) {
	query := did("query", "SELECT id FROM customers")
	query.Fault = noRows
	where := effect.Position{File: "x.lua", Line: 7}
	put := func(text string) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "hosts", Name: "copy", Class: effect.Write, Where: where, Args: obj{"text": text, "to": "/etc/customers"}}
	}
	body := func(list ...any) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "http", Name: "request", Class: effect.Write, Where: where, Args: obj{"method": "PUT", "json": obj{"ids": list}}}
	}
	asked := effect.Occurrence{Place: "1", Module: effect.ControlModule, Name: "approve", Class: effect.Value}
	warned := []effect.Event{{Kind: effect.Logged, Body: effect.Body{Name: "warn", Text: "there are none"}}}
	for name, c := range map[string]struct {
		past   []effect.Occurrence
		usual  effect.Occurrence
		events []effect.Event
		want   bool
	}{
		"a file":                {[]effect.Occurrence{query, put("\n")}, put("c1\nc2\n"), nil, true},
		"a body":                {[]effect.Occurrence{query, body()}, body("c1", "c2"), nil, true},
		"it is not written":     {[]effect.Occurrence{query}, put("c1\nc2\n"), nil, false},
		"something is left":     {[]effect.Occurrence{query, put("# customers\n")}, put("# customers\nc1\n"), nil, false},
		"it is empty usually":   {[]effect.Occurrence{query, put("")}, put(""), nil, false},
		"people are asked":      {[]effect.Occurrence{query, asked, put("")}, put("c1\n"), nil, false},
		"the script warns":      {[]effect.Occurrence{query, put("")}, put("c1\n"), warned, false},
		"the query had its say": {[]effect.Occurrence{did("query", "SELECT id FROM customers"), put("")}, put("c1\n"), nil, false},
	} {
		v := &effect.View{Usual: []effect.Occurrence{c.usual}, Done: func() []effect.Occurrence { return c.past }}
		if got := emptied(v, effect.Ending{Status: effect.StatusSucceeded, Events: c.events}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if one := withoutRows(obj{"rows": []any{obj{"n": 12.0}}, "count": 1.0}); one != nil {
		t.Errorf("a count is gone: %v", one)
	}
}
