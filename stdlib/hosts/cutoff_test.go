package hosts

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestWayBack(t *testing.T) {
	run := func(place effect.Place, shell string) effect.Occurrence {
		return did(place, "run", obj{"shell": shell}, []any{"gw-1"}, "gw-1")
	}
	asked := effect.Occurrence{Place: "1", Module: effect.ControlModule, Name: "approve", Class: effect.Value}
	rules := run("2", "iptables-restore /etc/iptables/rules.v4")
	elsewhere := run("1", "systemd-run --on-active=10m iptables-restore /etc/iptables/old")
	elsewhere.Value = obj{"hosts": obj{"gw-2": obj{}}}
	back := rules
	back.Place = "r1.1.1"
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"all rules at once":        {[]effect.Occurrence{rules}, true},
		"addresses":                {[]effect.Occurrence{run("2", "netplan apply")}, true},
		"the way out":              {[]effect.Occurrence{run("2", "ip route replace default via 192.0.2.1")}, true},
		"it comes back by itself":  {[]effect.Occurrence{run("1", "systemd-run --on-active=10m iptables-restore /etc/iptables/old"), rules}, false},
		"on another host it does":  {[]effect.Occurrence{elsewhere, rules}, true},
		"in one":                   {[]effect.Occurrence{run("2", "echo 'netplan apply --state /etc/old' | at now + 10 minutes; netplan apply")}, false},
		"only tried":               {[]effect.Occurrence{run("2", "iptables-restore --test /etc/iptables/rules.v4")}, false},
		"one rule":                 {[]effect.Occurrence{run("2", "iptables -A INPUT -s 192.0.2.66 -j DROP")}, false},
		"people know":              {[]effect.Occurrence{asked, rules}, false},
		"a rollback is in a hurry": {[]effect.Occurrence{back}, false},
	} {
		if got := wayBack(&effect.View{Done: func() []effect.Occurrence { return c.past }}, c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
