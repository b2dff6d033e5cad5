package rfc2136

import (
	"fmt"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
)

// TestExamine: whether the key may change the zone is told, where it can be, by what
// changes nothing.
func TestExamine(t *testing.T) {
	named := func(what string) func(t *testing.T) *server {
		return func(t *testing.T) *server {
			return startBind(t, fmt.Sprintf(`zone "example.org" { type primary; file "example.org.zone"; %s };`, what))
		}
	}
	good, reader := obj{"name": "runbook", "secret": secret}, obj{"name": "reader", "secret": secret}
	type try struct {
		key   obj
		code  effect.Code // "" for none
		error string
		doubt string // "" for none
	}
	policy := "would refuse one of _runbook-verify.example.org TXT: whether its policy allows the names that a runbook changes cannot be told"
	for name, c := range map[string]struct {
		start func(t *testing.T) *server
		tries []try
	}{
		"a policy of the zone": {func(t *testing.T) *server { return startPrimary(t) }, []try{{good, "", "", ""}, {reader, "", "", policy}}},
		"a policy of names":    {named("update-policy { grant runbook. name www.example.org A; };"), []try{{good, "", "", policy}}},
		"a list of keys":       {named("allow-update { key runbook.; };"), []try{{good, "", "", ""}, {reader, effect.CodeRefused, "does not let us change", ""}}},
		"no updates at all":    {named(""), []try{{good, effect.CodeRefused, "does not let us change", ""}}},
		"Knot":                 {startKnot, []try{{good, "", "", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.start(t)
			before := recordsettest.Dig(t, p.addr, "example.org", "SOA")
			for _, try := range c.tries {
				doubts, err := backend(t, p.addr, obj{"key": try.key, "zones": []any{"example.org"}}).Examine(t.Context())
				switch e := effect.AsError(err); {
				case (e == nil) != (try.code == "") || e != nil && (e.Code != try.code || !strings.Contains(e.Message, try.error)):
					t.Errorf("%v: %v, want %s %q", try.key["name"], err, try.code, try.error)
				case (len(doubts) == 0) != (try.doubt == "") || len(doubts) > 0 && !strings.Contains(doubts[0], try.doubt):
					t.Errorf("%v: doubts %q, want %q", try.key["name"], doubts, try.doubt)
				}
			}
			if after := recordsettest.Dig(t, p.addr, "example.org", "SOA"); after != before || !strings.Contains(after, " 1 60 30 600 120") {
				t.Errorf("the start of authority was %s, and is %s", before, after)
			}
			if doubts, err := backend(t, p.addr, nil).Examine(t.Context()); err != nil || len(doubts) != 1 || !strings.Contains(doubts[0], "was not tried") {
				t.Errorf("without zones: %q, %v", doubts, err)
			}
		})
	}
}
