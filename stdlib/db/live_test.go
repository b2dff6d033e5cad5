package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestWrittenSince: a copy of all that there is is made after what writes was stopped.
func TestWrittenSince(t *testing.T) {
	restore := func(args obj) effect.Occurrence {
		args["copy"] = "fresh"
		return effect.Occurrence{Module: "db", Name: "restore", Class: effect.Write, Args: args}
	}
	scale := func(env string, n float64) effect.Occurrence {
		return effect.Occurrence{Module: "deploy", Name: "scale", Class: effect.Write, Args: obj{"env": env, "instances": n}, Changes: []effect.Change{{Module: "deploy", Path: []string{"envs", env, "instances"}}}}
	}
	service := func(name, action string) effect.Occurrence {
		return effect.Occurrence{Module: "hosts", Name: "service", Class: effect.Irreversible, Args: obj{"on": []any{"h"}, "name": name, "action": action}}
	}
	ask := func(detail string) effect.Occurrence {
		return effect.Occurrence{Module: effect.ControlModule, Name: "approve", Class: effect.Write, Args: obj{"title": "swap?", "detail": detail}}
	}
	swap := effect.Occurrence{Module: "db", Name: "swap", Class: effect.Write, Args: obj{"copy": "fresh"}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"stopped afterwards":           {[]effect.Occurrence{restore(obj{}), scale("shop", 0), swap, scale("shop", 3)}, true},
		"a service, too":               {[]effect.Occurrence{restore(obj{}), service("shop", "stop"), swap, service("shop", "start")}, true},
		"stopped first":                {[]effect.Occurrence{scale("shop", 0), restore(obj{}), swap, scale("shop", 3)}, false},
		"the store itself":             {[]effect.Occurrence{restore(obj{}), service("postgresql", "stop"), swap, service("postgresql", "start")}, false},
		"it stays down":                {[]effect.Occurrence{restore(obj{}), scale("shop", 0), swap, scale("other", 3)}, false},
		"people know what is lost":     {[]effect.Occurrence{restore(obj{}), ask("what was written since is lost"), scale("shop", 0), swap, scale("shop", 3)}, false},
		"people were asked otherwise":  {[]effect.Occurrence{restore(obj{}), ask("it is verified"), scale("shop", 0), swap, scale("shop", 3)}, true},
		"of a moment that was chosen":  {[]effect.Occurrence{restore(obj{"time": "2026-11-27T01:40:00Z"}), scale("shop", 0), swap, scale("shop", 3)}, false},
		"a copy that does not go live": {[]effect.Occurrence{restore(obj{}), scale("shop", 0), scale("shop", 3)}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := writtenSince(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestMomentPassedOver: a moment that the run was started with is of the data, unless
// its name says of what else.
func TestMomentPassedOver(t *testing.T) {
	const moment, now = "2026-11-27T01:40:00Z", 1795750000.0 // two hours later, and more
	for name, c := range map[string]struct {
		args   obj
		params obj
		want   bool
	}{
		"not passed":        {obj{}, obj{"before": moment}, true},
		"passed":            {obj{"time": moment}, obj{"before": moment}, false},
		"a backup":          {obj{"backup": "n1"}, obj{"before": moment}, false},
		"of something else": {obj{}, obj{"freeze_until": moment}, false},
		"still to come":     {obj{}, obj{"before": "2036-11-27T01:40:00Z"}, false},
		"no moment":         {obj{}, obj{"before": "lunch", "n": 5.0}, false},
	} {
		c.args["copy"] = "fresh"
		past := []effect.Occurrence{{Module: "db", Name: "restore", Class: effect.Write, Args: c.args, Value: obj{"time": now}},
			{Module: "db", Name: "swap", Class: effect.Write, Args: obj{"copy": "fresh"}}}
		v := &effect.View{Done: func() []effect.Occurrence { return past }}
		if got := momentPassedOver(v, effect.Ending{Params: c.params}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
		v.Done = func() []effect.Occurrence { return past[:1] }
		if got := momentPassedOver(v, effect.Ending{Params: c.params}); got != "" {
			t.Errorf("%s, and it does not go live: %q", name, got)
		}
	}
}
