package hosts

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// put is a copy that changed a file there.
func put(place, to string) effect.Occurrence {
	e := did(effect.Place(place), "copy", obj{"to": to}, []any{"gw-1"}, "gw-1")
	e.Changes = []effect.Change{{Module: "hosts", Path: []string{"hosts", "gw-1", "files", to}, From: "a", To: "b"}}
	return e
}

func TestConfigurationIsTriedAndTakenUp(t *testing.T) {
	const conf = "/etc/nginx/conf.d/limits.conf"
	restart := restarts("9", "nginx", "gw-1")
	run := func(place effect.Place, argv ...any) effect.Occurrence {
		return did(place, "run", obj{"argv": argv}, []any{"gw-1"}, "gw-1")
	}
	asked := effect.Occurrence{Place: "3", Module: effect.ControlModule, Name: "approve", Class: effect.Value}
	drained := effect.Occurrence{Place: "1", Module: "traffic", Name: "drain", Class: effect.Write}
	one := obj{"gw-1": obj{"services": obj{"nginx.service": "active"}}}
	two := obj{"gw-1": one["gw-1"], "gw-2": one["gw-1"]}
	for name, c := range map[string]struct {
		hosts           obj
		past            []effect.Occurrence
		unread, untried bool
	}{
		"only copied":             {one, []effect.Occurrence{put("2", conf)}, true, false},
		"restarted by it":         {one, []effect.Occurrence{put("2", conf), restart}, false, true},
		"tried":                   {one, []effect.Occurrence{put("2", conf), reads(run("3", "nginx", "-t")), restart}, false, false},
		"tried, and not taken up": {one, []effect.Occurrence{put("2", conf), reads(run("3", "nginx", "-t"))}, true, false},
		"reloaded":                {one, []effect.Occurrence{put("2", conf), run("3", "nginx", "-s", "reload")}, false, false},
		"people are asked":        {one, []effect.Occurrence{put("2", conf), asked}, false, false},
		"another one serves":      {two, []effect.Occurrence{put("2", conf), restart}, false, false},
		"it is drained":           {one, []effect.Occurrence{drained, put("2", conf), restart}, false, false},
		"nothing reads it":        {one, []effect.Occurrence{put("2", "/etc/nginx/conf.d/limits.conf.new")}, false, false},
		"read at each request":    {one, []effect.Occurrence{put("2", "/etc/nginx/users.htpasswd")}, false, false},
		"of a service elsewhere":  {one, []effect.Occurrence{put("2", "/etc/haproxy/haproxy.cfg")}, false, false},
		"restarted before":        {one, []effect.Occurrence{restart, put("2", conf)}, true, false},
	} {
		state := func(string) map[string]any { return obj{"hosts": c.hosts} }
		v := &effect.View{Begin: state, State: state, Done: func() []effect.Occurrence { return c.past }}
		if got := takenUp(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.unread {
			t.Errorf("%s: unread: %q", name, got)
		}
		if got := triedFirst(v, c.past[len(c.past)-1]); (got != "") != c.untried {
			t.Errorf("%s: untried: %q", name, got)
		}
	}
}
