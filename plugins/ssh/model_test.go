package ssh

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	contract "github.com/q-ecosystem/runbook/stdlib/hosts"
)

// TestModelDoesWhatHostsDo walks real sshds and the model of the module at
// random, and holds what they say against each other. The hosts share a file
// system: paths lead to what is each one's own, its home. In the middle of the
// walk a service of one breaks; from there on it is asked of that host alone,
// for a call that fails half way leaves real hosts changed.
func TestModelDoesWhatHostsDo(t *testing.T) {
	l := startLab(t, "db-1", "web-1", "web-2")
	l.unit(t, "nginx.service", "active")
	l.unit(t, "cache.service", "inactive")
	b := l.backend(t, nil)
	l.Hosts["db-1"].Stop(l.Hosts["db-1"].Cmd)
	model := contract.NewModel()
	host := func(group, name string) obj {
		return obj{"address": l.Hosts[name].Addr, "groups": []any{group}, "labels": obj{"name": name}, "reachable": name != "db-1", "services": obj{"nginx": "active", "cache": "inactive"}}
	}
	if err := model.Load(obj{"hosts": obj{"db-1": host("db", "db-1"), "web-1": host("web", "web-1"), "web-2": host("web", "web-2")}, "commands": obj{
		"echo hi": obj{"stdout": "hi\n"}, "echo hi >&2": obj{"stderr": "hi\n"}, "exit 3": obj{"code": 3.0}, `echo '{"a": [1]}'`: obj{"stdout": "{\"a\": [1]}\n", "json": obj{"a": []any{1.0}}},
	}}); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(4, 9))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	steps, seen, broke := 160, map[string]int{}, false
	if testing.Short() {
		steps = 60
	}
	for i := range steps {
		if !broke && i > steps/2 {
			broke = true
			breakService(t, l, model)
		}
		op := pick("list", "run", "run", "copy", "copy", "read", "service", "service", "service")
		args := obj{"on": []any{pick("web", "web-1", "web-2", "web", "name=web-2", "web&name=web-1", "all", "!db", "db", "wbe")}}
		if random.IntN(6) == 0 {
			args["on"] = append(args["on"].([]any), pick("!web-1", "web-2"))
		}
		if op != "list" {
			args["limit"] = 1.0
			if random.IntN(3) == 0 {
				args["partial"] = true
			}
		}
		switch op {
		case "run":
			args["shell"], args["class"] = pick("echo hi", "echo hi >&2", "exit 3", `echo '{"a": [1]}'`), pick("read", "write")
			if random.IntN(3) == 0 {
				args["json"] = true
			}
			if random.IntN(3) == 0 {
				args["ok"] = []any{0.0, 3.0}
			}
		case "copy":
			args["text"], args["to"] = pick("one\n", "two", ""), "/proc/self/cwd/"+pick("a", "b", "a", "none/c")
			if random.IntN(2) == 0 {
				args["mode"] = pick("600", "0644")
			}
		case "read":
			args["path"], args["max"] = "/proc/self/cwd/"+pick("a", "b", "c"), float64(1+random.IntN(5))
		case "service":
			args["name"], args["action"] = pick("nginx", "nginx.service", "cache", "nginx", "other"), pick("status", "start", "stop", "restart", "reload")
			if broke {
				args["on"] = []any{pick("web-1", "web-2")}
			}
		}
		key := fmt.Sprint("key-", i)
		req := newRequest(t, op, key, 1, args)
		if to, _ := args["to"].(string); to == "/proc/self/cwd/none/c" { // the model has no directories
			_, err := b.Invoke(t.Context(), req)
			if e := effect.AsError(err); e != nil && e.Code != effect.CodeNotFound && e.Code != effect.CodeUnavailable {
				t.Fatalf("step %d, %v: %v", i, args, err)
			}
			continue
		}
		real, realErr := b.Invoke(t.Context(), req)
		modeled, modelErr := model.Do(effect.Moment{Now: time.Now(), Start: time.Now(), Key: key, World: func(string) map[string]any { return nil }}, op, req.Args)
		if realErr != nil || modelErr != nil {
			r, m := effect.AsError(realErr), effect.AsError(modelErr)
			if r == nil || m == nil || r.Code != m.Code || r.Retryable != m.Retryable {
				t.Fatalf("step %d, %s %v: the hosts give %v, the model %v", i, op, args, realErr, modelErr)
			}
			seen[op+" "+string(r.Code)]++
			continue
		}
		is, says := comparable(real), comparable(modeled)
		if !reflect.DeepEqual(is, says) {
			t.Fatalf("step %d, %s %v:\nthe hosts give %v\nthe model      %v", i, op, args, is, says)
		}
		seen[op]++
	}
	for _, what := range []string{"list", "run", "copy", "read", "service", "run failed", "run unavailable", "read not_found", "service not_found", "service failed", "run not_found"} {
		if seen[what] == 0 {
			t.Errorf("%s came not once in %d steps: the walk shows too little (%v)", what, steps, seen)
		}
	}
	plugintest.Compared(t, "ssh", testedOn(t), plugintest.Sum(seen))
}

// breakService makes nginx fail on web-2, here and in the model.
func breakService(t *testing.T, l *lab, model *contract.Model) {
	t.Helper()
	args := newRequest(t, "service", "", 1, service("web-2", "restart", nil)).Args
	if part := model.Break("fails-on-one", "service", args); part != "" {
		t.Fatalf("%q is bad", part)
	}
	file := filepath.Join(l.Hosts["web-2"].Dir, "units", "nginx.service")
	write(t, file+".broken", "", 0o600)
	write(t, file, "ActiveState=failed\nSubState=failed\nInvocationID=9\nActiveEnterTimestamp=\n", 0o600)
}

// comparable leaves out what a model cannot know: moments, processes, who owns a
// file, and the words of an error.
func comparable(value any) obj {
	v := value.(obj)
	out := obj{}
	for k, e := range v {
		out[k] = e
	}
	hosts, ok := v["hosts"].(obj)
	if !ok {
		return out
	}
	each := obj{}
	for name, h := range hosts {
		kept := obj{}
		for k, e := range h.(obj) {
			switch k {
			case "since", "pid", "seconds", "owner", "error":
				kept[k] = true
			default:
				kept[k] = e
			}
		}
		each[name] = kept
	}
	out["hosts"] = each
	return out
}
