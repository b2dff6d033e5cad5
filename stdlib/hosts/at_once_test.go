package hosts

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestEverywhereAtOnce(t *testing.T) {
	all := []string{"r1", "r2", "r3"}
	copied := func(file string, on ...string) effect.Occurrence {
		e := did("1", "copy", obj{"to": file}, nil, on...)
		for _, host := range on {
			e.Changes = append(e.Changes, effect.Change{Module: "hosts", Path: []string{"hosts", host, "files", file}, From: "a", To: "b"})
		}
		return e
	}
	taken := func(limit float64, on ...string) effect.Occurrence {
		return did("2", "service", obj{"name": "app", "action": "reload", "limit": limit}, nil, on...)
	}
	watch := effect.Occurrence{Place: "3", Module: "health", Name: "measure", Class: effect.Read}
	const rules = "/etc/app/rules.lst"
	for name, c := range map[string]struct {
		past  []effect.Occurrence
		finds bool
	}{
		"all at once":          {[]effect.Occurrence{copied(rules, all...), taken(10, all...), watch}, true},
		"one after the other":  {[]effect.Occurrence{copied(rules, all...), taken(1, all...), watch}, false},
		"some come first":      {[]effect.Occurrence{copied(rules, "r1"), taken(1, "r1"), watch, copied(rules, all...), taken(10, all...), watch}, false},
		"a certificate":        {[]effect.Occurrence{copied("/etc/app/tls.pem", all...), taken(10, all...), watch}, false},
		"nobody watches":       {[]effect.Occurrence{copied(rules, all...), taken(10, all...)}, false},
		"it is not taken up":   {[]effect.Occurrence{copied(rules, all...), watch}, false},
		"only some of a group": {[]effect.Occurrence{copied(rules, "r1", "r2"), taken(10, "r1", "r2"), watch}, false},
	} {
		if got := everywhereAtOnce(fleet(c.past...), effect.Ending{Status: effect.StatusSucceeded}); (got != "") != c.finds {
			t.Errorf("%s: %q", name, got)
		}
	}
}
