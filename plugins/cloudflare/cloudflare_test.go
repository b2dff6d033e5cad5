package cloudflare

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/cloudflare/cloudflaretest"
	"github.com/q-ecosystem/runbook/plugins/internal/recordset"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
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
func TestFailures(t *testing.T)                { subject(t).Failures(t, token) }

// TestIDsAreCompared lets many replace one record: of each round one finds the id
// that it read.
func TestIDsAreCompared(t *testing.T) { subject(t).Swaps(t, true) }

// TestWhatRecordsKeep shows what comes in the place of a record, and what
// Cloudflare keeps to itself.
func TestWhatRecordsKeep(t *testing.T) {
	sub, s := start(t)
	s.Add(kept{Name: "shop.example.org", Type: "A", Content: "192.0.2.1", TTL: automatic, Proxied: true, Comment: "the shop", Tags: []string{"owner:web"}})
	s.Add(kept{Name: "half.example.org", Type: "A", Content: "192.0.2.1", TTL: 300, Proxied: true})
	s.Add(kept{Name: "half.example.org", Type: "A", Content: "192.0.2.2", TTL: 300})
	s.Add(kept{Name: "spf.example.org", Type: "TXT", Content: "v=spf1 -all " + strings.Repeat("x", 300), TTL: 300})
	b := sub.Backend(t, nil)
	got, err := recordsettest.Invoke(t, b, "replace", obj{"name": "shop.example.org", "from": []any{"192.0.2.1"}, "to": []any{"192.0.2.5"}})
	if err != nil || !reflect.DeepEqual(got, obj{"values": []any{"192.0.2.5"}, "ttl": 300.0, "previous": []any{"192.0.2.1"}}) {
		t.Errorf("%v, %v", got, err)
	}
	r := s.Records[slices.IndexFunc(s.Records, func(r kept) bool { return r.Name == "shop.example.org" })]
	if !r.Proxied || r.TTL != automatic || r.Comment != "the shop" || !slices.Equal(r.Tags, []string{"owner:web"}) {
		t.Errorf("it is kept as %+v", r)
	}
	set := func(name string, more obj) *effect.Error {
		args := obj{"name": name, "values": []any{"192.0.2.7"}}
		for k, v := range more {
			args[k] = v
		}
		_, e := recordsettest.Invoke(t, b, "set", args)
		return e
	}
	recordsettest.Fails(t, set("shop.example.org", obj{"ttl": "2m"}), effect.CodeInvalid, "is proxied by Cloudflare, which chooses its time to live")
	recordsettest.Fails(t, set("half.example.org", nil), effect.CodeRefused, "half.example.org A is proxied in part; nothing was sent")
	recordsettest.Fails(t, set("www.example.org", obj{"ttl": "1s"}), effect.CodeInvalid, "keeps no time to live of 1 seconds")
	recordsettest.Fails(t, set("www.example.org", obj{"ttl": "40s"}), effect.CodeRefused, "Must be between 60 and 86,400 seconds, or 1 for Automatic (9021); nothing changed")
	recordsettest.Fails(t, set("example.org", obj{"type": "NS", "values": []any{"ns.example.net"}}), effect.CodeRefused, "are the servers that Cloudflare gave the zone")
	got, err = recordsettest.Invoke(t, b, "records", obj{"name": "spf.example.org", "type": "TXT"})
	if err != nil || !reflect.DeepEqual(got["values"], []any{`"v=spf1 -all ` + strings.Repeat("x", 243) + `" "` + strings.Repeat("x", 57) + `"`}) {
		t.Errorf("%v, %v", got, err)
	}
	s.MayRead = false
	if got, err := recordsettest.Invoke(t, b, "records", obj{"name": "none.example.org"}); err != nil || got["ttl"] != 1800.0 {
		t.Errorf("without the right to read settings: %v, %v", got, err)
	}
}

// TestSomebodyElse changes the zone between the read and the change.
func TestSomebodyElse(t *testing.T) {
	sub, s := start(t)
	keeper, err := open(obj{"url": sub.Config["url"], "api_token": token, "timeout": 5.0})
	if err != nil {
		t.Fatal(err)
	}
	z, e := keeper.Find(t.Context(), "example.org", true)
	if e != nil {
		t.Fatal(e)
	}
	for what, meanwhile := range map[string]func(){
		"a record went": func() {
			s.Records = slices.DeleteFunc(s.Records, func(r kept) bool { return r.Content == "192.0.2.1" })
		},
		"the new record is there": func() { s.Add(kept{Name: "www.example.org", Type: "A", Content: "192.0.2.9", TTL: 60}) },
	} {
		s.Records = slices.DeleteFunc(s.Records, func(r kept) bool { return r.Name == "www.example.org" })
		s.Add(kept{Name: "www.example.org", Type: "A", Content: "192.0.2.1", TTL: 60})
		before, e := keeper.Look(t.Context(), z, "www.example.org", "A", false)
		if e != nil {
			t.Fatal(e)
		}
		meanwhile()
		if done, e := keeper.Change(t.Context(), z, before, &recordset.Set{Name: "www.example.org", Kind: "A", Values: []string{"192.0.2.9"}, TTL: 60}); done || e != nil {
			t.Errorf("%s: done %t, %v", what, done, e)
		}
	}
}

// TestZoneIDs needs no list of zones.
func TestZoneIDs(t *testing.T) {
	sub, s := start(t)
	b := sub.Backend(t, obj{"zone_ids": obj{"example.org": cloudflaretest.ZoneID}})
	if _, e := recordsettest.Invoke(t, b, "set", obj{"name": "www.example.org", "values": []any{"192.0.2.7"}}); e != nil {
		t.Error(e)
	}
	if err := b.Health(t.Context()); err != nil {
		t.Error(err)
	}
	if slices.Contains(s.Requests, "GET /client/v4/zones") {
		t.Errorf("zones were listed: %v", s.Requests)
	}
	_, e := recordsettest.Invoke(t, sub.Backend(t, obj{"zone_ids": obj{"example.org": "no-such-id"}}), "records", obj{"name": "www.example.org"})
	recordsettest.Fails(t, e, effect.CodeNotFound, "has no zone example.org with the ID no-such-id")
}
