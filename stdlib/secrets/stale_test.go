package secrets

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestConsumersAwake(t *testing.T) {
	type obj = map[string]any
	on := func(place effect.Place, name string, args obj, hosts ...string) effect.Occurrence {
		came := obj{}
		for _, h := range hosts {
			came[h] = obj{}
		}
		return effect.Occurrence{Place: place, Module: "hosts", Name: name, Class: effect.Write, Args: args, Value: obj{"hosts": came}}
	}
	give := func(place effect.Place, hosts ...string) effect.Occurrence {
		return on(place, "run", obj{"argv": []any{"install-key", "mail"}, "secrets": obj{"KEY": "k"}}, hosts...)
	}
	restart := func(place effect.Place, hosts ...string) effect.Occurrence {
		return on(place, "service", obj{"name": "smtpd", "action": "restart"}, hosts...)
	}
	other := func(module, name string, class effect.Class, args obj) effect.Occurrence {
		return effect.Occurrence{Place: "3", Module: module, Name: name, Class: class, Args: args}
	}
	words := func(argv ...any) effect.Occurrence {
		return on("2", "run", obj{"argv": argv, "secrets": obj{"KEY": "k"}}, "a")
	}
	state := func(module string) map[string]any {
		if module != "hosts" {
			return nil
		}
		return obj{"hosts": obj{"a": obj{"services": obj{"smtpd.service": "active"}}, "b": obj{"services": obj{"queued.service": "active"}},
			"c": obj{"services": obj{"old.service": "inactive"}}}}
	}
	rotate := effect.Occurrence{Place: "1", Module: "secrets", Name: "rotate", Class: effect.Write, Args: obj{"name": "key"}, Value: obj{"version": "2"}}
	revoke := effect.Occurrence{Place: "9", Module: "secrets", Name: "revoke", Class: effect.Irreversible, Args: obj{"name": "key", "version": "1"}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"never restarted":          {[]effect.Occurrence{rotate, give("2", "a")}, true},
		"one of two":               {[]effect.Occurrence{rotate, give("2", "a", "b"), restart("3", "a")}, true},
		"restarted before":         {[]effect.Occurrence{rotate, restart("2", "a"), give("3", "a")}, true},
		"well, and agreed to":      {[]effect.Occurrence{rotate, give("2", "a"), other("health", "check", effect.Read, nil), other(effect.ControlModule, "approve", effect.Value, nil)}, true},
		"restarted":                {[]effect.Occurrence{rotate, give("2", "a"), restart("3", "a")}, false},
		"looked at":                {[]effect.Occurrence{rotate, give("2", "a"), on("3", "run", obj{"argv": []any{"key-in-use"}}, "a")}, false},
		"reloads by itself":        {[]effect.Occurrence{rotate, words("install-key", "--reload")}, false},
		"known to a database":      {[]effect.Occurrence{rotate, words("set-role-password", "app")}, false},
		"nothing runs there":       {[]effect.Occurrence{rotate, give("2", "c")}, false},
		"a pause":                  {[]effect.Occurrence{rotate, give("2", "a"), other(effect.ControlModule, "sleep", effect.Value, nil)}, false},
		"something else restarts":  {[]effect.Occurrence{rotate, give("2", "a"), other("exec", "run", effect.Write, nil)}, false},
		"sessions are counted":     {[]effect.Occurrence{rotate, give("2", "a"), other("db", "query", effect.Read, nil)}, false},
		"given before the new one": {[]effect.Occurrence{give("0", "a"), rotate}, false},
	} {
		v := &effect.View{Begin: state, State: state, Done: func() []effect.Occurrence { return append(c.past, revoke) }}
		if got := consumersAwake(v, revoke); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
