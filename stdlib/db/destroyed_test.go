package db

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestLastBackup tells what takes the last backup away from what reads it, and from
// what removes a copy of it.
func TestLastBackup(t *testing.T) {
	shell := func(place effect.Place, line string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"shell": line}}
	}
	argv := func(words ...any) effect.Occurrence {
		return effect.Occurrence{Place: "2", Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": words}}
	}
	one := obj{"backups": []any{obj{"name": "f1"}}}
	two := obj{"backups": []any{obj{"name": "f1"}, obj{"name": "f2"}}}
	for name, c := range map[string]struct {
		state obj
		past  []effect.Occurrence
		finds bool
	}{
		"its file is removed":            {one, []effect.Occurrence{shell("2", "rm -f /backups/f1")}, true},
		"packed":                         {one, []effect.Occurrence{shell("2", "rm -f /backups/f1.tar.gz")}, true},
		"by a path":                      {one, []effect.Occurrence{argv("/bin/rm", "/backups/f1.dump")}, true},
		"by a shell within":              {one, []effect.Occurrence{argv("sh", "-c", "cd /backups && rm f1.sql.zst; sync")}, true},
		"by a tool":                      {one, []effect.Occurrence{argv("velero", "backup", "delete", "f1")}, true},
		"by find":                        {one, []effect.Occurrence{shell("2", "find /backups -name f1.tar -delete")}, true},
		"over HTTP":                      {one, []effect.Occurrence{{Place: "2", Module: "http", Name: "request", Class: effect.Write, Args: obj{"method": "DELETE", "url": "https://b.example.org/v1/f1"}}}, true},
		"read in a container":            {one, []effect.Occurrence{argv("docker", "run", "--rm", "pgtools", "restore-and-check", "f1")}, false},
		"mirrored with --delete":         {one, []effect.Occurrence{argv("rsync", "-a", "--delete", "/backups/f1", "mirror:/backups/")}, false},
		"another is left":                {two, []effect.Occurrence{shell("2", "rm -f /backups/f1")}, false},
		"one of a longer name":           {one, []effect.Occurrence{shell("2", "rm -f /backups/f1-old /backups/f11")}, false},
		"a host of the name":             {one, []effect.Occurrence{shell("2", "ssh f1.example.org rm -f /var/run/x.pid")}, false},
		"a copy where all is scratch":    {one, []effect.Occurrence{shell("2", "rm -f /tmp/f1.tar.gz")}, false},
		"a copy that the run has made":   {one, []effect.Occurrence{shell("1", "fetch f1 > /srv/probe/f1.tar.gz"), shell("2", "rm -f /srv/probe/f1.tar.gz")}, false},
		"a copy, and then the last, too": {one, []effect.Occurrence{shell("1", "rm -f /tmp/f1.tar.gz"), shell("2", "rm -f /backups/f1.tar.gz")}, true},
	} {
		v := &effect.View{State: func(string) map[string]any { return c.state }, Done: func() []effect.Occurrence { return c.past }}
		if got := lastBackup(v, c.past[len(c.past)-1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
