package model

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestUpgraded(t *testing.T) {
	type obj = map[string]any
	run := func(place effect.Place, class effect.Class, argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: class, Args: obj{"argv": argv}}
	}
	ask := func(title string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: effect.ControlModule, Name: "approve", Class: effect.Value, Args: obj{"title": title}}
	}
	upgrade := run("2", effect.Irreversible, "kubeadm", "upgrade", "apply", "-y", "v1.24.17")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"nothing before":         {[]effect.Occurrence{upgrade}, true},
		"a yes":                  {[]effect.Occurrence{ask("upgrade the cluster?"), upgrade}, true},
		"a yes to a snapshot":    {[]effect.Occurrence{ask("is the snapshot of etcd there?"), upgrade}, false},
		"a snapshot":             {[]effect.Occurrence{run("1", effect.Write, "etcdctl", "snapshot", "save", "/b/etcd.db"), upgrade}, false},
		"a look at one":          {[]effect.Occurrence{run("1", effect.Read, "velero", "backup", "get", "nightly"), upgrade}, false},
		"of a database":          {[]effect.Occurrence{{Place: "1", Module: "db", Name: "backup", Class: effect.Write}, run("2", effect.Irreversible, "pg_upgrade", "--link")}, false},
		"it is only looked at":   {[]effect.Occurrence{run("2", effect.Irreversible, "pg_upgrade", "--check")}, false},
		"what can be taken back": {[]effect.Occurrence{run("2", effect.Irreversible, "kubeadm", "upgrade", "node")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := Upgraded("exec").After(v, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
