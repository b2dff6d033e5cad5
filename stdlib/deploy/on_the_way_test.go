package deploy

import (
	"strings"
	"testing"
	"time"

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
	note := call("3", "exec", "run", effect.Write, obj{"argv": []any{"./ticket.sh"}})
	note.Opaque = true
	migrateAfter := call("4", "db", "migrate", effect.Write, obj{})
	beside := call("2.b.1", "db", "migrate", effect.Write, obj{})
	inBranch := call("2.a.1", "deploy", "activate", effect.Write, obj{"env": "api"})
	blank := func(api float64, status string) obj {
		return obj{"weights": obj{"api": api, "web": 100 - api}, "servers": obj{"api": obj{"status": status}}}
	}
	for name, c := range map[string]struct {
		past, usual               []effect.Occurrence
		untouched, later, traffic obj
		want                      string
	}{
		"the next one mends it":   {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, sick, nil, "40% of its requests fail; the next is db.migrate"},
		"it is looked at":         {[]effect.Occurrence{activate}, []effect.Occurrence{activate, look, migrate}, well, sick, nil, ""},
		"it is the last":          {[]effect.Occurrence{activate}, []effect.Occurrence{activate}, well, sick, nil, ""},
		"it was to be down":       {[]effect.Occurrence{stop, activate}, []effect.Occurrence{stop, activate, migrate}, well, sick, nil, ""},
		"it would be so anyway":   {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, sick, sick, nil, ""},
		"nobody knows what comes": {[]effect.Occurrence{activate}, nil, well, sick, nil, ""},
		"it has to start":         {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, well, nil, ""},
		"it gets traffic":         {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, sick, blank(10, "up"), "the next is db.migrate"},
		"it gets no traffic":      {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, sick, blank(0, "up"), ""},
		"it is drained":           {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, sick, blank(50, "drain"), ""},
		"of another pool":         {[]effect.Occurrence{activate}, []effect.Occurrence{activate, migrate}, well, sick, obj{"pools": obj{"p": blank(0, "up")}}, ""},
		"a word to others":        {[]effect.Occurrence{activate}, []effect.Occurrence{activate, note, look}, well, sick, nil, ""},
		"a word, and a change":    {[]effect.Occurrence{activate}, []effect.Occurrence{activate, note, migrateAfter}, well, sick, nil, "the next is db.migrate"},
		"in another branch":       {[]effect.Occurrence{inBranch}, []effect.Occurrence{inBranch, beside}, well, sick, nil, "the next is db.migrate"},
		"of another branch, done": {[]effect.Occurrence{beside, inBranch}, []effect.Occurrence{inBranch, beside}, well, sick, nil, ""},
	} {
		v := &effect.View{Usual: c.usual, Done: func() []effect.Occurrence { return c.past },
			Begin: func(string) map[string]any { return well },
			State: func(module string) map[string]any {
				if module == "traffic" {
					return c.traffic
				}
				return sick
			},
			Later:     func(string, time.Duration) map[string]any { return c.later },
			Untouched: func(string) map[string]any { return c.untouched }}
		if got := wellOnTheWay(v, c.past[len(c.past)-1]); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
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
	of := func(e effect.Occurrence, version string) effect.Occurrence {
		e.Changes = []effect.Change{{Path: []string{"regions", "x", "serving"}, To: version}}
		return e
	}
	look := effect.Occurrence{Place: "2", Module: "health", Name: "measure", Class: effect.Read, Args: obj{"env": "canary"}}
	before := look
	before.Args = obj{"env": "eu"}
	script := effect.Occurrence{Place: "1", Module: "exec", Name: "run", Class: effect.Write}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"after a fresh one that was looked at": {[]effect.Occurrence{activate("1", "canary"), look, activate("3.a.1", "eu"), activate("3.b.1", "us")}, false},
		"after a fresh one of another version": {[]effect.Occurrence{of(activate("1", "canary"), "v6"), look, of(activate("3.a.1", "eu"), "v5"), of(activate("3.b.1", "us"), "v5")}, true},
		"after a fresh one nobody looked at":   {[]effect.Occurrence{activate("1", "canary"), activate("3.a.1", "eu"), activate("3.b.1", "us")}, true},
		"after one by a command":               {[]effect.Occurrence{script, look, activate("3.a.1", "eu"), activate("3.b.1", "us")}, false},
		"after a look at what serves":          {[]effect.Occurrence{script, before, activate("3.a.1", "eu"), activate("3.b.1", "us")}, true},
		"beside a fresh one":                   {[]effect.Occurrence{activate("3.c.1", "canary"), look, activate("3.a.1", "eu"), activate("3.b.1", "us")}, true},
		"side by side":                         {[]effect.Occurrence{activate("1.a.1", "eu"), activate("1.b.1", "us")}, true},
		"one after the other":                  {[]effect.Occurrence{activate("1", "eu"), activate("2", "us")}, false},
		"only one":                             {[]effect.Occurrence{activate("1.a.1", "eu")}, false},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return begin }, Done: func() []effect.Occurrence { return c.past }}
		if got := oneFirst(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
