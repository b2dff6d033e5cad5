package hosts

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func world() obj {
	return obj{"hosts": obj{
		"web-1": obj{"groups": []any{"web"}, "labels": obj{"zone": "a"}, "services": obj{"nginx": "active"}, "files": obj{"/etc/motd": "hello\n"}},
		"web-2": obj{"groups": []any{"web"}, "labels": obj{"zone": "b"}, "services": obj{"nginx": "active"}},
		"db-1":  obj{"groups": []any{"db"}, "reachable": false},
	}, "commands": obj{
		"./deploy.sh":           obj{"takes": "30s", "stdout": "done\n", "sets": obj{"deployed": "v2"}},
		"./deploy.sh --env=red": obj{"code": 3.0},
		"./members.sh":          obj{"json": []any{"a"}},
	}}
}

func web(more obj) obj {
	args := obj{"on": []any{"web"}}
	for k, v := range more {
		args[k] = v
	}
	return args
}

func TestModel(t *testing.T) {
	r := modeltest.New(t, Module(), world())
	v := r.Must("run", web(obj{"argv": []any{"./deploy.sh", "--env=green"}}))
	modeltest.Is(t, "hosts", v["count"], 2.0)
	modeltest.Is(t, "stdout", modeltest.At(v, "hosts", "web-2", "stdout"), "done\n")
	modeltest.Is(t, "vars", modeltest.At(r.State(), "vars", "deployed"), "v2")
	modeltest.Is(t, "json", modeltest.At(r.Must("run", web(obj{"shell": "./members.sh", "json": true})), "hosts", "web-1", "json"), []any{"a"})
	r.Fails("run", web(obj{"shell": "./deploy.sh --env=red"}), effect.CodeFailed, "web-1", "exit code 3", "ok = {")
	r.Fails("run", web(obj{"shell": "./deploy.sh", "timeout": "1s"}), effect.CodeUnknown, "longer than 1s")
	r.Fails("run", web(obj{"shell": "./deploy.sh", "timeout": "1s", "class": "read"}), effect.CodeTimeout)
	r.Fails("run", obj{"on": []any{"all"}, "shell": "./deploy.sh"}, effect.CodeUnavailable, "db-1", "nothing was sent")
	v = r.Must("run", obj{"on": []any{"all"}, "shell": "./deploy.sh", "partial": true})
	modeltest.Is(t, "failure", modeltest.At(v, "hosts", "db-1", "failure"), "unavailable")
	r.Fails("run", obj{"on": []any{"wbe"}, "shell": "ls"}, effect.CodeNotFound, `did you mean "web"?`)

	v = r.Must("copy", web(obj{"text": "hello\n", "to": "/etc/motd", "mode": "644"}))
	modeltest.Is(t, "the same", modeltest.At(v, "hosts", "web-1", "changed"), false)
	modeltest.Is(t, "another", modeltest.At(v, "hosts", "web-2", "changed"), true)
	r.Fails("copy", web(obj{"text": "x", "to": "/a", "expect": strings.Repeat("0", 64)}), effect.CodeConflict, "nothing was copied")
	v = r.Must("read", web(obj{"path": "/etc/motd", "max": 2}))
	modeltest.Is(t, "text", v["hosts"].(obj)["web-2"].(obj)["text"], "he")
	modeltest.Is(t, "truncated", v["hosts"].(obj)["web-2"].(obj)["truncated"], true)
	r.Fails("read", web(obj{"path": "/none"}), effect.CodeNotFound, "web-1", "/none")
	r.Must("copy", web(obj{"from": "x.conf", "to": "/etc/x"}))
	r.Fails("read", web(obj{"path": "/etc/x"}), effect.CodeUnsupported, "copied from the runner")
	sum := strings.Repeat("0a", 32)
	r.Must("copy", web(obj{"from": "x.conf", "to": "/etc/x", "expect": strings.ToUpper(sum)}))
	v = r.Must("read", web(obj{"path": "/etc/x"}))
	modeltest.Is(t, "the hash that it was copied by", modeltest.At(v, "hosts", "web-1", "sha256"), sum)

	r.Pass(time.Hour)
	v = r.Must("service", web(obj{"name": "nginx", "action": "restart"}))
	if since := modeltest.At(v, "hosts", "web-1", "since").(float64); since != float64(r.Now.Unix()) {
		t.Errorf("active since %v", since)
	}
	modeltest.Is(t, "stopped", modeltest.At(r.Must("service", obj{"on": []any{"zone=a"}, "name": "nginx", "action": "stop"}), "hosts", "web-1", "state"), "inactive")
	modeltest.Is(t, "still", modeltest.At(r.Must("service", web(obj{"name": "nginx", "action": "status"})), "hosts", "web-2", "sub"), "running")
	r.Fails("service", web(obj{"name": "postgres", "action": "status"}), effect.CodeNotFound, "postgres.service")
	modeltest.Is(t, "list", r.Must("list", obj{"on": []any{"!web"}})["count"], 1.0)
}

func TestFaults(t *testing.T) {
	r := modeltest.New(t, Module(), world())
	breaks := func(kind, op string, args obj) string {
		t.Helper()
		checked, err := r.Ops[op].Check(args)
		if err != nil {
			t.Fatal(err)
		}
		return r.Model.(effect.Breaker).Break(kind, op, checked)
	}
	restart := web(obj{"name": "nginx", "action": "restart"})
	if part := breaks(lost, "service", restart); part != "" {
		t.Errorf("%s is bad", part)
	}
	r.Fails("service", restart, effect.CodeUnknown, "web-1", "connection broke")
	r.Must("service", restart)
	if part := breaks("fails-on-one", "service", restart); part != "" {
		t.Errorf("%q is bad", part)
	}
	r.Fails("service", restart, effect.CodeFailed, "failed after restart", "journalctl -u nginx.service")
	modeltest.Is(t, "nothing to stop", modeltest.At(r.Must("service", web(obj{"name": "nginx", "action": "stop", "on": []any{"web-1"}})), "hosts", "web-1", "state"), "failed")
	modeltest.Is(t, "failed", modeltest.At(r.State(), "hosts", "web-1", "services"), obj{"nginx.service": "failed"})
	modeltest.Is(t, "once more", modeltest.At(r.Must("service", restart), "hosts", "web-1", "state"), "active")
	reload := web(obj{"name": "nginx", "action": "reload"})
	breaks("fails-on-one", "service", reload)
	r.Fails("service", reload, effect.CodeFailed, "web-1", "refuses to be reloaded")
	modeltest.Is(t, "goes on", modeltest.At(r.State(), "hosts", "web-1", "services"), obj{"nginx.service": "active"})
	modeltest.Is(t, "reloaded", modeltest.At(r.Must("service", reload), "hosts", "web-1", "changed"), true)
	r.Must("service", web(obj{"name": "nginx", "action": "stop"}))
	r.Fails("service", reload, effect.CodeFailed, "web-1", "is inactive and cannot be reloaded")
	r.Must("service", web(obj{"name": "nginx", "action": "start"}))
	breaks("fails-on-one", "run", web(obj{"shell": "./x"}))
	r.Fails("run", web(obj{"shell": "./x"}), effect.CodeFailed, "web-1", "exit code 1")
	r.Must("run", web(obj{"shell": "./x"}))
	breaks(unreachable, "copy", web(obj{"text": "x", "to": "/x"}))
	r.Fails("copy", web(obj{"text": "x", "to": "/x"}), effect.CodeUnavailable, "web-1")
	r.Pass(away - time.Millisecond)
	r.Fails("copy", web(obj{"text": "x", "to": "/x"}), effect.CodeUnavailable, "web-1")
	r.Pass(time.Millisecond)
	r.Must("copy", web(obj{"text": "x", "to": "/x"}))
}

func TestNobodySaidWhichHosts(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	r.Fails("list", obj{}, effect.CodeUnsupported, "which hosts")
	r.Fails("read", web(obj{"path": "/x"}), effect.CodeUnsupported)
	r.Must("run", web(obj{"shell": "./x"}))
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
	r.Fails("service", web(obj{"name": "nginx", "action": "status"}), effect.CodeUnsupported, "nginx.service runs on web")
	r.Must("service", web(obj{"name": "nginx", "action": "restart"}))
	modeltest.Is(t, "active", modeltest.At(r.Must("service", web(obj{"name": "nginx", "action": "status"})), "hosts", "web", "state"), "active")
}

// TestLearned keeps a dry run at what was read.
func TestLearned(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	l := r.Model.(effect.Learner)
	args := web(obj{"name": "nginx", "action": "restart"})
	needs := l.Needs(r.Moment(), "service", args)
	if len(needs) != 2 || needs[0].Op != "list" || needs[1].Args["action"] != "status" {
		t.Fatalf("needs %v", needs)
	}
	for i, value := range []obj{
		{"hosts": []any{obj{"name": "web-1", "address": "192.0.2.1", "groups": []any{"web"}, "labels": obj{}}}, "count": 1.0},
		{"hosts": obj{"web-1": obj{"state": "active", "since": 5.0}}, "count": 1.0},
	} {
		if err := l.Learn(needs[i], value); err != nil {
			t.Fatal(err)
		}
	}
	modeltest.Is(t, "since", modeltest.At(r.Must("service", web(obj{"name": "nginx", "action": "status"})), "hosts", "web-1", "since"), 5.0)
	r.Fails("run", obj{"on": []any{"web-2"}, "shell": "x"}, effect.CodeNotFound, "web-1")
}

func TestInvariants(t *testing.T) {
	state := func(first string) obj {
		return obj{"hosts": obj{"web-1": obj{"groups": []any{"web"}, "services": obj{"nginx.service": first}}, "web-2": obj{"groups": []any{"web"}, "services": obj{"nginx.service": "active"}}}}
	}
	for _, c := range []struct {
		action, now string
		on          []string
		limit       float64
		want        string
	}{
		{"restart", "active", []string{"web-1", "web-2"}, 1, ""},
		{"restart", "active", []string{"web-1", "web-2"}, 2, "at once"},
		{"restart", "active", []string{"web-1"}, 2, ""},
		{"stop", "inactive", []string{"web-1", "web-2"}, 2, ""},
		{"restart", "failed", []string{"web-2"}, 1, "web-1: stop at the first failure"},
		{"start", "failed", []string{"web-2"}, 1, ""},
	} {
		done := obj{}
		for _, h := range c.on {
			done[h] = obj{"changed": true}
		}
		v := &effect.View{Begin: func(string) obj { return state("active") }, State: func(string) obj { return state(c.now) }}
		e := effect.Occurrence{Module: "hosts", Name: "service", Args: obj{"name": "nginx", "action": c.action, "limit": c.limit}, Value: obj{"hosts": done}}
		got := ""
		for _, inv := range invariants() {
			if inv.After != nil {
				got += inv.After(v, e)
			}
		}
		if (c.want == "") != (got == "") || !strings.Contains(strings.ReplaceAll(got, "has failed on web-1: ", "web-1: "), c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
