package stdlib

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestIPFSModel(t *testing.T) {
	up := true
	r := newRig(t, "ipfs", obj{
		"content": obj{"bafyA": obj{"blocks": 3.0, "size": "3MiB", "providers": []any{"peer"}}, "bafyB": obj{}, "bafyC": obj{}},
		"pins":    []any{"bafyA", "bafyC"}, "missing": []any{"bafyC"},
		"nodes":    obj{"backup": obj{"pins": []any{"bafyB"}, "up": effect.Func(func(effect.Moment) (any, error) { return up, nil })}},
		"archives": obj{"c.car": []any{"bafyC"}}, "files": obj{"site": "bafyA"},
	})
	is(t, "pins", r.must("pins", obj{"cid": "bafyA"})["count"], 1.0)
	is(t, "other types", r.must("pins", obj{"type": "direct"})["count"], 0.0)
	is(t, "providers", r.must("providers", obj{"cid": "bafyA"})["count"], 2.0)
	is(t, "validate", r.must("validate", obj{"cid": "bafyA"}), obj{"valid": true, "blocks": 3.0, "size": 3.0 * (1 << 20)})
	r.fails("validate", obj{"cid": "bafyC"}, effect.CodeUnhealthy, "blocks of bafyC are missing")
	r.fails("pin", obj{"cid": "bafyC"}, effect.CodeTimeout, "nobody gave bafyC")
	is(t, "import", r.must("import", obj{"path": "c.car"})["roots"], []any{"bafyC"})
	r.must("validate", obj{"cid": "bafyC"})
	up = false
	r.fails("pin", obj{"cid": "bafyB"}, effect.CodeTimeout)
	r.fails("pins", obj{"node": "backup"}, effect.CodeUnavailable)
	up = true
	r.must("pin", obj{"cid": "bafyB"})
	r.must("pin", obj{"cid": "bafyB"})
	is(t, "two have it", at(r.state(), "providers", "bafyB"), []any{"backup", "the configured node"})
	is(t, "unpin", r.must("unpin", obj{"cid": "bafyB"})["was_pinned"], true)
	is(t, "unpin again", r.must("unpin", obj{"cid": "bafyB"})["was_pinned"], false)
	is(t, "add", r.must("add", obj{"path": "site", "cid": "bafyA"})["cid"], "bafyA")
	r.fails("add", obj{"path": "site", "cid": "bafyB"}, effect.CodeConflict, "comes out as bafyA")
	r.must("export", obj{"cid": "bafyA", "path": "a.car"})
	is(t, "what was exported", r.must("import", obj{"path": "a.car", "node": "backup"})["roots"], []any{"bafyA"})
	r.fails("import", obj{"path": "x.car"}, effect.CodeNotFound, "a.car, c.car")

	r = newRig(t, "ipfs", nil)
	r.must("pin", obj{"cid": "bafyX"})
	is(t, "assumed", r.state()["assumed"], true)
}

func TestNotifyModel(t *testing.T) {
	r := newRig(t, "notify", obj{"answers": obj{"on-call": obj{"never": true}, "manager": obj{"after": "5m", "by": "ann"}}, "down": []any{"pigeon"}})
	r.must("send", obj{"to": "ops", "text": "hello"})
	is(t, "sent", r.state()["sent"], []any{obj{"to": "ops", "text": "hello"}})
	r.fails("send", obj{"to": "pigeon", "text": "coo"}, effect.CodeUnavailable)
	key := r.must("page", obj{"to": "on-call", "text": "fire"})["key"].(string)
	if _, err := r.again("page", obj{"to": "on-call", "text": "fire"}); err != nil || len(r.state()["pages"].(obj)) != 1 {
		t.Errorf("a page said twice: %v, %v", r.state(), err)
	}
	named := r.must("page", obj{"to": "manager", "text": "fire", "key": "incident-7"})
	is(t, "named", named, obj{"key": "incident-7", "status": "triggered"})
	r.pass(time.Hour)
	is(t, "on-call", r.must("acknowledged", obj{"to": "on-call", "key": key}), obj{"acknowledged": false, "status": "triggered"})
	is(t, "manager", r.must("acknowledged", obj{"to": "manager", "key": "incident-7"}),
		obj{"acknowledged": true, "status": "acknowledged", "by": "ann", "at": unix(start.Add(5 * time.Minute))})
	r.fails("acknowledged", obj{"to": "manager", "key": key}, effect.CodeNotFound)
	is(t, "resolve", r.must("update", obj{"to": "manager", "key": "incident-7", "status": "resolved", "text": "out"})["status"], "resolved")
	is(t, "pages", at(r.state(), "pages", "incident-7", "notes"), []any{"out"})
	is(t, "a new incident", r.must("page", obj{"to": "manager", "text": "again", "key": "incident-7"})["status"], "triggered")
	other := r.must("page", obj{"to": "someone", "text": "x"})["key"]
	r.pass(time.Minute)
	is(t, "who is not declared", r.must("acknowledged", obj{"to": "someone", "key": other})["by"], "someone")
}

func TestDeployModel(t *testing.T) {
	r := newRig(t, "deploy", obj{"envs": obj{"blue": obj{"version": "v1", "state": "active"}}, "refuses": []any{"v3"}, "takes": obj{"release": "10m"},
		"regions": obj{"eu": obj{"version": "v1", "state": "active"}, "us": obj{"version": "v1", "envs": obj{"blue": obj{"version": "v0"}}}}})
	is(t, "status", r.must("status", obj{"env": "blue"}), obj{"env": "blue", "version": "v1", "state": "active", "instances": 1.0})
	is(t, "absent", r.must("status", obj{"env": "green"})["state"], "absent")
	r.fails("activate", obj{"env": "green"}, effect.CodeConflict, "deploy.release")
	r.fails("release", obj{"env": "green", "version": "v3"}, effect.CodeFailed, "v3 does not start")
	r.must("release", obj{"env": "green", "version": "v2"})
	is(t, "activate", r.must("activate", obj{"env": "green"})["state"], "active")
	is(t, "in place", pick(r.must("release", obj{"env": "blue", "version": "v2"}), "version", "previous", "state"), obj{"version": "v2", "previous": "v1", "state": "active"})
	r.must("activate", obj{"region": "us"})
	is(t, "regions", r.must("regions", nil)["regions"], []any{obj{"name": "eu", "active": true, "state": "active", "version": "v1"}, obj{"name": "us", "active": true, "state": "active", "version": "v1"}})
	is(t, "an environment of regions", r.must("regions", obj{"env": "blue"})["regions"], []any{obj{"name": "us", "active": false, "state": "released", "version": "v0"}})
	is(t, "decommission", r.must("decommission", obj{"env": "blue"})["state"], "absent")
	is(t, "state", at(r.state(), "envs", "blue"), obj{"state": "absent", "instances": 0.0, "previous": "v2"})
	if took := r.model.(effect.Timed).Takes("release", nil); took != 10*time.Minute {
		t.Errorf("a release takes %s", took)
	}
	r = newRig(t, "deploy", nil)
	r.fails("status", obj{"env": "blue"}, effect.CodeUnsupported, "deploy = {")
	r.fails("regions", nil, effect.CodeUnsupported)
	r.must("activate", obj{"region": "us"})
	is(t, "assumed", r.state()["assumed"], true)
}

func TestExecModel(t *testing.T) {
	count := effect.Func(func(m effect.Moment) (any, error) {
		return obj{"runs": at(m.World("exec"), "vars", "runs").(float64) + 1}, nil
	})
	boom := effect.Func(func(effect.Moment) (any, error) { return nil, errors.New("boom") })
	r := newRig(t, "exec", obj{"vars": obj{"runs": 0.0}, "commands": obj{
		"./deploy.sh":             obj{"takes": "30s", "output": "done\n", "sets": obj{"deployed": "v2"}},
		"./deploy.sh --env=red":   obj{"code": 3.0, "sets": obj{"deployed": "v3"}},
		"./count.sh":              obj{"apply": count},
		"./boom.sh":               obj{"sets": obj{"x": boom}},
		"npm run test:smoke -- ":  obj{"output": "smoke"},
		"psql   -c   'SELECT 1' ": obj{"output": "1"},
	}})
	is(t, "deploy", r.must("run", obj{"argv": []any{"./deploy.sh", "--env=green"}}), obj{"code": 0.0, "output": "done\n", "truncated": false, "seconds": 30.0})
	is(t, "vars", r.state(), obj{"vars": obj{"runs": 0.0, "deployed": "v2"}})
	r.fails("run", obj{"argv": []any{"./deploy.sh", "--env=red"}}, effect.CodeFailed, "exit code 3", "add it to ok")
	is(t, "code 3 may be fine", r.must("run", obj{"argv": []any{"./deploy.sh", "--env=red"}, "ok": []any{0.0, 3.0}})["code"], 3.0)
	is(t, "sets", at(r.state(), "vars", "deployed"), "v3")
	r.must("run", obj{"argv": []any{"./count.sh"}})
	r.must("run", obj{"shell": "./count.sh"})
	is(t, "runs", at(r.state(), "vars", "runs"), 2.0)
	is(t, "whole words", r.must("run", obj{"argv": []any{"./deploy.sh-all"}})["output"], "")
	is(t, "several words", r.must("run", obj{"argv": []any{"npm", "run", "test:smoke", "--", "--env=green"}})["output"], "smoke")
	r.fails("run", obj{"argv": []any{"./boom.sh"}}, effect.CodeInvalid, "boom", "scenario")
	r.fails("run", obj{"argv": []any{"./deploy.sh"}, "timeout": "10s"}, effect.CodeUnknown, "took longer than 10s")
	r.fails("run", obj{"argv": []any{"./deploy.sh"}, "timeout": "10s", "class": "read"}, effect.CodeTimeout)
	if took := r.model.(effect.Timed).Takes("run", obj{"argv": []any{"./deploy.sh"}, "timeout": 10.0}); took != 10*time.Second {
		t.Errorf("a command that is killed takes %s", took)
	}
}

func TestSecretsModel(t *testing.T) {
	r := newRig(t, "secrets", obj{"db/password": obj{"versions": []any{"1"}}})
	rotate := obj{"name": "db/password", "value": effect.NewSecret("new", "correct horse")}
	is(t, "rotate", r.must("rotate", rotate), obj{"version": "2", "previous": "1"})
	if v, err := r.again("rotate", rotate); err != nil || v["version"] != "2" {
		t.Errorf("rotated again with the same key: %v, %v", v, err)
	}
	got := r.must("get", obj{"name": "db/password"})
	if s, ok := got["value"].(effect.Secret); !ok || s.Reveal() != "correct horse" {
		t.Errorf("got %v", got)
	}
	if strings.Contains(r.encoded(), "horse") {
		t.Errorf("the state holds the value: %s", r.encoded())
	}
	is(t, "revoke", r.must("revoke", obj{"name": "db/password", "version": "1"})["valid"], []any{"2"})
	r.fails("get", obj{"name": "db/password", "version": "1"}, effect.CodeRefused, "was revoked")
	r.must("revoke", obj{"name": "db/password", "version": "2"})
	r.fails("get", obj{"name": "db/password"}, effect.CodeNotFound, "no version", "secrets.rotate")
	r.fails("get", obj{"name": "db/pasword"}, effect.CodeNotFound, `did you mean "db/password"?`)
	is(t, "a new secret", r.must("rotate", obj{"name": "api/key"}), obj{"version": "1"})
	newRig(t, "secrets", nil).must("get", obj{"name": "anything"})
}

func TestHTTPModel(t *testing.T) {
	r := newRig(t, "http", obj{"responses": obj{
		"https://api":               obj{"status": 503.0},
		"GET https://api/version":   obj{"json": obj{"version": "v2"}},
		"POST https://api/jobs":     obj{"status": 201.0, "sets": obj{"jobs": 1.0}, "takes": "2s"},
		"https://gone.example.org/": obj{"unreachable": true},
	}})
	got := r.must("request", obj{"url": "https://api/version?x=1"})
	is(t, "json", got["json"], obj{"version": "v2"})
	is(t, "body", got["body"], `{"version":"v2"}`)
	if e := r.fails("request", obj{"url": "https://api/other"}, effect.CodeFailed, "was answered 503"); !e.Retryable {
		t.Error("503 may pass")
	}
	is(t, "503 may be fine", r.must("request", obj{"url": "https://api/other", "ok": []any{503.0}})["status"], 503.0)
	is(t, "post", r.must("request", obj{"url": "https://api/jobs", "method": "POST"})["seconds"], 2.0)
	is(t, "vars", r.state(), obj{"vars": obj{"jobs": 1.0}})
	r.fails("request", obj{"url": "https://gone.example.org/x"}, effect.CodeUnavailable)
	is(t, "who is not declared", r.must("request", obj{"url": "https://other/"})["status"], 200.0)
}

func TestFilesModel(t *testing.T) {
	r := newRig(t, "files", obj{"/var/log/app.log": obj{"text": "fine\nerror: a\nerror: b\n"}, "/var/log/old.log": obj{"text": "error: c", "age": "2d"},
		"/opt/app": obj{"hash": "ABCD", "size": "3MiB"}})
	is(t, "search", r.must("search", obj{"paths": []any{"/var/log/*.log"}, "pattern": "^error", "since": "1d", "max": 1.0}),
		obj{"matches": []any{obj{"file": "/var/log/app.log", "line": 2.0, "text": "error: a"}}, "count": 1.0, "truncated": true})
	is(t, "in a directory", r.must("search", obj{"paths": []any{"/var/log"}, "pattern": "error"})["count"], 3.0)
	r.fails("search", obj{"paths": []any{"/var"}, "pattern": "("}, effect.CodeInvalid, "RE2")
	is(t, "hash", r.must("hash", obj{"path": "/opt/app", "expect": "abcd"})["hash"], "ABCD")
	r.fails("hash", obj{"path": "/opt/app", "expect": "ffff"}, effect.CodeConflict, "expected was ffff")
	is(t, "of a text", r.must("hash", obj{"path": "/var/log/old.log"})["hash"], digest("sha256", "error: c"))
	r.fails("hash", obj{"path": "/none"}, effect.CodeUnsupported, "files = {")
	is(t, "archive", r.must("archive", obj{"paths": []any{"/var/log"}, "to": "/tmp/x.tar.gz"})["files"], 2.0)
	r.fails("archive", obj{"paths": []any{"/none"}, "to": "/tmp/y.tar.gz"}, effect.CodeNotFound)
	newRig(t, "files", nil).must("archive", obj{"paths": []any{"/var/log"}, "to": "/tmp/x.tar.gz"})
}
