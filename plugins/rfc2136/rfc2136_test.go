package rfc2136

import (
	"fmt"
	"net"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// dig asks a server as a person would.
func dig(t *testing.T, addr, name, kind string) string {
	t.Helper()
	bin, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("dig is not installed: apt-get install bind9-dnsutils")
	}
	host, port, _ := net.SplitHostPort(addr)
	out, err := exec.Command(bin, "@"+host, "-p", port, "+noall", "+answer", name, kind).Output()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n") {
		lines = append(lines, strings.Join(strings.Fields(line)[min(1, len(strings.Fields(line))):], " "))
	}
	return strings.Join(lines, "; ")
}

func TestChanges(t *testing.T) { primaries(t, checkChanges) }

func checkChanges(t *testing.T, p *server) {
	b := backend(t, p.addr, nil)
	www := func(more obj) obj {
		out := obj{"name": "WWW.example.org."}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	old := []any{"192.0.2.1", "192.0.2.2"}
	got, err := invoke(t, b, "records", www(nil))
	if err != nil || !reflect.DeepEqual(got, obj{"values": old, "ttl": 60.0}) {
		t.Fatalf("%v, %v", got, err)
	}
	if got, err := invoke(t, b, "records", obj{"name": "none.example.org"}); err != nil || !reflect.DeepEqual(got, obj{"values": []any{}, "ttl": 120.0}) {
		t.Errorf("none: %v, %v", got, err)
	}
	if got, err := invoke(t, b, "records", obj{"name": "text.example.org", "type": "TXT"}); err != nil || !reflect.DeepEqual(got["values"], []any{`"v=spf1 -all" "second \"part\""`}) {
		t.Errorf("text: %v, %v", got, err)
	}
	_, err = invoke(t, b, "replace", www(obj{"from": []any{"192.0.2.1"}, "to": []any{"192.0.2.9"}}))
	fails(t, err, effect.CodeConflict, "www.example.org A holds 192.0.2.1, 192.0.2.2, expected was 192.0.2.1; nothing changed")
	got, err = invoke(t, b, "replace", www(obj{"from": old, "to": []any{"192.0.2.9"}, "ttl": "30s"}))
	if err != nil || !reflect.DeepEqual(got, obj{"values": []any{"192.0.2.9"}, "ttl": 30.0, "previous": old}) {
		t.Errorf("replace: %v, %v", got, err)
	}
	if is := dig(t, p.addr, "www.example.org", "A"); is != "30 IN A 192.0.2.9" {
		t.Errorf("dig says %s", is)
	}
	got, err = invoke(t, b, "set", www(obj{"values": []any{"192.0.2.5", "192.0.2.4", "192.0.2.5"}}))
	if err != nil || !reflect.DeepEqual(got, obj{"values": []any{"192.0.2.4", "192.0.2.5"}, "ttl": 30.0, "previous": []any{"192.0.2.9"}}) {
		t.Errorf("set: %v, %v", got, err)
	}
	got, err = invoke(t, b, "set", obj{"name": "t.example.org", "type": "TXT", "values": []any{`"a \"b\" ü"`, "plain"}})
	if err != nil || got["ttl"] != 300.0 {
		t.Errorf("set TXT: %v, %v", got, err)
	}
	if is := dig(t, p.addr, "t.example.org", "TXT"); !strings.Contains(is, `"a \"b\" \195\188"`) || !strings.Contains(is, `"plain"`) {
		t.Errorf("dig says %s", is)
	}
	// What servers pass over in silence.
	_, err = invoke(t, b, "set", obj{"name": "www.example.org", "type": "CNAME", "values": []any{"cdn.example.net"}})
	fails(t, err, effect.CodeConflict, "www.example.org holds A, beside which no CNAME can stand")
	_, err = invoke(t, b, "set", obj{"name": "alias.example.org", "values": []any{"192.0.2.7"}})
	fails(t, err, effect.CodeConflict, "alias.example.org holds CNAME")
	_, err = invoke(t, b, "set", obj{"name": "example.org", "type": "CNAME", "values": []any{"cdn.example.net"}})
	fails(t, err, effect.CodeConflict, "example.org holds NS, SOA")
	_, err = invoke(t, b, "delete", obj{"name": "example.org", "type": "NS"})
	fails(t, err, effect.CodeRefused, "holds ns1.example.org, ns2.example.org as before")
	// What is elsewhere.
	_, err = invoke(t, b, "set", obj{"name": "www.nosuchzone.example", "values": []any{"192.0.2.7"}})
	fails(t, err, effect.CodeNotFound, "www.nosuchzone.example is in no zone that the primary "+p.addr+" has authority for")
	_, err = invoke(t, b, "set", obj{"name": "www.example.org", "zone": "sub.example.org", "values": []any{"192.0.2.7"}})
	fails(t, err, effect.CodeNotFound, "is not in the zone sub.example.org")
	_, err = invoke(t, b, "set", obj{"name": "a.sub.example.org", "zone": "sub.example.org", "values": []any{"192.0.2.7"}})
	fails(t, err, effect.CodeNotFound, "the zone sub.example.org is none")
	_, err = invoke(t, b, "records", obj{"name": "x.child.example.org"})
	fails(t, err, effect.CodeNotFound, "no zone that the primary")
	_, err = invoke(t, backend(t, p.addr, obj{"zones": []any{"example.net"}}), "records", www(nil))
	fails(t, err, effect.CodeNotFound, "none that the configuration of rfc2136 allows")
	pr, perr := b.Preview(t.Context(), request(t, "replace", www(obj{"from": []any{"192.0.2.4", "192.0.2.5"}, "to": []any{"192.0.2.1"}})))
	if perr != nil || pr != (effect.Prediction{Target: "www.example.org A", From: "192.0.2.4, 192.0.2.5", To: "192.0.2.1"}) {
		t.Errorf("%+v, %v", pr, perr)
	}
}

// TestTheServerCompares lets many swap one set: of each round one wins.
func TestTheServerCompares(t *testing.T) { primaries(t, checkTheServerCompares) }

func checkTheServerCompares(t *testing.T, p *server) {
	b := backend(t, p.addr, nil)
	from := []any{"192.0.2.1", "192.0.2.2"}
	for round := range 5 {
		var mu sync.Mutex
		won := []string{}
		var wg sync.WaitGroup
		for i := range 8 {
			to := fmt.Sprintf("198.51.%d.%d", round, i)
			wg.Go(func() {
				_, err := invoke(t, b, "replace", obj{"name": "www.example.org", "from": from, "to": []any{to}})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, to)
				} else if err.Code != effect.CodeConflict {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d was won by %v", round, won)
		}
		from = []any{won[0]}
	}
}

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
	if is := dig(t, p.addr, "www.example.org", "A"); strings.Contains(is, "192.0.2.7") {
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
		pass  bool // whether the update reaches the server
		state effect.Observed
	}{{true, effect.Applied}, {false, effect.NotApplied}} {
		way := cutUpdates(t, p.addr, c.pass)
		b := backend(t, way, obj{"timeout": "500ms"})
		args := obj{"name": fmt.Sprintf("lost-%t.example.org", c.pass), "values": []any{"192.0.2.7"}}
		_, err := invoke(t, b, "set", args)
		fails(t, err, effect.CodeUnknown, "it is not known whether it did")
		seen, oerr := b.Observe(t.Context(), request(t, "set", args))
		if oerr != nil || seen.State != c.state {
			t.Errorf("passed %t: observed %+v, %v", c.pass, seen, oerr)
		}
	}
}

// TestObserve holds what is observed against what the server holds.
func TestObserve(t *testing.T) {
	p := startPrimary(t)
	b := backend(t, p.addr, nil)
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
		seen, err := b.Observe(t.Context(), request(t, c.op, c.args))
		if err != nil || !reflect.DeepEqual(seen, plugins.Observation{State: c.state, Value: c.value}) {
			t.Errorf("%s %v: %+v, %v; want %s, %v", c.op, c.args, seen, err, c.state, c.value)
		}
	}
}
