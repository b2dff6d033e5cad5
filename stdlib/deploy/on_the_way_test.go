package deploy

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestWellOnTheWay(t *testing.T) {
	type obj = map[string]any
	sick, well := obj{"api": obj{"error_rate": 40.0}}, obj{"api": obj{"error_rate": 0.0}}
	call := func(place effect.Place, module, name string, class effect.Class, args obj) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: module, Name: name, Class: class, Args: args}
	}
	activate := call("2", "deploy", "activate", effect.Write, obj{"env": "api"})
	migrate := call("3", "db", "migrate", effect.Write, obj{})
	look := call("3", "health", "check", effect.Read, obj{"env": "api"})
	stop := call("1", "hosts", "service", effect.Irreversible, obj{"name": "api", "action": "stop"})
	for name, c := range map[string]struct {
		past, usual []effect.Occurrence
		untouched   obj
		want        string
	}{
		"the next one mends it":   {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, "40% of its requests fail; the next is db.migrate"},
		"it is looked at":         {[]effect.Occurrence{activate}, []effect.Occurrence{activate, look, migrate}, well, ""},
		"it is the last":          {[]effect.Occurrence{activate}, []effect.Occurrence{activate}, well, ""},
		"it was to be down":       {[]effect.Occurrence{stop, activate}, []effect.Occurrence{stop, activate, migrate}, well, ""},
		"it would be so anyway":   {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, sick, ""},
		"nobody knows what comes": {[]effect.Occurrence{activate}, nil, well, ""},
	} {
		v := &effect.View{Usual: c.usual, Done: func() []effect.Occurrence { return c.past },
			Begin: func(string) map[string]any { return well }, State: func(string) map[string]any { return sick },
			Untouched: func(string) map[string]any { return c.untouched }}
		if got := wellOnTheWay(v, activate); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestOneFirst(t *testing.T) {
	type obj = map[string]any
	begin := obj{"regions": obj{"eu": obj{"serving": "v4"}, "us": obj{"serving": "v4"}}}
	activate := func(place effect.Place, region string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "deploy", Name: "activate", Class: effect.Write, Args: obj{"region": region}}
	}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"side by side":        {[]effect.Occurrence{activate("1.a.1", "eu"), activate("1.b.1", "us")}, true},
		"one after the other": {[]effect.Occurrence{activate("1", "eu"), activate("2", "us")}, false},
		"only one":            {[]effect.Occurrence{activate("1.a.1", "eu")}, false},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return begin }, Done: func() []effect.Occurrence { return c.past }}
		if got := oneFirst(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
