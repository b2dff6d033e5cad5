package stdlib

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
	"github.com/q-ecosystem/runbook/stdlib/secrets"
)

type obj = map[string]any

// sampleWorlds holds scenarios and calls for random walks; the empty scenario
// is walked for each module too.
func sampleWorlds() map[string][]obj {
	return map[string][]obj{
		"traffic": {{"weights": obj{"blue": 100.0, "green": 0.0}, "pools": obj{"api": obj{"servers": obj{"a": obj{"weight": 100.0}, "b": obj{"status": "maint"}}}}}},
		"health":  {{"green": obj{"p99_latency": "300ms", "timeline": []any{obj{"at": "1m", "uptime": 0.0}}}, "alerts": []any{obj{"name": "Slow", "severity": "critical"}}}},
		"db": {{"nodes": obj{"a": obj{"primary": true}, "b": obj{"lag": "2s"}}, "backups": []any{obj{"name": "full-1", "age": "1d"}},
			"statements": obj{"SELECT": obj{"rows": []any{obj{"n": 1.0}}}, "UPDATE": obj{"rows": 3.0, "sets": obj{"updated": true}}}}},
		"dns": {{"records": []any{obj{"name": "www.example.org", "values": []any{"192.0.2.1"}, "ttl": "1m"}}, "resolvers": obj{"r1": obj{}}}},
		"ipfs": {{"content": obj{"bafyA": obj{"blocks": 3.0, "providers": []any{"p1"}}, "bafyB": obj{}}, "pins": []any{"bafyA"}, "nodes": obj{"two": obj{"pins": []any{"bafyB"}}},
			"archives": obj{"b.car": []any{"bafyB"}}}},
		"notify": {{"answers": obj{"on-call": obj{"never": true}}, "down": []any{"pigeon"}}},
		"deploy": {{"envs": obj{"blue": obj{"version": "v1", "state": "active"}}, "regions": obj{"eu": obj{"version": "v2", "serving": "v1"}}, "versions": []any{"v1", "v2"},
			"nodes": obj{"n1": obj{"runs": obj{"blue": 2.0}}, "n2": obj{"runs": obj{"blue": 1.0}, "instances": 3.0}}, "least": obj{"blue": 1.0}, "jobs": obj{"migrate": obj{}, "broken": obj{"fails": true}}}},
		"exec":    {{"vars": obj{"n": 1.0}, "commands": obj{"./deploy.sh": obj{"sets": obj{"n": 2.0}}, "./deploy.sh bad": obj{"code": 1.0}}}},
		"secrets": {{"db/password": obj{"versions": []any{"1", "2"}, "revoked": []any{"1"}}}},
		"http":    {{"responses": obj{"POST https://x/jobs": obj{"status": 201.0, "json": obj{"id": 1.0}, "sets": obj{"jobs": 1.0}}}}},
		"hosts": {{"hosts": obj{"web-1": obj{"groups": []any{"web"}, "services": obj{"nginx": "active"}, "files": obj{"/etc/motd": "hello\n"}},
			"web-2": obj{"groups": []any{"web"}, "labels": obj{"zone": "b"}, "services": obj{"nginx": "inactive"}}, "db-1": obj{"reachable": false}},
			"commands": obj{"./deploy.sh": obj{"sets": obj{"n": 2.0}}, "./deploy.sh bad": obj{"code": 1.0}}}},
		"files": {{"/var/log/app.log": obj{"text": "error: a\nfine\n"}}},
	}
}

func sampleCalls() map[string][]effect.Reading {
	call := func(op string, args obj) effect.Reading { return effect.Reading{Op: op, Args: args} }
	return map[string][]effect.Reading{
		"traffic": {call("weights", nil), call("servers", obj{}), call("servers", obj{"pool": "api"}), call("split", obj{"blue": 90.0, "green": 10.0}),
			call("split", obj{"blue": 50.0, "green": 50.0}), call("split", obj{"pool": "api", "a": 30.0, "b": 70.0}), call("switch", obj{"to": "green"}),
			call("drain", obj{"server": "blue"}), call("ready", obj{"server": "blue"}), call("ready", obj{"pool": "api", "server": "b"}), call("drain", obj{"server": "grey"})},
		"health": {call("check", obj{"env": "green"}), call("measure", obj{"env": "green"}), call("measure", obj{"env": "blue"}), call("load", obj{"env": "green"}),
			call("alerts", nil), call("alerts", obj{"severity": "critical"}), call("silence", obj{"match": obj{"alertname": "Slow"}, "lasts": "1m", "why": "x"}),
			call("unsilence", obj{"id": "silence-1"}), call("silences", nil)},
		"db": {call("backups", nil), call("query", obj{"sql": "SELECT 1"}), call("query", obj{"sql": "select"}), call("lag", nil), call("is_primary", obj{"node": "b"}), call("is_primary", nil),
			call("validate", nil), call("validate", obj{"copy": "c"}), call("backup", nil), call("restore", obj{"copy": "c"}), call("restore", obj{"copy": "d", "time": 1e9}),
			call("exec", obj{"sql": "UPDATE x"}), call("migrations", nil), call("migrate", nil), call("migrate", obj{"to": 0.0}), call("promote", obj{"node": "b"}), call("swap", obj{"copy": "c"}),
			call("backup", obj{"db": "audit"})},
		"dns": {call("records", obj{"name": "www.example.org"}), call("records", obj{"name": "www.example.org", "resolver": "r2"}), call("set", obj{"name": "www.example.org", "values": []any{"192.0.2.2"}}),
			call("replace", obj{"name": "www.example.org", "from": []any{"192.0.2.2"}, "to": []any{"192.0.2.3"}, "ttl": "5m"}), call("delete", obj{"name": "www.example.org"}),
			call("delete", obj{"name": "www.example.org", "values": []any{"192.0.2.3"}})},
		"ipfs": {call("pins", nil), call("providers", obj{"cid": "bafyA"}), call("validate", obj{"cid": "bafyB"}), call("add", obj{"path": "site"}), call("pin", obj{"cid": "bafyB"}),
			call("unpin", obj{"cid": "bafyA"}), call("export", obj{"cid": "bafyA", "path": "a.car"}), call("import", obj{"path": "b.car"}), call("pin", obj{"cid": "bafyA", "node": "two"})},
		"notify": {call("send", obj{"to": "ops", "text": "hello"}), call("send", obj{"to": "pigeon", "text": "coo"}), call("page", obj{"to": "on-call", "text": "fire", "key": "k1"}),
			call("acknowledged", obj{"to": "on-call", "key": "k1"}), call("update", obj{"to": "on-call", "key": "k1", "text": "more"}), call("update", obj{"to": "on-call", "key": "k1", "status": "resolved"}),
			call("publish", obj{"to": "customers", "key": "i1", "title": "Errors", "text": "we look", "components": obj{"API": "major_outage"}}),
			call("publish", obj{"to": "customers", "key": "i1", "text": "over", "status": "resolved"}), call("publish", obj{"to": "customers", "key": "i1", "text": "no", "status": "identified"})},
		"deploy": {call("status", obj{"env": "blue"}), call("regions", nil), call("release", obj{"env": "green", "version": "v2"}), call("activate", obj{"env": "green"}),
			call("release", obj{"env": "blue", "version": "v2"}), call("release", obj{"region": "eu", "version": "v1"}), call("release", obj{"region": "eu", "version": "v3"}),
			call("activate", obj{"region": "eu"}), call("decommission", obj{"env": "blue"}), call("scale", obj{"env": "blue", "instances": 4.0}), call("scale", obj{"env": "blue", "instances": 0.0}),
			call("nodes", nil), call("cordon", obj{"node": "n1"}), call("cordon", obj{"node": "n2"}), call("uncordon", obj{"node": "n1"}), call("drain", obj{"node": "n1"}), call("drain", obj{"node": "n2"}),
			call("drain", obj{"node": "n3"}), call("job", obj{"name": "migrate"}), call("job", obj{"name": "broken", "class": "write"})},
		"exec": {call("run", obj{"argv": []any{"./deploy.sh", "now"}}), call("run", obj{"shell": "./deploy.sh bad"}), call("run", obj{"argv": []any{"ls"}})},
		"secrets": {call("rotate", obj{"name": "db/password"}), call("revoke", obj{"name": "db/password", "version": "2"}), call("get", obj{"name": "db/password"}), call("get", obj{"name": "other"}),
			call("issue", obj{"name": "database/creds/app", "ttl": "2m"}), call("release", obj{"lease": secrets.Lease(secrets.Leases, "key-3")}),
			call("get", obj{"name": secrets.Lease(secrets.Leases, "key-3") + "#username"})},
		"http": {call("request", obj{"url": "https://x/jobs"}), call("request", obj{"url": "https://x/jobs", "method": "POST", "json": obj{}})},
		"hosts": {call("list", obj{}), call("run", obj{"on": []any{"web"}, "argv": []any{"./deploy.sh"}}), call("run", obj{"on": []any{"all"}, "shell": "./deploy.sh bad"}),
			call("run", obj{"on": []any{"all"}, "shell": "ls", "partial": true}), call("copy", obj{"on": []any{"web"}, "text": "hi", "to": "/etc/motd", "mode": "640"}),
			call("copy", obj{"on": []any{"zone=b"}, "from": "a.conf", "to": "/etc/a"}), call("read", obj{"on": []any{"web"}, "path": "/etc/motd", "partial": true}),
			call("service", obj{"on": []any{"web"}, "name": "nginx", "action": "restart"}), call("service", obj{"on": []any{"web&!x", "web-2"}, "name": "nginx", "action": "stop"}),
			call("service", obj{"on": []any{"web-2"}, "name": "nginx.service", "action": "start"}), call("service", obj{"on": []any{"web"}, "name": "nginx", "action": "status"})},
		"files": {call("hash", obj{"path": "/var/log/app.log"}), call("search", obj{"paths": []any{"/var/log"}, "pattern": "error"}),
			call("archive", obj{"paths": []any{"/var/log/*.log"}, "to": "/tmp/x.tar.gz"})},
	}
}

// TestRandomWalks holds every model against what the interface promises: a
// clone is independent, the same calls give the same results, a failure
// changes nothing, state and results are plain data that fits the contract.
func TestRandomWalks(t *testing.T) {
	worlds, calls := sampleWorlds(), sampleCalls()
	for module := range Models() {
		contract, _ := Contract(module)
		for _, op := range contract.Ops {
			found := false
			for _, c := range calls[module] {
				found = found || c.Op == op.Name
			}
			if !found {
				t.Errorf("no call of %s is walked", &op)
			}
		}
		for w, scenario := range append(worlds[module], nil) {
			t.Run(fmt.Sprintf("%s %d", module, w), func(t *testing.T) {
				for seed := range uint64(30) {
					walk(t, module, scenario, calls[module], rand.New(rand.NewPCG(seed, 7)))
				}
			})
		}
	}
}

func walk(t *testing.T, module string, scenario obj, calls []effect.Reading, random *rand.Rand) {
	contract, _ := Contract(module)
	r := modeltest.New(t, contract, scenario)
	for range 25 {
		r.Pass(time.Duration(random.IntN(90)) * time.Second)
		c := calls[random.IntN(len(calls))]
		twin := *r
		twin.Model = r.Model.Clone()
		before := r.Encoded()
		// A call on the clone, and a few more, leave the original as it is …
		v, err := twin.Try(c.Op, c.Args)
		state := twin.Encoded()
		for range 3 {
			other := calls[random.IntN(len(calls))]
			_, _ = twin.Try(other.Op, other.Args)
		}
		if after := r.Encoded(); after != before {
			t.Fatalf("calls on a clone changed the original from\n%s to\n%s", before, after)
		}
		// … which then does the same as the clone did.
		v2, err2 := r.Try(c.Op, c.Args)
		if fmt.Sprint(v, err) != fmt.Sprint(v2, err2) || r.Encoded() != state {
			t.Fatalf("%s %v gave %v, %v on a clone and %v, %v on the original", c.Op, c.Args, v, err, v2, err2)
		}
		// What may be repeated with its key changes nothing the second time.
		if checked, _ := r.Ops[c.Op].Check(c.Args); err2 == nil && r.Ops[c.Op].RecoveryFor(checked) == effect.Retry {
			_, _ = r.Again(c.Op, c.Args)
			if again := r.Encoded(); again != state {
				t.Fatalf("%s %v said twice changed the state from\n%s to\n%s", c.Op, c.Args, state, again)
			}
		}
	}
}

func TestStrictScenarios(t *testing.T) {
	f := effect.Func(func(effect.Moment) (any, error) { return nil, nil })
	for _, c := range []struct {
		module string
		state  obj
		want   string
	}{
		{"traffic", obj{"wieghts": obj{}}, `did you mean "weights"?`},
		{"traffic", obj{"weights": obj{"blue": 60.0}}, "add up to 60"},
		{"traffic", obj{"servers": obj{"blue": obj{"status": "upp"}}}, `did you mean "up"?`},
		{"traffic", obj{"weights": f}, "may not be a function"},
		{"traffic", obj{"pools": obj{"a.b": obj{"weights": obj{"x": 1.0}}}}, "pools.a.b.weights"},
		{"health", obj{"green": obj{"p99_latncy": 1.0}}, `did you mean "p99_latency"?`},
		{"health", obj{"green": []any{obj{"uptime": 1.0}}}, "at: is required"},
		{"health", obj{"alerts": f}, "may not be a function"},
		{"db", obj{"nodes": obj{"a": obj{"primry": true}}}, `did you mean "primary"?`},
		{"db", obj{"statements": obj{"x": obj{"apply": 1.0}}}, "wants a function"},
		{"dns", obj{"records": []any{obj{"name": "a", "vals": []any{}}}}, `is it "values"?`},
		{"ipfs", obj{"contents": obj{}}, `did you mean "content"?`},
		{"notify", obj{"answers": obj{"a": obj{"aftr": 1.0}}}, `did you mean "after"?`},
		{"deploy", obj{"envs": obj{"a": obj{"state": "on"}}}, "must be one of"},
		{"exec", obj{"commands": obj{"a": obj{"exit": 1.0}}}, "exit: is not known"},
		{"exec", obj{"commands": obj{"a": obj{"apply": "x"}}}, "wants a function"},
		{"secrets", obj{"a": obj{"version": []any{"1"}}}, `versions`},
		{"http", obj{"responses": obj{"a": obj{"status": 42.0}}}, "from 100 to 599"},
		{"hosts", obj{"hosts": obj{"a": obj{"services": obj{"nginx": "activ"}}}}, `did you mean "active"?`},
		{"hosts", obj{"hosts": obj{"a": obj{"group": []any{"x"}}}}, `did you mean "groups"?`},
		{"files", obj{"a": obj{"txt": ""}}, `did you mean "text"?`},
	} {
		err := Models()[c.module].Load(c.state)
		if _, ok := err.(*effect.FieldError); !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v (%T), want a *effect.FieldError with %q", c.module, c.state, err, err, c.want)
		}
	}
}

// TestScenarioIsCopied keeps scenarios from aliasing what they were made of.
func TestScenarioIsCopied(t *testing.T) {
	for module, worlds := range sampleWorlds() {
		for _, w := range worlds {
			contract, _ := Contract(module)
			r := modeltest.New(t, contract, w)
			before := r.Encoded()
			spoil(w)
			if after := r.Encoded(); after != before {
				t.Errorf("%s keeps the scenario's tables: %s became %s", module, before, after)
			}
		}
	}
}

func spoil(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			spoil(e)
			v[k] = "spoilt"
		}
	case []any:
		for i, e := range v {
			spoil(e)
			v[i] = "spoilt"
		}
	}
}
