package dns

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestRecordsAsTheyWere(t *testing.T) {
	at := func(value string) obj {
		return obj{"zones": obj{"example.org": obj{"www.example.org A": obj{"values": []any{value}}}}, "resolvers": obj{"r": obj{"www.example.org A": []any{value}}}}
	}
	failed := effect.Ending{Status: effect.StatusFailed, RollsBack: true}
	for _, c := range []struct {
		name       string
		begin, now obj
		ending     effect.Ending
		want       string
	}{
		{"changed", at("192.0.2.1"), at("192.0.2.2"), failed, `dns.zones["example.org"]["www.example.org A"].values.1 is 192.0.2.2; it was 192.0.2.1`},
		{"only a resolver is late", at("192.0.2.1"), obj{"zones": at("192.0.2.1")["zones"], "resolvers": at("192.0.2.2")["resolvers"]}, failed, ""},
		{"nobody declared any", obj{"zones": obj{}}, at("192.0.2.2"), failed, ""},
		{"succeeded", at("192.0.2.1"), at("192.0.2.2"), effect.Ending{Status: effect.StatusSucceeded, RollsBack: true}, ""},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return c.begin }, State: func(string) map[string]any { return c.now },
			Changes: func(module string) []effect.Change { return effect.Changes(module, c.begin, c.now) }}
		if got := asTheyWere(v, c.ending); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
