package files

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestRemovedUnkept(t *testing.T) {
	type obj = map[string]any
	run := func(argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: "3", Module: "exec", Name: "run", Class: effect.Irreversible, Args: obj{"argv": argv}}
	}
	archive := func(paths ...any) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: "files", Name: "archive", Class: effect.Write, Args: obj{"paths": paths, "to": "/kept/a.tgz"}}
	}
	copied := run("rsync", "-a", "/data/x", "vault:")
	copied.Place = "2"
	state := func(string) map[string]any {
		return obj{"/data/x/a.log": obj{}, "/data/x/sub/b.log": obj{}, "/data/x/c.json": obj{}, "/data/x/run.pid": obj{}, "/data/y/d.log": obj{}}
	}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		e    effect.Occurrence
		want bool
	}{
		"a pattern":            {[]effect.Occurrence{archive("/data/x/*.log", "/data/x/sub")}, run("rm", "-r", "/data/x"), true},
		"with all that it has": {[]effect.Occurrence{archive("/data/x/*.json")}, run("rm", "-rf", "--", "/data/x/*"), true},
		"the directory":        {[]effect.Occurrence{archive("/data/x/")}, run("rm", "-r", "/data/x"), false},
		"what is above it":     {[]effect.Occurrence{archive("/data")}, run("rm", "-r", "/data/x"), false},
		"two that make it all": {[]effect.Occurrence{archive("/data/x/*.log", "/data/x/sub"), archive("/data/x/*.json")}, run("rm", "-r", "/data/x"), false},
		"what is in it alone":  {[]effect.Occurrence{archive("/data/x/sub")}, run("rm", "-r", "/data/x/sub"), false},
		"copied elsewhere":     {[]effect.Occurrence{archive("/data/x/*.log"), copied}, run("rm", "-r", "/data/x"), false},
		"another directory":    {[]effect.Occurrence{archive("/data/x/*.log")}, run("rm", "-r", "/data/y"), false},
		"nothing is removed":   {[]effect.Occurrence{archive("/data/x/*.log")}, run("ls", "-r", "/data/x"), false},
		"none was made":        {nil, run("rm", "-r", "/data/x"), false},
	} {
		v := &effect.View{State: state, Done: func() []effect.Occurrence { return append(c.past, c.e) }}
		if got := removedUnkept(v, c.e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
