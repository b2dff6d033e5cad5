package script

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/remotetest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// fleet is a shop on several hosts; each deploys below its own home directory.
type fleet struct {
	*shop
	lab *remotetest.Lab
	log string // a line for each program that was run
}

func newFleet(t *testing.T, names ...string) *fleet {
	t.Helper()
	f := &fleet{shop: newShop(t), lab: remotetest.Start(t, names...)}
	f.log = filepath.Join(f.dir, "log")
	f.program = put(t, filepath.Join(f.dir, "fleet.sh"), "#!/bin/sh\n"+
		"[ \"$1\" = status ] || echo \"$HOME $1\" >>'"+f.log+"'\n"+
		"export ROOT=\"$HOME/shop\"\n[ ! -x \"$HOME/hook\" ] || . \"$HOME/hook\"\nexec '"+f.program+"' \"$@\"\n")
	return f
}

// config returns a configuration for the hosts that on means.
func (f *fleet) config(on ...any) obj {
	return obj{"program": f.program, "env": obj{"BUILDS": f.builds}, "on": on, "ssh": f.lab.Config(obj{"backend": "ssh"})}
}

func (f *fleet) home(host string) string { return filepath.Join(f.lab.Hosts[host].Dir, "home") }

// hook lets a host's program run something first.
func (f *fleet) hook(t *testing.T, host, text string) {
	t.Helper()
	put(t, filepath.Join(f.home(host), "hook"), text+"\n")
}

// on returns what is served on each host.
func (f *fleet) on(t *testing.T, env string) string {
	t.Helper()
	var parts []string
	for _, name := range []string{"web-1", "web-2", "web-3"} {
		if f.lab.Hosts[name] == nil {
			continue
		}
		parts = append(parts, or(served(t, filepath.Join(f.home(name), "shop"), "all", env), "-"))
	}
	return strings.Join(parts, " ")
}

// ran returns how often an op was run on a host.
func (f *fleet) ran(t *testing.T, host, op string) int {
	t.Helper()
	text, err := os.ReadFile(f.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return strings.Count("\n"+string(text), "\n"+f.home(host)+" "+op+"\n")
}

// onSeveral is a backend as far as it can do with several hosts: what it does once is
// another case.
type onSeveral struct{ *Backend }

func (b onSeveral) Describe() plugins.Description {
	d := b.Backend.Describe()
	d.Ops = slices.DeleteFunc(d.Ops, func(op effect.Op) bool {
		return op.Name == "scale" || (&call{op: op}).single()
	})
	return d
}

func TestConformanceOnHosts(t *testing.T) {
	f := newFleet(t, "web-1", "web-2")
	config := f.config("web")
	config["secrets"] = obj{"TOKEN": "s3cr3t-token"}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return onSeveral{New()} }, plugintest.Cases{
		Config: config,
		Writes: []plugins.Request{
			{Op: "release", Args: obj{"env": "green", "version": "v1"}},
			{Op: "activate", Args: obj{"env": "green"}},
			{Op: "release", Args: obj{"env": "green", "version": "v2"}},
			{Op: "decommission", Args: obj{"env": "blue"}},
			{Op: "activate", Args: obj{"env": "green"}},
		},
		Reads: []plugins.Request{
			{Op: "status", Args: obj{"env": "green"}},
			{Op: "status"},
			{Op: "regions", Args: obj{"env": "green"}},
		},
	})
	if got := f.on(t, "green"); got != "v2 v2" {
		t.Errorf("served is %s", got)
	}
}

// TestFleet: what hosts hold together, and what is said of each.
func TestFleet(t *testing.T) {
	f := newFleet(t, "web-1", "web-2", "web-3")
	where := obj{"env": "green"}
	b := configured(t, f.config("web"))
	one := configured(t, f.config("web-1"))
	if got := must(t, b, "status", where); got["state"] != "absent" || got["instances"] != 0.0 {
		t.Errorf("at first: %v", got)
	}
	must(t, b, "release", obj{"env": "green", "version": "v1"})
	must(t, one, "activate", where)
	got := must(t, b, "status", where)
	want := obj{"env": "green", "version": "v1", "state": "released", "instances": 3.0, "hosts": obj{"web-1": obj{"state": "active", "version": "v1", "serving": "v1", "instances": 1.0},
		"web-2": obj{"state": "released", "version": "v1", "instances": 1.0}, "web-3": obj{"state": "released", "version": "v1", "instances": 1.0}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("half active:\n%v, want\n%v", got, want)
	}
	if got := must(t, b, "activate", where); got["state"] != "active" || got["serving"] != "v1" || got["instances"] != 3.0 {
		t.Errorf("active: %v", got)
	}
	must(t, one, "release", obj{"env": "green", "version": "v2"})
	if got := must(t, b, "status", where); got["state"] != "mixed" || got["version"] != nil || got["serving"] != "v1" {
		t.Errorf("two versions: %v", got)
	}
	_, e := invoke(t, b, "activate", where)
	if err := says(e, effect.CodeConflict, "web-1 v2, web-2 v1, web-3 v1", "nothing was changed", "deploy.release"); err != nil {
		t.Error(err)
	}
	if got := f.on(t, "green"); got != "v1 v1 v1" {
		t.Errorf("served is %s", got)
	}
}

// TestOnOneHostOnly: what is done once needs one host.
func TestOnOneHostOnly(t *testing.T) {
	f := newFleet(t, "web-1", "web-2")
	cluster := put(t, filepath.Join(f.dir, "cluster.sh"), "#!/bin/sh\nexport ROOT=\"$HOME\"\n"+strings.TrimPrefix(block(t, 1), "#!/bin/sh\n"))
	config := func(on string) obj {
		c := f.config(on)
		c["programs"] = obj{"nodes": cluster, "cordon": cluster}
		return c
	}
	put(t, filepath.Join(f.home("web-1"), "nodes/all/n1/one"), "")
	b := configured(t, config("web"))
	for op, args := range map[string]obj{"cordon": {"node": "n1"}, "job": {"name": "migrate"}, "nodes": nil} {
		_, e := invoke(t, b, op, args)
		if err := says(e, effect.CodeUnsupported, "deploy."+op+" is done once, and on means 2 hosts; nothing ran"); err != nil {
			t.Error(err)
		}
	}
	_, e := invoke(t, b, "scale", obj{"env": "green", "instances": 2})
	if err := says(e, effect.CodeConflict, "what each of them runs is its own"); err != nil {
		t.Error(err)
	}
	b = configured(t, config("web-1"))
	if got, want := must(t, b, "cordon", obj{"node": "n1"}), (obj{"node": "n1", "state": "cordoned", "ready": true, "instances": 1.0}); !reflect.DeepEqual(got, want) {
		t.Errorf("cordon gives %v, want %v", got, want)
	}
	if got, err := b.Observe(t.Context(), request(t, "cordon", obj{"node": "n1"})); err != nil || got.State != effect.Applied {
		t.Errorf("observed %v, %v", got, err)
	}
}

// TestHostIsDown: nothing is changed anywhere, and it is said which host it is.
func TestHostIsDown(t *testing.T) {
	f := newFleet(t, "web-1", "web-2")
	b := configured(t, f.config("web"))
	h := f.lab.Hosts["web-2"]
	h.Stop(h.Cmd)
	_, e := invoke(t, b, "release", obj{"env": "green", "version": "v1"})
	if err := says(e, effect.CodeUnavailable, "web-2 ("+h.Addr+") cannot be reached", "nothing was changed"); err != nil || !e.Retryable {
		t.Errorf("%v, retryable %t", err, e.Retryable)
	}
	if f.ran(t, "web-1", "release") != 0 {
		t.Error("it was begun on the other one")
	}
	got, err := b.Observe(t.Context(), request(t, "release", obj{"env": "green", "version": "v1"}))
	if err := says(effect.AsError(err), effect.CodeUnavailable, "web-2 ("); err != nil || got.State == effect.Applied || got.State == effect.NotApplied {
		t.Errorf("observed %v, %v", got, err)
	}
	if err := says(effect.AsError(b.Health(t.Context())), effect.CodeUnavailable, "of 2 hosts, 1", "web-2"); err != nil {
		t.Error(err)
	}
}

// TestFailureOnOneHost: the others are not begun; what is known of each is said.
func TestFailureOnOneHost(t *testing.T) {
	f := newFleet(t, "web-1", "web-2", "web-3")
	config := f.config("web")
	config["limit"] = 1
	b := configured(t, config)
	release := obj{"env": "green", "version": "v1"}
	f.hook(t, "web-2", `[ "$1" = status ] || { echo "the disk is full" >&2; exit 1; }`)
	_, e := invoke(t, b, "release", release)
	if err := says(e, effect.CodeFailed, "for environment green on web-2 ("+f.lab.Hosts["web-2"].Addr+")", "exit code 1", "the disk is full", "done on web-1", "not begun on web-3"); err != nil || e.Retryable {
		t.Errorf("%v, retryable %t", err, e.Retryable)
	}
	f.hook(t, "web-2", `[ "$1" = status ] || exit 75`)
	_, e = invoke(t, b, "release", release) // which says that nothing changed: elsewhere it did
	if err := says(e, effect.CodeFailed, "web-2", "done on web-1"); err != nil || e.Retryable {
		t.Errorf("%v, retryable %t", err, e.Retryable)
	}
	f.hook(t, "web-2", "")
	must(t, b, "release", release)
}

// TestConnectionBreaks: the program goes on without it, and its end is awaited.
// What is sent again is begun only where it is not done.
func TestConnectionBreaks(t *testing.T) {
	f := newFleet(t, "web-1", "web-2")
	b := configured(t, f.config("web"))
	where := obj{"env": "green"}
	must(t, b, "release", obj{"env": "green", "version": "v1"})
	goOn := filepath.Join(f.dir, "go-on")
	for _, c := range []struct {
		first string // what the program does on web-2 before it goes on, or does not
		want  effect.Observed
	}{
		{"", effect.Applied},
		{"exit 1", effect.NotApplied},
	} {
		_ = os.Remove(goOn)
		must(t, b, "decommission", where)
		must(t, b, "release", obj{"env": "green", "version": "v1"})
		f.hook(t, "web-2", `[ "$1" != activate ] || { echo >"$HOME/reached"; until [ -e '`+goOn+`' ]; do sleep 0.05; done; `+c.first+`
}`)
		req := request(t, "activate", where)
		req.Key = "cut-" + string(c.want)
		done := make(chan error, 1)
		go func() { _, err := b.Invoke(t.Context(), req); done <- err }()
		reached := filepath.Join(f.home("web-2"), "reached")
		plugintest.Until(t, "the program", func() bool { _, err := os.Stat(reached); return err == nil && f.on(t, "green") == "v1 -" })
		f.lab.Hosts["web-2"].Cut()
		if err := says(effect.AsError(<-done), effect.CodeUnknown, "web-2 (", "the connection broke", "done on web-1"); err != nil {
			t.Error(err)
		}
		if err := os.WriteFile(goOn, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := b.Observe(t.Context(), req)
		if err != nil || got.State != c.want {
			t.Fatalf("observed %+v, %v, want %s", got, err, c.want)
		}
		_ = os.Remove(reached)
		f.hook(t, "web-2", "")
		before := f.ran(t, "web-1", "activate")
		if req.Attempt = 2; c.want == effect.NotApplied {
			if _, err := b.Invoke(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		if f.on(t, "green") != "v1 v1" || f.ran(t, "web-1", "activate") != before {
			t.Errorf("served is %s; on web-1 it was run %d times more", f.on(t, "green"), f.ran(t, "web-1", "activate")-before)
		}
	}
}

// TestWhichHosts: a call's env and region choose them.
func TestWhichHosts(t *testing.T) {
	f := newFleet(t, "blue-1", "green-1", "green-2")
	b := configured(t, f.config("{env}"))
	if got := must(t, b, "release", obj{"env": "green", "version": "v1"})["hosts"].(obj); len(got) != 2 {
		t.Errorf("on green: %v", got)
	}
	_, e := invoke(t, b, "release", obj{"region": "eu", "version": "v1"})
	if err := says(e, effect.CodeInvalid, `(on: "{env}")`, "names none", "nothing ran"); err != nil {
		t.Error(err)
	}
	_, e = invoke(t, b, "release", obj{"env": "red", "version": "v1"})
	if err := says(e, effect.CodeNotFound, `"red"`, "known:"); err != nil {
		t.Error(err)
	}
	b = configured(t, f.config("{region}"))
	must(t, b, "release", obj{"region": "green", "version": "v2"})
	got := fmt.Sprint(must(t, b, "regions", nil)["regions"])
	for _, want := range []string{"map[active:false name:blue state:absent]", "map[active:false name:green state:released version:v2]", "map[active:false name:green-1 state:absent]"} {
		if !strings.Contains(got, want) {
			t.Errorf("regions are %s, want %s", got, want)
		}
	}
}

func TestHostsInTheConfiguration(t *testing.T) {
	for says, more := range map[string]obj{
		"on names hosts, and ssh does not say":        {"on": []any{"web"}},
		"ssh and limit say how programs run on hosts": {"limit": 2},
		`env: "A-B" cannot be set`:                    {"on": []any{"web"}, "ssh": obj{"hosts": obj{"web": obj{}}, "user": "me"}, "env": obj{"A-B": "x"}},
		"there is no host":                            {"on": []any{"web"}, "ssh": obj{"user": "me"}},
	} {
		more["program"] = "/srv/deploy.sh"
		b := New()
		if err := b.Configure(t.Context(), checked(t, b, more)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v gives %v, want %q", more, err, says)
		}
	}
}
