package hosts

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// webFleet returns a View of states by module, of which one holds three web hosts.
func webFleet(states obj, past ...effect.Occurrence) *effect.View {
	hosts := obj{}
	for _, name := range []string{"w1", "w2", "w3"} {
		hosts[name] = obj{"groups": []any{"web"}, "labels": obj{"id": name}, "services": obj{"app.service": "active"}, "files": obj{}}
	}
	for name, h := range states {
		if _, ok := hosts[name]; ok {
			hosts[name] = h
		}
	}
	state := func(module string) map[string]any {
		if module == "hosts" {
			return obj{"hosts": hosts}
		}
		told, _ := states[module].(obj)
		return told
	}
	return &effect.View{Begin: state, State: state, Done: func() []effect.Occurrence { return past }}
}

// TestOneLeftOut tells a host that was forgotten from one that was left out for a
// reason which the run, its parameters or the world know.
func TestOneLeftOut(t *testing.T) {
	copied := func(host string) effect.Occurrence {
		return did("1", "copy", obj{"to": "/etc/conf"}, []any{host}, host)
	}
	two := []effect.Occurrence{copied("w1"), copied("w2")}
	after := func(more ...effect.Occurrence) []effect.Occurrence { return append(more, two...) }
	listed := effect.Occurrence{Module: "hosts", Name: "list", Class: effect.Read, Args: obj{"on": []any{"web"}},
		Value: obj{"hosts": []any{obj{"name": "w1"}, obj{"name": "w2"}, obj{"name": "w3"}}}}
	for name, c := range map[string]struct {
		states obj
		params obj
		past   []effect.Occurrence
		finds  bool
	}{
		"one is forgotten":           {past: two, finds: true},
		"of a list":                  {past: after(listed), finds: true},
		"all are seen to":            {past: append([]effect.Occurrence{copied("w3")}, two...)},
		"one is tried first":         {past: two[:1]},
		"a group, without one":       {past: []effect.Occurrence{did("1", "copy", obj{"to": "/etc/conf"}, []any{"web", "!w3"}, "w1", "w2")}},
		"the rest got another file":  {past: after(did("3", "copy", obj{"to": "/etc/other"}, []any{"w3"}, "w3"))},
		"it was looked at":           {past: after(did("0", "read", obj{"path": "/etc/version"}, []any{"w3"}, "w3"))},
		"all were looked at":         {past: after(did("0", "read", obj{"path": "/etc/version"}, []any{"web"}, "w1", "w2", "w3"))},
		"it is drained":              {past: after(effect.Occurrence{Module: "traffic", Name: "drain", Class: effect.Write, Args: obj{"server": "w3"}})},
		"it is fenced":               {past: after(did("0", "run", obj{"argv": []any{"power", "off", "w3"}}, []any{"fence"}, "fence"))},
		"a report names the others":  {past: after(effect.Occurrence{Module: "exec", Name: "run", Class: effect.Read, Value: obj{"stdout": "w1\nw2\n"}})},
		"people were asked of two":   {past: after(effect.Occurrence{Module: effect.ControlModule, Name: "approve", Args: obj{"title": "patch w1 and w2?"}})},
		"two were given":             {params: obj{"on": []any{"w1", "w2"}}, past: two},
		"other things were given":    {params: obj{"version": "9"}, past: two, finds: true},
		"it cannot be reached":       {states: obj{"w3": obj{"groups": []any{"web"}, "services": obj{"app.service": "active"}, "reachable": false}}, past: two},
		"it is of another group too": {states: obj{"w3": obj{"groups": []any{"web", "canary"}, "services": obj{"app.service": "active"}}}, past: two},
		"its service is not on":      {states: obj{"w3": obj{"groups": []any{"web"}, "services": obj{"app.service": "inactive"}}}, past: two},
		"members that agree":         {states: obj{"w3": obj{"groups": []any{"web"}, "services": obj{"app.service": "active", "postgresql.service": "active"}}}, past: two},
		"it is the primary":          {states: obj{"db": obj{"nodes": obj{"w1": obj{"primary": false}, "w2": obj{"primary": false}, "w3": obj{"primary": true}}}}, past: two},
		"the same role":              {states: obj{"db": obj{"nodes": obj{"w1": obj{"primary": false}, "w2": obj{"primary": false}, "w3": obj{"primary": false}}}}, past: two, finds: true},
		"it takes no traffic":        {states: obj{"traffic": obj{"weights": obj{"w1": 50.0, "w2": 50.0}}}, past: two},
	} {
		got := oneLeftOut(webFleet(c.states, c.past...), effect.Ending{Status: effect.StatusSucceeded, Params: c.params})
		if (got != "") != c.finds || c.finds && !strings.Contains(got, "not on w3") {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := oneLeftOut(webFleet(nil, two...), effect.Ending{Status: effect.StatusFailed}); got != "" {
		t.Errorf("a run that failed on the way: %q", got)
	}
}
