package deploy

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestInUse(t *testing.T) {
	type obj = map[string]any
	run := func(argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "hosts", Name: "run", Class: effect.Irreversible, Args: obj{"argv": argv}}
	}
	request := func(method, url string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "http", Name: "request", Class: effect.Irreversible, Args: obj{"method": method, "url": url}}
	}
	state := func(module string) map[string]any {
		if module == "traffic" {
			return obj{"weights": obj{"blue": 0.0, "green": 100.0}}
		}
		return obj{"envs": obj{"blue": obj{"version": "v1", "serving": "v1"}, "green": obj{"version": "v3", "serving": "v2"}}}
	}
	for name, c := range map[string]struct {
		e    effect.Occurrence
		want bool
	}{
		"its place":                  {run("rm", "-rf", "/srv/web/releases/v2/"), true},
		"its image":                  {run("docker", "rmi", "registry.example/web:v2"), true},
		"at its registry":            {request("DELETE", "https://registry.example/v2/web/manifests/v2"), true},
		"another version":            {run("rm", "-rf", "/srv/web/releases/v3"), false},
		"a part of it":               {run("rm", "-rf", "/srv/web/releases/v2/spool"), false},
		"a lock of its name":         {run("rm", "-f", "/srv/web/locks/v2"), false},
		"its package":                {run("rm", "/srv/web/releases/v2.tar.gz"), false},
		"a container that is passed": {run("docker", "run", "--rm", "registry.example/web:v2", "migrate"), false},
		"where nobody is served":     {run("rm", "-rf", "/srv/web/releases/v1"), false},
		"it is asked for":            {request("GET", "https://registry.example/v2/web/manifests/v2"), false},
	} {
		if got := inUse(&effect.View{State: state}, c.e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
