package traffic

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestRoomLate(t *testing.T) {
	more := func(from, to float64) effect.Occurrence {
		return effect.Occurrence{Module: "traffic", Name: "split", Class: effect.Write, Changes: []effect.Change{{Module: "traffic", Path: []string{"weights", "us"}, From: from, To: to}}}
	}
	scale := func(from, to float64) effect.Occurrence {
		return effect.Occurrence{Module: "deploy", Name: "scale", Class: effect.Write, Args: map[string]any{"region": "us"},
			Changes: []effect.Change{{Module: "deploy", Path: []string{"regions", "us", "instances"}, From: from, To: to}}}
	}
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"afterwards":            {[]effect.Occurrence{more(30, 100), scale(8, 24)}, true},
		"before":                {[]effect.Occurrence{scale(8, 24), more(30, 100)}, false},
		"before, and once more": {[]effect.Occurrence{scale(8, 24), more(30, 100), scale(24, 30)}, false},
		"in steps":              {[]effect.Occurrence{more(0, 10), scale(2, 24), more(10, 100)}, false},
		"to fewer":              {[]effect.Occurrence{more(30, 100), scale(24, 20)}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := roomLate(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestLastTaken(t *testing.T) {
	call := func(name, server string, err *effect.Error) effect.Occurrence {
		return effect.Occurrence{Module: "traffic", Name: name, Class: effect.Write, Args: map[string]any{"server": server}, Err: err}
	}
	full := effect.Errorf(effect.CodeConflict, "server b is the last")
	down := effect.Errorf(effect.CodeUnavailable, "nobody answers")
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		usual []effect.Occurrence
		finds bool
	}{
		"the run drained the other one": {[]effect.Occurrence{call("drain", "a", nil), call("drain", "b", full)}, nil, true},
		"which is back":                 {[]effect.Occurrence{call("drain", "a", nil), call("ready", "a", nil), call("drain", "b", full)}, nil, false},
		"somebody else did":             {[]effect.Occurrence{call("drain", "b", full)}, nil, false},
		"it failed by something else":   {[]effect.Occurrence{call("drain", "a", nil), call("drain", "b", down)}, nil, false},
		"a fault led to it":             {[]effect.Occurrence{call("drain", "a", nil), call("drain", "b", full)}, []effect.Occurrence{}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }, Usual: c.usual}
		if got := lastTaken(v, effect.Ending{Status: effect.StatusFailed}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
