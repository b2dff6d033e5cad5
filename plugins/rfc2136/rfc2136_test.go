package rfc2136

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestKeys shows keys that the server does not take.
func TestKeys(t *testing.T) { primaries(t, checkKeys) }

func checkKeys(t *testing.T, p *server) {
	// Knot takes a key only for zones that have it in their acl, for reads too; for
	// a name in no zone it does not look at the key.
	knot := p.system.Name == "Knot"
	mayNotChange := "does not let us change www.example.org A: REFUSED"
	if knot {
		mayNotChange = "refuses to answer for www.example.org SOA: NOTAUTH, BADKEY: it knows no such key, or takes it for no change of this zone"
	}
	args := obj{"name": "www.example.org", "values": []any{"192.0.2.7"}}
	for says, key := range map[string]obj{
		mayNotChange:             {"name": "reader", "secret": secret},
		"BADKEY":                 {"name": "nobody", "secret": secret},
		"BADSIG":                 {"name": "runbook", "secret": "YW5vdGhlciBrZXksIGFub3RoZXIga2V5LCBhbm90aGVy"},
		"does not let us change": nil,
	} {
		more := obj{"key": key}
		if key == nil {
			more = obj{"key": nil}
		}
		_, err := invoke(t, backend(t, p.addr, more), "set", args)
		fails(t, err, effect.CodeRefused, says)
	}
	for name, good := range map[string]bool{"runbook": true, "nobody": false} {
		for _, zones := range [][]any{nil, {"example.org"}} {
			more := obj{"key": obj{"name": name, "secret": secret}}
			if zones != nil {
				more["zones"] = zones
			}
			if err := backend(t, p.addr, more).Health(t.Context()); (err == nil) != (good || knot && zones == nil) {
				t.Errorf("health with the key %s and zones %v: %v", name, zones, err)
			}
		}
	}
	if err := backend(t, p.addr, obj{"zones": []any{"example.net"}}).Health(t.Context()); err == nil {
		t.Error("a zone that is not there is healthy")
	}
	if is := recordsettest.Dig(t, p.addr, "www.example.org", "A"); strings.Contains(is, "192.0.2.7") {
		t.Errorf("it was changed: %s", is)
	}
	if _, err := effect.CheckFields(New().Describe().Config, nil, obj{"server": "x", "key": obj{"name": "a"}}); err == nil {
		t.Error("a key without a secret passes")
	}
	if err := New().Configure(t.Context(), obj{"server": "x", "key": obj{"name": "a", "secret": "?"}}); err == nil || !strings.Contains(err.Error(), "no base64") {
		t.Errorf("a secret that is none: %v", err)
	}
}

// TestSeveralServers moves a record and asks secondaries and resolvers.
func TestSeveralServers(t *testing.T) {
	second := plugintest.FreeAddress(t)
	p := startPrimary(t, second)
	host, port, _ := net.SplitHostPort(p.addr)
	secondHost, secondPort, _ := net.SplitHostPort(second)
	_ = secondHost
	s := startBindAt(t, second, fmt.Sprintf(`zone "example.org" { type secondary; primaries { %s port %s; }; file "second.zone"; };`, host, port))
	resolver := startBind(t, fmt.Sprintf(`zone "example.org" { type forward; forward only; forwarders { %s port %s; }; };`, host, port))
	_ = secondPort
	b := backend(t, p.addr, obj{"servers": []any{s.addr}, "resolvers": obj{"office": resolver.addr}})
	read := func(resolver string) string {
		got, err := invoke(t, b, "records", obj{"name": "www.example.org", "resolver": resolver})
		if err != nil {
			return err.Message
		}
		return fmt.Sprint(got["values"])
	}
	until := func(resolver, want string) {
		t.Helper()
		for deadline := time.Now().Add(plugintest.Patience); !strings.Contains(read(resolver), want); time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s sees %s, not %s", resolver, read(resolver), want)
			}
		}
	}
	until("authoritative", "[192.0.2.1 192.0.2.2]")
	until("office", "[192.0.2.1 192.0.2.2]") // which keeps it for 60 seconds
	if got, err := invoke(t, b, "records", obj{"name": "www.example.org", "resolver": resolver.addr}); err != nil || got["ttl"].(float64) > 60 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := invoke(t, b, "set", obj{"name": "www.example.org", "values": []any{"198.51.100.1"}, "ttl": "1s"}); err != nil {
		t.Fatal(err)
	}
	until("authoritative", "[198.51.100.1]")
	if is := read("office"); is != "[192.0.2.1 192.0.2.2]" {
		t.Errorf("the resolver sees %s at once", is)
	}
	s.stop()
	if _, err := invoke(t, b, "set", obj{"name": "www.example.org", "values": []any{"198.51.100.2"}}); err != nil {
		t.Errorf("a change while a secondary is down: %v", err)
	}
	if is := read("authoritative"); !strings.Contains(is, "the server "+second+" was asked for www.example.org A and did not answer") {
		t.Errorf("without the secondary: %s", is)
	}
}

// TestLostAnswers breaks the way to the server before and after it was told.
func TestLostAnswers(t *testing.T) {
	p := startPrimary(t)
	args := obj{"name": "www.example.org", "values": []any{"192.0.2.7"}}
	gone := plugintest.FreeAddress(t)
	_, err := invoke(t, backend(t, gone, nil), "set", args)
	fails(t, err, effect.CodeUnavailable, "the primary "+gone)
	silent, lerr := net.Listen("tcp", "127.0.0.1:0")
	if lerr != nil {
		t.Fatal(lerr)
	}
	defer silent.Close()
	_, err = invoke(t, backend(t, silent.Addr().String(), obj{"timeout": "100ms"}), "set", args)
	fails(t, err, effect.CodeUnavailable, "did not answer")

	for _, c := range []struct {
		at    plugintest.At
		state effect.Observed
	}{{plugintest.After, effect.Applied}, {plugintest.Before, effect.NotApplied}} {
		way, _ := cutUpdates(t, p.addr, c.at, false)
		b := backend(t, way, obj{"timeout": "500ms"})
		args := obj{"name": fmt.Sprintf("lost-%s.example.org", c.at), "values": []any{"192.0.2.7"}}
		_, err := invoke(t, b, "set", args)
		fails(t, err, effect.CodeUnknown, "it is not known whether it did")
		seen, oerr := b.Observe(t.Context(), recordsettest.Request(t, "set", args))
		if oerr != nil || seen.State != c.state {
			t.Errorf("cut %s it arrives: observed %+v, %v", c.at, seen, oerr)
		}
	}
}

// TestNobodyIsThere names what a server was asked for that does not answer: without zones
// in the configuration, the root.
func TestNobodyIsThere(t *testing.T) {
	server := plugintest.FreeAddress(t)
	for zone, what := range map[string]string{"": ". SOA", "example.org": "example.org SOA"} {
		more := obj{}
		if zone != "" {
			more["zones"] = []any{zone}
		}
		err := effect.AsError(backend(t, server, more).Health(t.Context()))
		fails(t, err, effect.CodeUnavailable, "the primary "+server+" was asked for "+what+" and did not answer")
	}
}
