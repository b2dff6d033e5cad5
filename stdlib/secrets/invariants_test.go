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

// TestFirstCarried: the new version is handed out before the old one ends, whether a
// consumer is told its number or is given its value.
func TestFirstCarried(t *testing.T) {
	type obj = map[string]any
	secret := effect.NewSecret("key", "s3cret")
	rotate := effect.Occurrence{Place: "1", Module: "secrets", Name: "rotate", Class: effect.Write, Args: obj{"name": "key"}, Value: obj{"version": "2", "previous": "1"}}
	get := effect.Occurrence{Place: "2", Module: "secrets", Name: "get", Class: effect.Read, Args: obj{"name": "key"}, Value: obj{"version": "2", "value": secret}}
	revoke := effect.Occurrence{Place: "3", Module: "secrets", Name: "revoke", Class: effect.Irreversible, Args: obj{"name": "key", "version": "1"}}
	install := func(place effect.Place) effect.Occurrence {
		return effect.Occurrence{Place: place, Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{"./install.sh"}, "secrets": obj{"KEY": secret}}}
	}
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"the old one ends before":         {[]effect.Occurrence{rotate, revoke, get, install("4")}, true},
		"the old one ends after":          {[]effect.Occurrence{rotate, get, install("2.5"), revoke}, false},
		"it is given once more":           {[]effect.Occurrence{rotate, get, install("2.5"), revoke, install("4")}, false},
		"the new one is only looked at":   {[]effect.Occurrence{rotate, revoke, get}, false},
		"the old one was ended by others": {[]effect.Occurrence{rotate, get, install("4")}, false},
	} {
		v := &effect.View{Done: func() []effect.Occurrence { return c.past }}
		if got := consumersFirst(v, c.past[len(c.past)-1]); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
