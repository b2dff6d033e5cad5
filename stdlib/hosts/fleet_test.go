package hosts

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/plain"
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

func acts(place effect.Place, action, host string) effect.Occurrence {
	return did(place, "service", obj{"name": "etcd", "action": action}, []any{host}, host)
}

func reads(e effect.Occurrence) effect.Occurrence {
	e.Class = effect.Read
	return e
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
		"a package between":          {[]effect.Occurrence{restarts("1", "etcd", "r1"), did("2", "run", obj{"argv": []any{"apt-get", "install", "-y", "etcd"}}, []any{"r2"}, "r2")}, "etcd", true},
		"a command that waits":       {[]effect.Occurrence{restarts("1", "etcd", "r1"), did("2", "run", obj{"argv": []any{"wait-healthy"}}, []any{"r1"}, "r1")}, "etcd", false},
		"a command elsewhere":        {[]effect.Occurrence{restarts("1", "etcd", "r1"), {Place: "2", Module: "exec", Name: "run", Class: effect.Write, Args: obj{"argv": []any{"etcdctl", "member", "list"}}}}, "etcd", false},
		"only another file":          {[]effect.Occurrence{restarts("1", "etcd", "r1"), did("2", "copy", obj{"to": "/etc/conf"}, []any{"r1"}, "r1")}, "etcd", true},
		"started after the upgrade":  {[]effect.Occurrence{acts("1", "stop", "r1"), did("2", "run", obj{"argv": []any{"apt-get", "upgrade"}}, []any{"r1"}, "r1"), acts("2.1", "start", "r1")}, "etcd", true},
		"a file of the next one":     {[]effect.Occurrence{restarts("1", "etcd", "r1"), reads(did("2", "read", obj{"path": "/etc/conf"}, []any{"r2"}, "r2"))}, "etcd", true},
		"the state of the next one":  {[]effect.Occurrence{restarts("1", "etcd", "r1"), reads(acts("2", "status", "r2"))}, "etcd", true},
		"the state of the first":     {[]effect.Occurrence{restarts("1", "etcd", "r1"), reads(acts("2", "status", "r1"))}, "etcd", false},
		"the same host again":        {[]effect.Occurrence{restarts("1", "etcd", "r1"), restarts("2", "etcd", "r2"), look}, "etcd", false},
		"members that need no other": {[]effect.Occurrence{restarts("1", "app", "r1")}, "app", false},
	} {
		e := restarts("3", c.unit, "r2")
		if got := nextTooSoon(fleet(append(c.past, e)...), e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestRebootsInARow(t *testing.T) {
	reboot := func(place effect.Place, host string) effect.Occurrence {
		return did(place, "run", obj{"argv": []any{"reboot"}}, []any{host}, host)
	}
	look := effect.Occurrence{Place: "2", Module: "health", Name: "check", Class: effect.Read}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"straight after":           {[]effect.Occurrence{reboot("1", "r1")}, true},
		"a look between":           {[]effect.Occurrence{reboot("1", "r1"), look}, false},
		"the same host":            {[]effect.Occurrence{reboot("1", "r2")}, false},
		"another is restarted":     {[]effect.Occurrence{restarts("1", "etcd", "r1")}, false},
		"a command that returns":   {[]effect.Occurrence{reboot("1", "r1"), did("2", "run", obj{"argv": []any{"wait-for", "r1"}}, []any{"r2"}, "r2")}, false},
		"one that is not a reboot": {[]effect.Occurrence{did("1", "run", obj{"argv": []any{"reboot-and-return"}}, []any{"r1"}, "r1")}, false},
	} {
		e := reboot("3", "r2")
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

// TestNotAfterAnother: what is stopped at on the way forward is gone on with in a
// rollback, of which each registered part is carried out whatever failed before.
func TestNotAfterAnother(t *testing.T) {
	failed := restarts("r1.1.1", "app", "r1")
	failed.Value, failed.Err = nil, effect.Errorf(effect.CodeFailed, "it does not start")
	for name, c := range map[string]struct {
		past []effect.Occurrence
		e    effect.Occurrence
		want bool
	}{
		"on the way":                       {nil, restarts("4", "app", "r2"), true},
		"a rollback, the failed one later": {nil, restarts("r1.1.1", "app", "r2"), true},
		"a rollback, the failed one tried": {[]effect.Occurrence{failed}, restarts("r1.2.1", "app", "r2"), false},
	} {
		v := fleet(c.past...)
		plain.Table(plain.Table(plain.Table(v.State("hosts"), "hosts"), "r1"), "services")["app.service"] = "failed"
		v.Begin = fleet().Begin
		if got := notAfterAnother(v, c.e); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestPausedBetween: a sleep is no effect of the world, and shows in what lies between
// the ends of two; what a command takes is no sleep.
func TestPausedBetween(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(e effect.Occurrence, after time.Duration) effect.Occurrence {
		e.At = start.Add(after)
		return e
	}
	slow := did("2", "run", obj{"argv": []any{"apt-get", "install", "-y", "etcd"}}, []any{"r2"}, "r2")
	slow.Value = obj{"hosts": obj{"r2": obj{"seconds": 170.0}}}
	for name, c := range map[string]struct {
		past []effect.Occurrence
		want bool
	}{
		"at once":       {[]effect.Occurrence{at(restarts("1", "etcd", "r1"), 0), at(restarts("3", "etcd", "r2"), 2*time.Second)}, true},
		"after a sleep": {[]effect.Occurrence{at(restarts("1", "etcd", "r1"), 0), at(restarts("3", "etcd", "r2"), 3*time.Minute)}, false},
		"after a slow command": {[]effect.Occurrence{at(restarts("1", "etcd", "r1"), 0), at(slow, 171*time.Second),
			at(restarts("3", "etcd", "r2"), 3*time.Minute-7*time.Second)}, true},
	} {
		if got := nextTooSoon(fleet(c.past...), c.past[len(c.past)-1]); (got != "") != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
