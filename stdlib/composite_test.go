package stdlib

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// stage performs a composite's effects on models, in virtual time.
type stage struct {
	t       *testing.T
	models  map[string]effect.Model
	catalog *effect.Catalog
	now     time.Time
	said    []string // the ops that were performed, time and marks left out
	fail    map[string]*effect.Error
	n       int
}

func newStage(t *testing.T, scenarios map[string]obj) *stage {
	t.Helper()
	c, err := effect.NewCatalog(append(Modules(), effect.Control())...)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, models: Models(), catalog: c, now: start, fail: map[string]*effect.Error{}}
	for module, state := range scenarios {
		if err := s.models[module].Load(state); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Perform implements effect.Performer.
func (s *stage) Perform(ctx context.Context, name string, args map[string]any) (any, error) {
	if comp, ok := s.catalog.Composite(name); ok {
		checked, err := comp.Check(args)
		if err != nil {
			s.t.Fatalf("%s: %v", name, err)
		}
		return comp.Run(ctx, s, checked)
	}
	op, ok := s.catalog.Op(name)
	if !ok {
		s.t.Fatalf("there is no op %s", name)
	}
	checked, err := op.Check(args)
	if err != nil {
		s.t.Fatalf("%s %v: %v", name, args, err)
	}
	switch name {
	case effect.OpNow:
		return unix(s.now), nil
	case effect.OpSleep:
		s.now = s.now.Add(effect.Seconds(checked["duration"].(float64)))
		return nil, nil
	case effect.OpGate:
		return nil, nil
	}
	s.said = append(s.said, op.Name)
	if e := s.fail[fmt.Sprintf("%s %v", name, args["to"])]; e != nil {
		return nil, e
	}
	s.n++
	model := s.models[op.Module]
	if timed, ok := model.(effect.Timed); ok {
		s.now = s.now.Add(timed.Takes(op.Name, checked))
	}
	return model.Do(effect.Moment{Now: s.now, Start: start, Key: fmt.Sprintf("key-%d", s.n),
		World: func(string) map[string]any { return nil }}, op.Name, checked)
}

// run carries a composite out; its result has to fit the declaration.
func (s *stage) run(name string, args obj) (obj, *effect.Error) {
	s.t.Helper()
	v, err := s.Perform(s.t.Context(), name, args)
	if err != nil {
		if effect.AsStop(err) != nil {
			return nil, &effect.Error{Message: "stop: " + err.Error()}
		}
		return nil, effect.AsError(err)
	}
	comp, _ := s.catalog.Composite(name)
	if _, err := effect.CheckFields(comp.Returns, nil, v.(obj)); err != nil {
		s.t.Errorf("%s returned %v: %v", name, v, err)
	}
	return v.(obj), nil
}

func TestDNSFailover(t *testing.T) {
	world := map[string]obj{"dns": {"records": []any{obj{"name": "www.example.org", "values": []any{"192.0.2.1"}, "ttl": "1m"}},
		"resolvers": obj{"stuck": obj{"stuck": true}}}}
	args := func(more obj) obj {
		out := obj{"name": "www.example.org", "from": []any{"192.0.2.1"}, "to": []any{"198.51.100.1"}, "resolvers": []any{"r1", "r2"}}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	s := newStage(t, world)
	v, err := s.run("dns.failover", args(nil))
	if err != nil || v["changed"] != true || v["waited"].(float64) < 55 || v["waited"].(float64) > 65 {
		t.Errorf("%v, %v", v, err)
	}
	s.said = nil
	if v, err = s.run("dns.failover", args(nil)); err != nil || v["changed"] != false || slices.Contains(s.said, "replace") {
		t.Errorf("the second time: %v, %v, %v", v, err, s.said)
	}
	_, err = s.run("dns.failover", args(obj{"from": []any{"192.0.2.9"}, "to": []any{"192.0.2.1"}}))
	if err == nil || err.Code != effect.CodeConflict || !strings.Contains(err.Message, "holds 198.51.100.1") {
		t.Errorf("from something else: %v", err)
	}
	s = newStage(t, world)
	_, err = s.run("dns.failover", args(obj{"resolvers": []any{"r1", "stuck"}, "timeout": "5m"}))
	if err == nil || err.Code != effect.CodeTimeout || !strings.Contains(err.Message, "the records were changed") || !strings.Contains(err.Message, "stuck sees 192.0.2.1") ||
		strings.Contains(err.Message, "r1") {
		t.Errorf("a resolver that is stuck: %v", err)
	}
}

func TestIPFSRestore(t *testing.T) {
	s := newStage(t, map[string]obj{"ipfs": {"content": obj{"bafyA": obj{"blocks": 2.0}, "bafyB": obj{"providers": []any{"p"}}, "bafyC": obj{}, "bafyD": obj{}},
		"pins": []any{"bafyA"}, "archives": obj{"/backup/bafyC.car": []any{"bafyC"}}}})
	v, err := s.run("ipfs.restore", obj{"cids": []any{"bafyA", "bafyB", "bafyC"}, "archive": "/backup/"})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "restored", v["restored"], []any{"bafyB", "bafyC"})
	is(t, "present", v["present"], []any{"bafyA"})
	is(t, "blocks", v["blocks"], 4.0)
	_, err = s.run("ipfs.restore", obj{"cids": []any{"bafyD", "bafyA"}, "archive": "/backup"})
	if err == nil || err.Code != effect.CodeFailed || !strings.Contains(err.Message, "1 of 2 could not be restored: bafyD: no node gave it") || !strings.Contains(err.Message, "/backup/bafyD.car did not help") {
		t.Errorf("what nobody has: %v", err)
	}
	_, err = s.run("ipfs.restore", obj{"cids": []any{"bafyA"}, "providers": 2.0})
	if err == nil || !strings.Contains(err.Message, "1 of 2 nodes offer it") {
		t.Errorf("too few providers: %v", err)
	}
}

func TestEscalate(t *testing.T) {
	answers := obj{"on-call": obj{"never": true}, "manager": obj{"after": "5m", "by": "ann"}, "late": obj{"after": "20m", "by": "bob"}}
	levels := func(names ...string) []any {
		var out []any
		for _, n := range names {
			out = append(out, obj{"to": n, "wait": "15m"})
		}
		return out
	}
	s := newStage(t, map[string]obj{"notify": {"answers": answers}})
	v, err := s.run("notify.escalate", obj{"text": "fire", "levels": levels("on-call", "manager")})
	if err != nil {
		t.Fatal(err)
	}
	is(t, "who", pick(v, "by", "to", "level"), obj{"by": "ann", "to": "manager", "level": 2.0})
	if w := v["waited"].(float64); w < 20*60 || w > 21*60 || len(v["pages"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	v, err = s.run("notify.escalate", obj{"text": "fire", "levels": levels("late", "on-call")})
	if err != nil || v["to"] != "late" || v["by"] != "bob" {
		t.Errorf("the first one answers while the second is called: %v, %v", v, err)
	}
	s.fail["notify.page pigeon"] = effect.Errorf(effect.CodeUnavailable, "it flew away")
	before := s.now
	v, err = s.run("notify.escalate", obj{"text": "fire", "levels": levels("pigeon", "manager")})
	if err != nil || v["level"] != 2.0 || s.now.Sub(before) > 6*time.Minute {
		t.Errorf("one who cannot be called: %v, %v, %s", v, err, s.now.Sub(before))
	}
	_, err = s.run("notify.escalate", obj{"text": "fire", "levels": levels("pigeon", "on-call")})
	if err == nil || err.Code != effect.CodeExpired || !strings.Contains(err.Message, "nobody took it on within 15m: pigeon could not be called: it flew away; on-call did not answer") {
		t.Errorf("nobody: %v", err)
	}
}

func TestHealthComposites(t *testing.T) {
	s := newStage(t, map[string]obj{"health": {"green": obj{"timeline": []any{obj{"at": "0s", "healthy": false}, obj{"at": "1m", "healthy": true}, obj{"at": "10m", "error_rate": "5%"}}}}})
	if v, err := s.run("health.wait", obj{"env": "green"}); err != nil || v["checks"].(float64) < 12 {
		t.Errorf("%v, %v", v, err)
	}
	slo := obj{"error_rate": "< 0.1%", "p99_latency": "< 200ms"}
	if v, err := s.run("health.watch", obj{"env": "green", "during": "5m", "slo": slo}); err != nil || v["measurements"] != 10.0 {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := s.run("health.watch", obj{"env": "green", "during": "10m", "slo": slo}); err == nil || err.Code != effect.CodeUnhealthy || !strings.Contains(err.Message, "error_rate is 5%") {
		t.Errorf("%v", err)
	}
}
