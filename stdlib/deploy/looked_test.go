package deploy

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestLooksAtWhatIsReleased(t *testing.T) {
	type obj = map[string]any
	did := func(module, name, at string) effect.Occurrence {
		class := effect.Write
		args := obj{"env": at}
		if module == "health" {
			class = effect.Read
		} else if name == "activate" {
			args = obj{"region": at}
		}
		return effect.Occurrence{Place: effect.Place("1." + name + at), Module: module, Name: name, Class: class, Args: args}
	}
	pause := effect.Occurrence{Place: "9", Module: effect.ControlModule, Name: "sleep", Class: effect.Value}
	eu, us, watch := did("deploy", "activate", "eu"), did("deploy", "activate", "us"), did("health", "measure", "eu")
	release, blue, green := did("deploy", "release", "green"), did("health", "load", "blue"), did("health", "load", "green")
	state := func(string) map[string]any {
		return obj{"regions": obj{"eu": obj{"version": "v1", "serving": "v1"}, "us": obj{"version": "v1", "serving": "v1"}}, "envs": obj{"blue": obj{"version": "v1"}}}
	}
	for name, c := range map[string]struct {
		past            []effect.Occurrence
		late, elsewhere bool
	}{
		"after the last":            {[]effect.Occurrence{eu, pause, us, pause, watch}, true, false},
		"after the first":           {[]effect.Occurrence{eu, watch, us, watch}, false, false},
		"a command between":         {[]effect.Occurrence{eu, did("exec", "run", ""), us, watch}, false, false},
		"not at all":                {[]effect.Occurrence{eu, pause, us}, false, false},
		"again in the first":        {[]effect.Occurrence{eu, eu, watch, us}, false, false},
		"in one place alone":        {[]effect.Occurrence{eu, pause, watch}, false, false},
		"load on what was there":    {[]effect.Occurrence{release, blue}, false, true},
		"load on what was released": {[]effect.Occurrence{release, green}, false, false},
		"load on both":              {[]effect.Occurrence{release, blue, green}, false, false},
		"nothing is released":       {[]effect.Occurrence{blue}, false, false},
	} {
		v := &effect.View{Begin: state, State: state, Done: func() []effect.Occurrence { return c.past }}
		if got := lookedLate(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.late {
			t.Errorf("%s: %q", name, got)
		}
		if got := loadElsewhere(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.elsewhere {
			t.Errorf("%s: %q", name, got)
		}
	}
}
