package secrets

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestNewEnded(t *testing.T) {
	type obj = map[string]any
	rotate := effect.Occurrence{Place: "1", Module: "secrets", Name: "rotate", Class: effect.Write, Args: obj{"name": "key"}, Value: obj{"version": "2", "previous": "1"}}
	revoke := func(version string) effect.Occurrence {
		return effect.Occurrence{Place: "3", Module: "secrets", Name: "revoke", Class: effect.Irreversible, Args: obj{"name": "key", "version": version}}
	}
	failed := effect.Occurrence{Place: "2", Module: "exec", Name: "run", Class: effect.Write, Err: effect.Errorf(effect.CodeRefused, "refused")}
	for name, c := range map[string]struct {
		past   []effect.Occurrence
		valid  []any
		status effect.Status
		finds  bool
	}{
		"the new one":                 {[]effect.Occurrence{rotate, revoke("2")}, []any{"1"}, effect.StatusSucceeded, true},
		"the old one":                 {[]effect.Occurrence{rotate, revoke("1")}, []any{"2"}, effect.StatusSucceeded, false},
		"given up after a failure":    {[]effect.Occurrence{rotate, failed, revoke("2")}, []any{"1"}, effect.StatusSucceeded, false},
		"taken back by a rollback":    {[]effect.Occurrence{rotate, revoke("2")}, []any{"1"}, effect.StatusRolledBack, false},
		"a newer one is in its place": {[]effect.Occurrence{rotate, revoke("2")}, []any{"3"}, effect.StatusSucceeded, false},
	} {
		v := &effect.View{
			Begin: func(string) map[string]any { return obj{"key": obj{"versions": []any{"1"}, "valid": []any{"1"}}} },
			State: func(string) map[string]any { return obj{"key": obj{"valid": c.valid}} },
			Done:  func() []effect.Occurrence { return c.past },
		}
		if got := newEnded(v, effect.Ending{Status: c.status}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
