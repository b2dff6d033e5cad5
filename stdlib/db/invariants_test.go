package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestNothingLost(t *testing.T) {
	promoted := func(path ...string) effect.Occurrence {
		return effect.Occurrence{Module: "db", Name: "promote", Class: effect.Irreversible, Changes: []effect.Change{{Module: "db", Path: path, To: 45.0}}}
	}
	for _, c := range []struct {
		e     effect.Occurrence
		fails bool
	}{{promoted("lost"), true}, {promoted("databases", "x.y", "lost"), true}, {promoted("copies", "lost"), false}, {promoted("version"), false}} {
		if got := nothingLost(nil, c.e); (got != "") != c.fails {
			t.Errorf("%v: %q", c.e.Changes, got)
		}
	}
	little := promoted("lost")
	little.Changes[0].To = 0.5
	if got := nothingLost(nil, little); got != "" {
		t.Errorf("half a second: %q", got)
	}
}

func TestOnePrimary(t *testing.T) {
	two := obj{"a.b": obj{"up": true, "writable": true}, "c": obj{"up": true, "writable": true}, "d": obj{"up": false, "writable": true}}
	one := obj{"a": obj{"up": true, "writable": true}, "d": obj{"up": false, "writable": true}}
	for _, c := range []struct {
		state obj
		want  string
	}{
		{obj{"nodes": one}, ""},
		{obj{"nodes": two}, "several nodes of the database take writes: a.b, c"},
		{obj{"nodes": one, "databases": obj{"x.y": obj{"nodes": two}}}, "several nodes of the database x.y take writes: a.b, c"},
		{nil, ""},
	} {
		v := &effect.View{State: func(string) map[string]any { return c.state }}
		if got := onePrimary(v, effect.Occurrence{}); got != c.want {
			t.Errorf("%v: %q, want %q", c.state, got, c.want)
		}
	}
}
