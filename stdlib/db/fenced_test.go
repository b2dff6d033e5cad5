package db

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestFenced: what stops the server of a node, on its host or by a command that names
// it, and what does not.
func TestFenced(t *testing.T) {
	service := func(on, name, action string) effect.Occurrence {
		return effect.Occurrence{Module: "hosts", Name: "service", Class: effect.Irreversible, Args: obj{"on": []any{on}, "name": name, "action": action}}
	}
	command := func(on, line string) effect.Occurrence {
		var argv []any
		for _, word := range strings.Fields(line) {
			argv = append(argv, word)
		}
		e := effect.Occurrence{Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": argv}}
		if on != "" {
			e.Module, e.Args["on"] = "hosts", []any{on}
		}
		return e
	}
	failed := service("db-a", "postgresql", "stop")
	failed.Err = effect.Errorf(effect.CodeRefused, "no")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"its unit, on its host":             {[]effect.Occurrence{service("db-a", "postgresql", "stop")}, true},
		"its unit, on what has its name":    {[]effect.Occurrence{service("a", "mariadb.service", "stop")}, true},
		"and started again":                 {[]effect.Occurrence{service("db-a", "postgresql", "stop"), service("db-a", "postgresql", "start")}, false},
		"another unit":                      {[]effect.Occurrence{service("db-a", "nginx", "stop")}, false},
		"another host":                      {[]effect.Occurrence{service("db-b", "postgresql", "stop")}, false},
		"it failed":                         {[]effect.Occurrence{failed}, false},
		"by a command there":                {[]effect.Occurrence{command("db-a", "pg_ctl stop -D /data")}, true},
		"what else a command there stops":   {[]effect.Occurrence{command("db-a", "systemctl stop nginx")}, false},
		"by a command that names it":        {[]effect.Occurrence{command("", "./fence.sh a")}, true},
		"by one that names the other":       {[]effect.Occurrence{command("", "./fence.sh b")}, false},
		"the machine":                       {[]effect.Occurrence{command("", "ipmitool -H db-a power-off")}, true},
		"and the machine boots":             {[]effect.Occurrence{command("", "ipmitool -H db-a power-off"), command("", "ipmitool -H db-a power-on")}, false},
		"a command that does neither there": {[]effect.Occurrence{command("", "./fence.sh a"), command("", "ping db-a")}, true},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := fenced(v, "a"); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
