package traffic

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestInvariants holds each invariant against worlds in which it is broken and
// in which it is not. Names with dots are names like others.
func TestInvariants(t *testing.T) {
	weights := func(pool string, list obj) obj {
		if pool == "" {
			return obj{"weights": list}
		}
		return obj{"pools": obj{pool: obj{"weights": list}}}
	}
	split := effect.Occurrence{Module: "traffic", Name: "split", Class: effect.Write}
	moved := split
	moved.Changes = []effect.Change{{Module: "traffic", Path: []string{"pools", "a.b", "weights", "green.eu"}, From: 0.0, To: 100.0}}
	away := split
	away.Changes = []effect.Change{{Module: "traffic", Path: []string{"weights", "green.eu"}, From: 100.0, To: 0.0}}
	back := moved
	back.Place = "r1.1.1"
	status := split
	status.Changes = []effect.Change{{Module: "traffic", Path: []string{"servers", "weights", "green.eu"}, From: 0.0, To: 100.0}}
	failed := split
	failed.Err = effect.Errorf(effect.CodeRefused, "no")
	drain := split
	drain.Name = "drain"
	bad := map[string]time.Time{"green.eu": time.Unix(0, 0).UTC()}
	full, none := obj{"green.eu": 100.0, "blue": 0.0}, obj{"green.eu": 0.0, "blue": 0.0}
	ended := effect.Ending{Status: effect.StatusFailed, RollsBack: true}
	for _, c := range []struct {
		name        string
		begin, now  obj
		occurrence  *effect.Occurrence
		ending      *effect.Ending
		bad         map[string]time.Time
		locks       []string
		wantMessage string // "" if all hold
	}{
		{name: "all is well", now: weights("", full), occurrence: &split, locks: []string{"traffic/web"}},
		{name: "no lock", now: weights("", full), occurrence: &split, wantMessage: "ran without a lock"},
		{name: "a lock of another module", now: weights("", full), occurrence: &split, locks: []string{"trafficker/web"}, wantMessage: "ran without a lock of its module (the run holds trafficker/web; one named traffic or traffic/… counts): another run"},
		{name: "of a pool", now: weights("a.b", obj{"x.y": 60.0}), occurrence: &split, locks: []string{"traffic"}, wantMessage: `the shares of pool "a.b" add up to 60: x.y 60`},
		{name: "nobody", now: weights("a.b", none), occurrence: &drain, locks: []string{"traffic"}, wantMessage: `no server of pool "a.b" takes traffic`},
		{name: "what failed", now: weights("", none), occurrence: &failed},
		{name: "to bad", now: weights("a.b", full), occurrence: &moved, bad: bad, locks: []string{"traffic"}, wantMessage: "moved traffic to green.eu (0 → 100)"},
		{name: "away from bad", now: weights("", obj{"blue": 100.0}), occurrence: &away, bad: bad, locks: []string{"traffic"}},
		{name: "no share", now: weights("", full), occurrence: &status, bad: bad, locks: []string{"traffic"}},
		{name: "back to what turned bad", begin: weights("a.b", full), now: weights("a.b", full), occurrence: &back, bad: bad, locks: []string{"traffic"}},
		{name: "left as it was, and bad now", begin: weights("", full), now: weights("", full), ending: &ended, bad: bad},
		{name: "left on bad", begin: obj{}, now: weights("", full), ending: &ended, bad: bad, wantMessage: `green.eu of pool "", which is bad, still takes 100%`},
		{name: "not as it was", begin: weights("a.b", full), now: weights("a.b", obj{"green.eu": 50.0, "blue": 50.0}), ending: &ended, wantMessage: "they were blue 0, green.eu 100"},
		{name: "as it was", begin: weights("a.b", full), now: weights("a.b", full), ending: &ended},
		{name: "undeclared", begin: obj{}, now: weights("", full), ending: &ended},
		{name: "forgotten", now: obj{"drifted": true, "weights": full}, ending: &effect.Ending{Status: effect.StatusSucceeded}, wantMessage: `pool "" has forgotten what it set: the shares are blue 0, green.eu 100`},
		{name: "forgotten in a pool", now: obj{"pools": obj{"a.b": obj{"drifted": true, "weights": full}}}, ending: &effect.Ending{Status: effect.StatusSucceeded}, wantMessage: `pool "a.b" has forgotten`},
		{name: "forgotten, and failed", begin: obj{}, now: obj{"drifted": true, "weights": full}, ending: &ended},
		{name: "succeeded", begin: weights("", none), now: weights("", full), ending: &effect.Ending{Status: effect.StatusSucceeded, RollsBack: true}, bad: bad},
	} {
		v := &effect.View{Begin: func(string) map[string]any { return c.begin }, State: func(string) map[string]any { return c.now }, Bad: c.bad, Locks: c.locks}
		var broken []string
		for _, inv := range invariants() {
			msg := ""
			switch {
			case c.occurrence != nil && inv.After != nil:
				msg = inv.After(v, *c.occurrence)
			case c.ending != nil && inv.End != nil:
				msg = inv.End(v, *c.ending)
			}
			if msg != "" {
				broken = append(broken, msg)
			}
		}
		if got := strings.Join(broken, "; "); len(broken) > 1 || (c.wantMessage == "") != (got == "") || !strings.Contains(got, c.wantMessage) {
			t.Errorf("%s: %q, want %q", c.name, got, c.wantMessage)
		}
	}
}
