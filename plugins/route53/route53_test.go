package route53

import (
	"reflect"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/route53/route53test"
)

func subject(t *testing.T) recordsettest.Subject {
	s, _ := start(t)
	return s
}

func TestConformance(t *testing.T)             { subject(t).Conformance(t) }
func TestModelDoesWhatTheAPIDoes(t *testing.T) { subject(t).Walk(t) }
func TestChanges(t *testing.T)                 { subject(t).Changes(t) }
func TestObserve(t *testing.T)                 { subject(t).Observe(t) }
func TestCrashes(t *testing.T)                 { subject(t).Crashes(t) }
func TestFailures(t *testing.T)                { subject(t).Failures(t, secret) }

// TestDeletionsAreCompared lets many swap one set: of each round one wins.
func TestDeletionsAreCompared(t *testing.T) { subject(t).Swaps(t, true) }

// TestSomebodyElse changes the zone between the read and the change.
func TestSomebodyElse(t *testing.T) {
	sub, s := start(t)
	k, z := keeper(t, sub)
	for what, meanwhile := range map[string][]set{
		"other values":     {{Name: "www.example.org.", Type: "A", TTL: 60, Values: values("192.0.2.8")}},
		"another TTL":      {{Name: "www.example.org.", Type: "A", TTL: 61, Values: values("192.0.2.1")}},
		"it went":          nil,
		"a CNAME is there": {{Name: "www.example.org.", Type: "CNAME", TTL: 60, Values: values("cdn.example.net.")}},
	} {
		s.Sets = append(s.Sets[:2:2], set{Name: "www.example.org.", Type: "A", TTL: 60, Values: values("192.0.2.1")})
		before, e := k.Look(t.Context(), z, "www.example.org", "A", false)
		if e != nil {
			t.Fatal(e)
		}
		s.Sets = append(s.Sets[:2:2], meanwhile...)
		if done, e := k.Change(t.Context(), z, before, &recordset.Set{Name: "www.example.org", Kind: "A", Values: []string{"192.0.2.9"}, TTL: 60}); done || e != nil {
			t.Errorf("%s: done %t, %v", what, done, e)
		}
		if !reflect.DeepEqual(s.Sets[2:], append([]set{}, meanwhile...)) {
			t.Errorf("%s: it is %v", what, s.Sets[2:])
		}
	}
}

// TestWhatIsNoPlainSet shows aliases, routing policies and servers of the zone.
func TestWhatIsNoPlainSet(t *testing.T) {
	sub, s := start(t)
	weight := 10
	s.Sets = append(s.Sets,
		set{Name: "lb.example.org.", Type: "A", Alias: &alias{ZoneID: "Z2", DNSName: "lb-1.elb.amazonaws.com.", Health: true}},
		set{Name: "split.example.org.", Type: "A", ID: "blue", Weight: &weight, TTL: 60, Values: values("192.0.2.1")})
	b := sub.Backend(t, nil)
	for name, says := range map[string]string{"lb.example.org": "lb.example.org A is an alias of lb-1.elb.amazonaws.com, for which", "split.example.org": "has a routing policy"} {
		for op, args := range map[string]obj{"records": {}, "set": {"values": []any{"192.0.2.7"}}, "delete": {}} {
			args["name"] = name
			_, e := recordsettest.Invoke(t, b, op, args)
			recordsettest.Fails(t, e, effect.CodeUnsupported, says)
		}
	}
	got, e := recordsettest.Invoke(t, b, "set", obj{"name": "example.org", "type": "NS", "values": []any{"ns1.example.org", "ns3.example.net"}})
	if e != nil || !reflect.DeepEqual(got["values"], []any{"ns1.example.org", "ns3.example.net"}) {
		t.Errorf("%v, %v", got, e)
	}
	s.Page = 1 // a name's sets on several pages
	_, e = recordsettest.Invoke(t, b, "set", obj{"name": "example.org", "type": "CNAME", "values": []any{"cdn.example.net"}})
	recordsettest.Fails(t, e, effect.CodeConflict, "example.org holds NS, SOA")
}

// TestKeysAndZones shows wrong keys, missing rights, and zones of one name.
func TestKeysAndZones(t *testing.T) {
	sub, s := start(t)
	read := func(more obj) *effect.Error {
		_, e := recordsettest.Invoke(t, sub.Backend(t, more), "records", obj{"name": "www.example.org"})
		return e
	}
	recordsettest.Fails(t, read(obj{"access_key_id": "AKIDOTHER"}), effect.CodeRefused, "answered 403 Forbidden InvalidClientTokenId", secret)
	recordsettest.Fails(t, read(obj{"secret_access_key": "wr0ng"}), effect.CodeRefused, "answered 403 Forbidden SignatureDoesNotMatch", "wr0ng")
	recordsettest.Fails(t, read(obj{"zone_ids": obj{"example.org": "ZOTHER"}}), effect.CodeNotFound, "NoSuchHostedZone")
	s.Zones = append(s.Zones, "ZSECOND")
	recordsettest.Fails(t, read(nil), effect.CodeConflict, "has 2 hosted zones called example.org: "+route53test.ZoneID+", ZSECOND")
	if e := read(obj{"zone_ids": obj{"example.org": route53test.ZoneID}}); e != nil {
		t.Error(e)
	}
	s.Denied = true
	recordsettest.Fails(t, read(nil), effect.CodeRefused, "AccessDenied: User: arn:aws:iam::1:user/x is not authorized")
	if err := sub.Backend(t, obj{"zone_ids": obj{"example.org": route53test.ZoneID}}).Health(t.Context()); err == nil {
		t.Error("it is healthy without any right")
	}
}
