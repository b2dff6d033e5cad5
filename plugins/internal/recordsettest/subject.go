// Package recordsettest holds backends of dns to the same: whoever keeps the
// records, a runbook sees no difference. Each has the zone that Zone and Sets
// describe when a test begins.
package recordsettest

import (
	"reflect"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
	"github.com/q-ecosystem/runbook/stdlib"
)

type obj = map[string]any

// Zone is the zone that a subject has. How long resolvers keep that there is no
// such record in it is the subject's Negative.
const Zone = "example.org"

// Sets are what is in the zone in the beginning, beside its SOA and two NS
// records; values as in a zone file.
func Sets() []recordset.Set {
	return []recordset.Set{
		{Name: "ns1.example.org", Kind: "A", TTL: 300, Values: []string{"127.0.0.1"}},
		{Name: "ns2.example.org", Kind: "A", TTL: 300, Values: []string{"127.0.0.1"}},
		{Name: "www.example.org", Kind: "A", TTL: 60, Values: []string{"192.0.2.1", "192.0.2.2"}},
		{Name: "alias.example.org", Kind: "CNAME", TTL: 300, Values: []string{"www.example.org"}},
		{Name: "text.example.org", Kind: "TXT", TTL: 300, Values: []string{`"v=spf1 -all" "second \"part\""`}},
	}
}

// Subject is a backend, and a system that begins as Zone and Sets say.
type Subject struct {
	System   plugintest.System
	Fresh    func() *recordset.Backend
	Config   obj     // what leads to the system
	Negative float64 // seconds for which resolvers keep that there is no such record
	// Asked says that "authoritative" can be asked: the system serves DNS.
	Asked bool
	// See returns a set as another client has it: "60 192.0.2.1, 192.0.2.2";
	// "nothing".
	See func(t *testing.T, name, kind string) string
}

// Backend returns one that is configured; more stands in the place of what
// Config says.
func (s Subject) Backend(t testing.TB, more obj) *recordset.Backend {
	t.Helper()
	return plugintest.Configured(t, s.Fresh(), s.config(more))
}

func (s Subject) config(more obj) obj {
	c := obj{}
	for _, from := range []obj{s.Config, more} {
		for k, v := range from {
			c[k] = v
		}
	}
	return c
}

func (s Subject) name() string { return s.Fresh().Describe().Name }

// Request makes a request as the engine does.
func Request(t testing.TB, op string, args obj) plugins.Request {
	t.Helper()
	contract, _ := stdlib.Contract("dns")
	return plugintest.Request(t, contract, op, "key", args)
}

// Invoke carries an op out.
func Invoke(t testing.TB, b plugins.Backend, op string, args obj) (obj, *effect.Error) {
	t.Helper()
	v, err := b.Invoke(t.Context(), Request(t, op, args))
	m, _ := v.(obj)
	return m, effect.AsError(err)
}

// Fails checks an error, which has to say what to do, and none of the secrets.
func Fails(t testing.TB, e *effect.Error, code effect.Code, says string, secrets ...string) {
	t.Helper()
	if e == nil || e.Code != code || !strings.Contains(e.Message+" | "+e.Hint, says) || e.Hint == "" {
		t.Errorf("got %v, want %s, %q", e, code, says)
	}
	for _, secret := range secrets {
		if e != nil && strings.Contains(e.Message+e.Hint, secret) {
			t.Errorf("a secret is shown: %v", e)
		}
	}
}

// Conformance runs the suite of all backends.
func (s Subject) Conformance(t *testing.T) {
	reads := []plugins.Request{
		{Op: "records", Args: obj{"name": "www.example.org"}},
		{Op: "records", Args: obj{"name": "none.example.org"}},
	}
	if s.Asked {
		reads = append(reads, plugins.Request{Op: "records", Args: obj{"name": "text.example.org", "type": "TXT", "resolver": "authoritative"}})
	}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return s.Fresh() }, plugintest.Cases{
		System: s.System,
		Config: s.Config,
		Reads:  reads,
		Writes: []plugins.Request{
			{Op: "delete", Args: obj{"name": "alias.example.org", "type": "CNAME"}},
			{Op: "replace", Args: obj{"name": "www.example.org", "from": []any{"192.0.2.2", "192.0.2.1"}, "to": []any{"192.0.2.3"}}},
			{Op: "delete", Args: obj{"name": "www.example.org", "values": []any{"192.0.2.3"}}},
			{Op: "set", Args: obj{"name": "new.example.org", "type": "MX", "values": []any{"10 mail.example.net."}, "ttl": "1h"}},
		},
	})
}

// Observe holds what is observed against what is there.
func (s Subject) Observe(t *testing.T) {
	b := s.Backend(t, nil)
	old, to := []any{"192.0.2.1", "192.0.2.2"}, []any{"192.0.2.7"}
	for _, c := range []struct {
		op    string
		args  obj
		state effect.Observed
		value any
	}{
		{"set", obj{"values": to}, effect.NotApplied, nil},
		{"set", obj{"values": old}, effect.Applied, obj{"values": old, "ttl": 60.0}},
		{"set", obj{"values": old, "ttl": "2m"}, effect.NotApplied, nil},
		{"replace", obj{"from": old, "to": to}, effect.NotApplied, nil},
		{"replace", obj{"from": to, "to": old}, effect.Applied, obj{"values": old, "ttl": 60.0, "previous": to}},
		{"replace", obj{"from": to, "to": []any{"192.0.2.8"}}, effect.Uncertain, nil},
		{"delete", obj{}, effect.NotApplied, nil},
		{"delete", obj{"values": to}, effect.Uncertain, nil},
		{"delete", obj{"name": "none.example.org", "values": to}, effect.Applied, obj{"previous": to}},
	} {
		if c.args["name"] == nil {
			c.args["name"] = "www.example.org"
		}
		seen, err := b.Observe(t.Context(), Request(t, c.op, c.args))
		if err != nil || !reflect.DeepEqual(seen, plugins.Observation{State: c.state, Value: c.value}) {
			t.Errorf("%s %v: %+v, %v; want %s, %v", c.op, c.args, seen, err, c.state, c.value)
		}
	}
}
