package secrets

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestOneVersion(t *testing.T) {
	type obj = map[string]any
	held := func(versions, valid []any) obj { return obj{"db.main": obj{"versions": versions, "valid": valid}} }
	one, two := []any{"1"}, []any{"1", "2"}
	for _, c := range []struct {
		name       string
		begin, now obj
		status     effect.Status
		want       string
	}{
		{"the old one is left", held(one, one), held(two, two), effect.StatusSucceeded,
			"the run succeeded, and of db.main the versions 1, 2 are valid: end the old one with secrets.revoke"},
		{"the old one was ended", held(one, one), held(two, []any{"2"}), effect.StatusSucceeded, ""},
		{"nothing was made", held(two, two), held(two, two), effect.StatusSucceeded, ""},
		{"it failed", held(one, one), held(two, two), effect.StatusFailed, ""},
		{"nobody knows what was there", nil, held(two, two), effect.StatusSucceeded, ""},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return c.begin }, State: func(string) map[string]any { return c.now }}
		if got := oneVersion(v, effect.Ending{Status: c.status}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
