package stdlib

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestDNSModel(t *testing.T) {
	r := newRig(t, "dns", obj{
		"records":   []any{obj{"name": "WWW.example.org.", "values": []any{"192.0.2.2", "192.0.2.1"}, "ttl": "5m"}},
		"resolvers": obj{"slow": obj{"delay": "1m"}, "stuck": obj{"stuck": true}},
	})
	www := func(more obj) obj {
		out := obj{"name": "www.example.org"}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	old, moved := []any{"192.0.2.1", "192.0.2.2"}, []any{"198.51.100.1"}
	is(t, "records", r.must("records", www(nil)), obj{"values": old, "ttl": 300.0})
	r.fails("replace", www(obj{"from": []any{"192.0.2.1"}, "to": moved}), effect.CodeConflict, "holds 192.0.2.1, 192.0.2.2", "nothing changed")
	is(t, "replace", r.must("replace", www(obj{"from": old, "to": moved, "ttl": "1m"})), obj{"values": moved, "ttl": 60.0, "previous": old})
	is(t, "zones", r.state()["zones"], obj{"example.org": obj{"www.example.org A": obj{"values": moved, "ttl": 60.0}}})

	seen := func(resolver string) any { return r.must("records", www(obj{"resolver": resolver}))["values"] }
	is(t, "the authoritative server", r.must("records", www(nil))["values"], moved)
	r.pass(5*time.Minute - time.Second)
	is(t, "a resolver before the old ttl has passed", seen("any"), old)
	r.pass(time.Second)
	is(t, "a resolver after", seen("any"), moved)
	is(t, "a slow resolver", seen("slow"), old)
	r.pass(time.Minute)
	is(t, "a slow resolver later", seen("slow"), moved)
	r.pass(24 * time.Hour)
	is(t, "a stuck resolver", seen("stuck"), old)
	is(t, "resolvers in the state", at(r.state(), "resolvers", "stuck", "www.example.org A"), old)

	is(t, "delete", r.must("delete", www(obj{"values": moved})), obj{"previous": moved})
	is(t, "twice", r.must("delete", www(nil)), obj{"previous": []any{}})
	is(t, "gone", r.must("records", www(nil))["values"], []any{})
	is(t, "what was not there", r.must("records", obj{"name": "x.example.org"})["values"], []any{})
}

// TestResolversOverSeveralChanges follows a resolver that asked just before
// each change.
func TestResolversOverSeveralChanges(t *testing.T) {
	v := func(at time.Duration, value string, ttl float64) recordVersion {
		return recordVersion{start.Add(at), []string{value}, ttl}
	}
	h := &recordHistory{"", []recordVersion{{values: []string{"a"}, ttl: 300}, v(0, "b", 60), v(2*time.Minute, "c", 60), v(10*time.Minute, "d", 60)}}
	for _, c := range []struct {
		at   time.Duration
		want string
	}{
		{time.Minute, "a"}, {4 * time.Minute, "a"}, // a is kept over the second change
		{5 * time.Minute, "c"}, // b was never seen
		{10*time.Minute + 59*time.Second, "c"}, {11 * time.Minute, "d"},
	} {
		if got := h.seenBy(nil, start.Add(c.at)).values[0]; got != c.want {
			t.Errorf("after %s it sees %s, want %s", c.at, got, c.want)
		}
	}
}

func TestRecordsThatNobodyDeclared(t *testing.T) {
	r := newRig(t, "dns", nil)
	r.fails("records", obj{"name": "www.example.org"}, effect.CodeUnsupported, "dns = { records =")
	is(t, "what is expected is taken to be there", r.must("replace", obj{"name": "www.example.org", "from": []any{"a"}, "to": []any{"b"}})["previous"], []any{"a"})
	is(t, "assumed", r.state()["assumed"], true)
	r.fails("replace", obj{"name": "www.example.org", "from": []any{"a"}, "to": []any{"b"}}, effect.CodeConflict)
	l := r.model.(effect.Learner)
	if n := l.Needs(r.moment(), "set", obj{"name": "www.example.org", "type": "A"}); len(n) != 0 {
		t.Errorf("a known set needs %v", n)
	}
	need := l.Needs(r.moment(), "set", obj{"name": "api.example.org", "type": "A", "values": []any{"x"}})
	if err := l.Learn(need[0], obj{"values": []any{"old"}, "ttl": 30.0}); err != nil {
		t.Fatal(err)
	}
	is(t, "learned", r.must("set", obj{"name": "api.example.org", "values": []any{"x"}})["previous"], []any{"old"})
}
