package secrets

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestConsumersInTurn(t *testing.T) {
	type obj = map[string]any
	restart := func(place effect.Place, host string) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "hosts", Name: "service", Class: effect.Write, Args: obj{"name": "api", "action": "restart", "on": []any{host}}}
	}
	run := func(place effect.Place, argv ...any) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": argv}}
	}
	rotate := func(place effect.Place) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "secrets", Name: "rotate", Class: effect.Write, Args: obj{"name": "key"}}
	}
	revoke := effect.Occurrence{Place: "3", Module: "secrets", Name: "revoke", Class: effect.Irreversible, Args: obj{"name": "key", "version": "1"}}
	on := func(e effect.Occurrence, host string) effect.Occurrence {
		e.Module, e.Args["on"] = "hosts", []any{host}
		return e
	}
	told := func(e effect.Occurrence, state string) effect.Occurrence {
		e.Args["env"] = obj{"STATE": state} // of a command
		return e
	}
	reached := func(e effect.Occurrence, hosts ...string) effect.Occurrence {
		came := obj{}
		for _, h := range hosts {
			came[h] = obj{}
		}
		e.Value = obj{"hosts": came}
		return e
	}
	begin := func(module string) map[string]any {
		if module != "hosts" {
			return nil
		}
		return obj{"hosts": obj{"a": obj{"services": obj{"api.service": "active"}}, "b": obj{"services": obj{"web.service": "active"}}}}
	}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"one comes after":           {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, restart("4", "b")}, true},
		"a command of one":          {[]effect.Occurrence{rotate("1"), run("2", "./restart", "a"), revoke, run("4", "./restart", "b")}, true},
		"a command of a service":    {[]effect.Occurrence{rotate("1"), run("2", "./restart", "api"), revoke, run("4", "./restart", "web")}, true},
		"on another host":           {[]effect.Occurrence{rotate("1"), on(run("2", "./take-key"), "a"), revoke, on(run("4", "./take-key"), "b")}, true},
		"a ticket goes on":          {[]effect.Occurrence{rotate("1"), run("2", "./ticket.sh", "OPS-12", "in-progress"), revoke, run("4", "./ticket.sh", "OPS-12", "closed")}, false},
		"maintenance ends":          {[]effect.Occurrence{rotate("1"), run("2", "./maintenance", "on"), revoke, run("4", "./maintenance", "off")}, false},
		"the old key is cleared":    {[]effect.Occurrence{rotate("1"), on(run("2", "key", "install"), "a"), revoke, on(run("4", "key", "prune"), "a")}, false},
		"a variable says another":   {[]effect.Occurrence{rotate("1"), told(run("2", "./note"), "begun"), revoke, told(run("4", "./note"), "done")}, false},
		"so on a host":              {[]effect.Occurrence{rotate("1"), told(on(run("2", "./note"), "a"), "begun"), revoke, told(on(run("4", "./note"), "a"), "done")}, false},
		"all once more":             {[]effect.Occurrence{rotate("1"), restart("2", "a"), restart("2.1", "b"), revoke, restart("4", "b")}, false},
		"all, and one of them":      {[]effect.Occurrence{rotate("1"), reached(restart("2", "group"), "a", "b"), revoke, reached(restart("4", "b"), "b")}, false},
		"one, and then all":         {[]effect.Occurrence{rotate("1"), reached(restart("2", "a"), "a"), revoke, reached(restart("4", "group"), "a", "b")}, true},
		"all come before":           {[]effect.Occurrence{rotate("1"), restart("2", "a"), restart("2", "b"), revoke}, false},
		"the same once more":        {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, restart("4", "a")}, false},
		"something else comes then": {[]effect.Occurrence{rotate("1"), run("2", "./restart", "a"), revoke, run("4", "./report", "to", "b")}, false},
		"another secret by then":    {[]effect.Occurrence{rotate("1"), restart("2", "a"), revoke, rotate("4"), restart("5", "b")}, false},
	} {
		v := &effect.View{Begin: begin, Done: func() []effect.Occurrence { return c.past }}
		if got := consumersInTurn(v, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
