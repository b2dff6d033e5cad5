package effect_test

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestLockedChanges: a lock is named after the module of the change, or as the team
// likes; one of another module, or one that is misspelt, keeps nobody away.
func TestLockedChanges(t *testing.T) {
	inv := effect.LockedChanges("traffic", "weights")
	for _, c := range []struct {
		locks []string
		want  bool
	}{
		{nil, true},
		{[]string{"traffic"}, false},
		{[]string{"traffic/web"}, false},
		{[]string{"checkout"}, false},
		{[]string{"shop/checkout"}, false},
		{[]string{"dns/example.org"}, true},
		{[]string{"dns/example.org", "shop/checkout"}, false},
		{[]string{"trafic/web"}, true},
	} {
		v := &effect.View{Locks: c.locks, Begin: func(module string) map[string]any {
			if module == "traffic" || module == "dns" {
				return map[string]any{}
			}
			return nil
		}}
		if got := inv.After(v, effect.Occurrence{Module: "traffic", Name: "split", Class: effect.Write}); (got != "") != c.want {
			t.Errorf("under %v: %q", c.locks, got)
		}
	}
}
