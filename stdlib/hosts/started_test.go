package hosts

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestStartedBefore(t *testing.T) {
	service := func(action, unit, host string) effect.Occurrence {
		return did(effect.Place(action+unit), "service", obj{"name": unit, "action": action}, []any{host}, host)
	}
	stopApp, stopStore := service("stop", "shop", "app-1"), service("stop", "postgresql", "db-1")
	app, store := service("start", "shop", "app-1"), service("start", "postgresql", "db-1")
	pooler := service("start", "pgbouncer", "app-1")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"before its store":       {[]effect.Occurrence{stopApp, stopStore, app, store}, true},
		"after it":               {[]effect.Occurrence{stopApp, stopStore, store, app}, false},
		"a store that ran":       {[]effect.Occurrence{stopApp, app, stopStore, store}, false},
		"one that stays away":    {[]effect.Occurrence{stopApp, stopStore, app}, false},
		"what waits by itself":   {[]effect.Occurrence{service("stop", "pgbouncer", "app-1"), stopStore, pooler, store}, false},
		"what was never stopped": {[]effect.Occurrence{stopStore, app, store}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := startedBefore(v, effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
