package hosts

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// fleet returns a View of three hosts of one group after these effects.
func fleet(past ...effect.Occurrence) *effect.View {
	hosts := obj{}
	for _, name := range []string{"r1", "r2", "r3"} {
		hosts[name] = obj{"groups": []any{"router"}, "services": obj{"etcd.service": "active", "app.service": "active"}}
	}
	state := func(module string) map[string]any {
		if module != "hosts" {
			return nil
		}
		return obj{"hosts": hosts}
	}
	return &effect.View{Begin: state, State: state, Done: func() []effect.Occurrence { return past }}
}

// did is a call that went well on hosts, chosen by entries.
func did(place effect.Place, op string, args obj, entries []any, on ...string) effect.Occurrence {
	came := obj{}
	for _, name := range on {
		came[name] = obj{}
	}
	args["on"] = entries
	return effect.Occurrence{Place: place, Module: "hosts", Name: op, Class: effect.Write, Args: args, Value: obj{"hosts": came}}
}

func restarts(place effect.Place, unit, host string) effect.Occurrence {
	return did(place, "service", obj{"name": unit, "action": "restart"}, []any{host}, host)
}

func TestOneLeftOut(t *testing.T) {
	copied := func(place effect.Place, host string) effect.Occurrence {
		return did(place, "copy", obj{"to": "/etc/conf"}, []any{host}, host)
	}
	succeeded := effect.Ending{Status: effect.StatusSucceeded}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want string
	}{
		"one is forgotten":          {[]effect.Occurrence{copied("1", "r1"), copied("2", "r2")}, "not on r3"},
		"all are seen to":           {[]effect.Occurrence{copied("1", "r1"), copied("2", "r2"), copied("3", "r3")}, ""},
		"one is tried first":        {[]effect.Occurrence{copied("1", "r1")}, ""},
		"a group, without one":      {[]effect.Occurrence{did("1", "copy", obj{"to": "/etc/conf"}, []any{"router", "!r3"}, "r1", "r2")}, ""},
		"the rest got another file": {[]effect.Occurrence{copied("1", "r1"), copied("2", "r2"), did("3", "copy", obj{"to": "/etc/other"}, []any{"r3"}, "r3")}, ""},
	} {
		if got := oneLeftOut(fleet(c.past...), succeeded); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := oneLeftOut(fleet(copied("1", "r1"), copied("2", "r2")), effect.Ending{Status: effect.StatusFailed}); got != "" {
		t.Errorf("a run that failed on the way: %q", got)
	}
}

func TestNextTooSoon(t *testing.T) {
	look := effect.Occurrence{Place: "2", Module: "health", Name: "check", Class: effect.Read}
	pause := effect.Occurrence{Place: "2", Module: effect.ControlModule, Name: "sleep", Class: effect.Value}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		unit string
		want bool
	}{
		"straight after":             {[]effect.Occurrence{restarts("1", "etcd", "r1")}, "etcd", true},
		"a look between":             {[]effect.Occurrence{restarts("1", "etcd", "r1"), look}, "etcd", false},
		"a pause between":            {[]effect.Occurrence{restarts("1", "etcd", "r1"), pause}, "etcd", false},
		"the same host again":        {[]effect.Occurrence{restarts("1", "etcd", "r1"), restarts("2", "etcd", "r2"), look}, "etcd", false},
		"members that need no other": {[]effect.Occurrence{restarts("1", "app", "r1")}, "app", false},
	} {
		e := restarts("3", c.unit, "r2")
		if got := nextTooSoon(fleet(append(c.past, e)...), e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestAgreedToLess(t *testing.T) {
	asked := func(title string) effect.Occurrence {
		return effect.Occurrence{Place: "1", Module: effect.ControlModule, Name: "approve", Class: effect.Value, Args: obj{"title": title}}
	}
	wipe := func(on ...string) effect.Occurrence {
		return did("2", "run", obj{"argv": []any{"rm", "-rf", "/var/lib/data"}}, []any{"router"}, on...)
	}
	for name, c := range map[string]struct {
		question string
		e        effect.Occurrence
		want     string
	}{
		"more than was said":   {"Wipe r2?", wipe("r1", "r2"), "people were asked of r2"},
		"what was said":        {"Wipe r2?", wipe("r2"), ""},
		"no host was named":    {"Wipe the routers?", wipe("r1", "r2"), ""},
		"nothing is destroyed": {"Wipe r2?", did("2", "run", obj{"argv": []any{"uptime"}}, []any{"router"}, "r1", "r2"), ""},
	} {
		if got := agreedToLess(fleet(asked(c.question), c.e), c.e); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
