package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestReadersBehind(t *testing.T) {
	got := func(server string, from, to float64) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "traffic", Name: "ready", Class: effect.Write,
			Changes: []effect.Change{{Module: "traffic", Path: []string{"pools", "readers", "weights", server}, From: from, To: to}}}
	}
	nodes := obj{"nodes": obj{"a": obj{"up": true, "writable": true, "lag": 0.0}, "b": obj{"up": true, "lag": 2.0}, "c": obj{"up": true, "lag": 2400.0}, "d": obj{"up": true, "lag": 2400.0}}}
	state := func(module string) map[string]any {
		if module == "traffic" {
			return obj{"pools": obj{"readers": obj{"weights": obj{"b": 50.0, "d": 50.0}}}}
		}
		return nodes
	}
	for name, c := range map[string]struct {
		e    effect.Occurrence
		want bool
	}{
		"far behind":            {got("c", 0, 50), true},
		"caught up":             {got("b", 0, 50), false},
		"the primary":           {got("a", 0, 50), false},
		"it is taken out":       {got("c", 50, 0), false},
		"as it served before":   {got("d", 0, 50), false},
		"what is no node of it": {got("web", 0, 50), false},
	} {
		if msg := readersBehind(&effect.View{Begin: state, State: state}, c.e); (msg != "") != c.want {
			t.Errorf("%s: %q", name, msg)
		}
	}
}

func TestTrafficFirst(t *testing.T) {
	promote := effect.Occurrence{Place: "2", Module: "db", Name: "promote", Class: effect.Irreversible, Args: obj{"node": "us"}}
	moved := func(path ...string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "traffic", Name: "switch", Class: effect.Write,
			Changes: []effect.Change{{Module: "traffic", Path: path, From: 0.0, To: 100.0}}}
	}
	all := moved("weights", "us")
	for name, c := range map[string]struct {
		past          []effect.Occurrence
		before, after float64
		want          bool
	}{
		"traffic first":              {[]effect.Occurrence{all, promote}, 0, 100, true},
		"promoted first":             {[]effect.Occurrence{promote}, 0, 0, false},
		"to another one":             {[]effect.Occurrence{moved("weights", "eu"), promote}, 0, 100, false},
		"it served before":           {[]effect.Occurrence{all, promote}, 50, 100, false},
		"it is away again":           {[]effect.Occurrence{all, promote}, 0, 0, false},
		"of those that only read it": {[]effect.Occurrence{moved("pools", "readers", "weights", "us"), promote}, 0, 100, false},
	} {
		state := func(share float64) func(string) map[string]any {
			weights := obj{"us": share}
			return func(string) map[string]any {
				return obj{"weights": weights, "pools": obj{"readers": obj{"weights": weights}}}
			}
		}
		v := &effect.View{Begin: state(c.before), State: state(c.after), Done: func() []effect.Occurrence { return c.past }}
		if got := trafficFirst(v, promote); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
