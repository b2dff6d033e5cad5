package deploy

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestPurgedEarly(t *testing.T) {
	type obj = map[string]any
	did := func(module, name string, args obj) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: module, Name: name, Class: effect.Write, Args: args}
	}
	serve := did("deploy", "activate", obj{"env": "web"})
	serve.Changes = []effect.Change{{Module: "deploy", Path: []string{"envs", "web", "serving"}, From: "v1", To: "v2"}}
	request := func(url string) effect.Occurrence { return did("http", "request", obj{"method": "POST", "url": url}) }
	run := func(argv ...any) effect.Occurrence { return did("exec", "run", obj{"argv": argv}) }
	purge := request("https://api.cdn.example/purge")
	back := purge
	back.Place = "r1.1.1"
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"before alone":               {[]effect.Occurrence{purge, serve}, true},
		"by a command":               {[]effect.Occurrence{run("aws", "cloudfront", "create-invalidation"), serve}, true},
		"after":                      {[]effect.Occurrence{serve, purge}, false},
		"before and after":           {[]effect.Occurrence{purge, serve, purge}, false},
		"between two places":         {[]effect.Occurrence{serve, purge, serve}, false},
		"what is no cache":           {[]effect.Occurrence{run("apt-get", "purge", "nginx"), serve}, false},
		"a cache that is not asked":  {[]effect.Occurrence{request("https://api.cdn.example/zones"), serve}, false},
		"nothing comes into service": {[]effect.Occurrence{purge, did("deploy", "activate", obj{"env": "web"})}, false},
		"only on the way back":       {[]effect.Occurrence{back, serve}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := purgedEarly(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
