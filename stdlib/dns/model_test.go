package dns

import (
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestDNSModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{
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
	modeltest.Is(t, "records", r.Must("records", www(nil)), obj{"values": old, "ttl": 300.0})
	r.Fails("replace", www(obj{"from": []any{"192.0.2.1"}, "to": moved}), effect.CodeConflict, "holds 192.0.2.1, 192.0.2.2", "nothing changed")
	modeltest.Is(t, "replace", r.Must("replace", www(obj{"from": old, "to": moved, "ttl": "1m"})), obj{"values": moved, "ttl": 60.0, "previous": old})
	modeltest.Is(t, "zones", r.State()["zones"], obj{"example.org": obj{"www.example.org A": obj{"values": moved, "ttl": 60.0, "kept": 300.0}}})

	seen := func(resolver string) any {
		return r.Must("records", www(obj{"resolver": resolver}))["values"]
	}
	modeltest.Is(t, "the authoritative server", r.Must("records", www(nil))["values"], moved)
	r.Pass(5*time.Minute - time.Second)
	modeltest.Is(t, "a resolver before the old ttl has passed", seen("any"), old)
	r.Pass(time.Second)
	modeltest.Is(t, "a resolver after", seen("any"), moved)
	modeltest.Is(t, "a slow resolver", seen("slow"), old)
	r.Pass(time.Minute)
	modeltest.Is(t, "a slow resolver later", seen("slow"), moved)
	r.Pass(24 * time.Hour)
	modeltest.Is(t, "a stuck resolver", seen("stuck"), old)
	modeltest.Is(t, "resolvers in the state", modeltest.At(r.State(), "resolvers", "stuck", "www.example.org A"), old)

	modeltest.Is(t, "delete", r.Must("delete", www(obj{"values": moved})), obj{"previous": moved})
	modeltest.Is(t, "twice", r.Must("delete", www(nil)), obj{"previous": []any{}})
	modeltest.Is(t, "gone", r.Must("records", www(nil))["values"], []any{})
	modeltest.Is(t, "what was not there", r.Must("records", obj{"name": "x.example.org"})["values"], []any{})
}

// TestResolversOverSeveralChanges follows a resolver that asked just before
// each change.
func TestResolversOverSeveralChanges(t *testing.T) {
	v := func(at time.Duration, value string, ttl float64) recordVersion {
		return recordVersion{modeltest.Start().Add(at), []string{value}, ttl}
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
		if got := h.seenBy(nil, modeltest.Start().Add(c.at)).values[0]; got != c.want {
			t.Errorf("after %s it sees %s, want %s", c.at, got, c.want)
		}
	}
}

func TestRecordsThatNobodyDeclared(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	r.Fails("records", obj{"name": "www.example.org"}, effect.CodeUnsupported, "dns = { records =")
	modeltest.Is(t, "what is expected is taken to be there", r.Must("replace", obj{"name": "www.example.org", "from": []any{"192.0.2.1"}, "to": []any{"192.0.2.2"}})["previous"], []any{"192.0.2.1"})
	modeltest.Is(t, "assumed", r.State()["assumed"], true)
	r.Fails("replace", obj{"name": "www.example.org", "from": []any{"192.0.2.1"}, "to": []any{"192.0.2.2"}}, effect.CodeConflict)
	l := r.Model.(effect.Learner)
	if n := l.Needs(r.Moment(), "set", obj{"name": "www.example.org", "type": "A"}); len(n) != 0 {
		t.Errorf("a known set needs %v", n)
	}
	need := l.Needs(r.Moment(), "set", obj{"name": "api.example.org", "type": "A", "values": []any{"192.0.2.8"}})
	if err := l.Learn(need[0], obj{"values": []any{"192.0.2.7"}, "ttl": 30.0}); err != nil {
		t.Fatal(err)
	}
	modeltest.Is(t, "learned", r.Must("set", obj{"name": "api.example.org", "values": []any{"192.0.2.8"}})["previous"], []any{"192.0.2.7"})
}

func TestDNSModelRefusesWhatServersRefuse(t *testing.T) {
	r := modeltest.New(t, Module(), obj{
		"records": []any{obj{"name": "www.example.org", "values": []any{"192.0.2.1"}}, obj{"name": "alias.example.org", "type": "CNAME", "values": []any{"WWW.example.org."}}},
		"zones":   obj{"sub.example.org": obj{"negative_ttl": "1h"}},
	})
	r.Fails("set", obj{"name": "www.nosuchzone.example", "values": []any{"192.0.2.7"}}, effect.CodeNotFound, "in no zone", "example.org, sub.example.org")
	r.Fails("set", obj{"name": "www.example.org", "type": "CNAME", "values": []any{"cdn.example.net"}}, effect.CodeConflict, "www.example.org holds A")
	r.Fails("set", obj{"name": "alias.example.org", "values": []any{"192.0.2.7"}}, effect.CodeConflict, "holds CNAME")
	r.Fails("set", obj{"name": "example.org", "type": "CNAME", "values": []any{"cdn.example.net"}}, effect.CodeConflict, "holds NS, SOA")
	if _, err := Module().Ops[1].Check(obj{"name": "bad.example.org", "values": []any{"not-an-address"}}); err == nil {
		t.Error("an A record that is no address passes")
	}
	modeltest.Is(t, "an alias", r.Must("records", obj{"name": "alias.example.org", "type": "CNAME"})["values"], []any{"www.example.org"})
	modeltest.Is(t, "negative", r.Must("records", obj{"name": "none.sub.example.org"})["ttl"], 3600.0)
	r.Must("delete", obj{"name": "alias.example.org", "type": "CNAME"})
	modeltest.Is(t, "a new set", r.Must("set", obj{"name": "alias.example.org", "values": []any{"192.0.2.7"}})["ttl"], 300.0)
}
