package dns

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestKeptBeside(t *testing.T) {
	set := func(kind string, was, is []any) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "dns", Name: "set", Class: effect.Write,
			Args: obj{"name": "example.org", "type": kind, "values": is}, Value: obj{"previous": was}}
	}
	replace := func(was, is []any) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "dns", Name: "replace", Class: effect.Write,
			Args: obj{"name": "example.org", "type": "MX", "from": was, "to": is}}
	}
	asked := effect.Occurrence{Place: "1", Module: effect.ControlModule, Name: "approve", Class: effect.Value, Args: obj{"title": "drop 10 a. and 20 b.?"}}
	two, one := []any{"10 a.", "20 b."}, []any{"30 c."}
	for name, c := range map[string]struct {
		past   []effect.Occurrence
		params obj
		now    []any
		want   bool
	}{
		"replaced":                 {[]effect.Occurrence{replace(two, one)}, nil, one, true},
		"set":                      {[]effect.Occurrence{set("MX", two, one)}, nil, one, true},
		"beside the others":        {[]effect.Occurrence{replace(two, append(two, one...))}, nil, two, false},
		"one for one":              {[]effect.Occurrence{replace(two, []any{"10 a.", "30 c."})}, nil, one, false},
		"only taken away":          {[]effect.Occurrence{replace(two, two[:1])}, nil, two[:1], false},
		"a new set":                {[]effect.Occurrence{set("MX", nil, one)}, nil, one, false},
		"the parameters name them": {[]effect.Occurrence{replace(two, one)}, obj{"drop": two}, one, false},
		"people were asked":        {[]effect.Occurrence{asked, replace(two, one)}, nil, one, false},
		"addresses are moved":      {[]effect.Occurrence{set("A", []any{"192.0.2.1", "192.0.2.2"}, []any{"192.0.2.3"})}, nil, nil, false},
		"one address stays":        {[]effect.Occurrence{set("A", []any{"192.0.2.1", "192.0.2.2", "192.0.2.3"}, []any{"192.0.2.1", "192.0.2.4"})}, nil, nil, true},
		"one address for one":      {[]effect.Occurrence{set("A", []any{"192.0.2.1", "192.0.2.2"}, []any{"192.0.2.1", "192.0.2.4"})}, nil, nil, false},
		"they are back":            {[]effect.Occurrence{replace(two, one)}, nil, two, false},
	} {
		v := &effect.View{State: func(string) map[string]any {
			return obj{"zones": obj{"example.org": obj{"example.org MX": obj{"values": c.now}}}}
		}, Done: func() []effect.Occurrence { return c.past }}
		if got := keptBeside(v, effect.Ending{Status: effect.StatusSucceeded, Params: c.params}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
