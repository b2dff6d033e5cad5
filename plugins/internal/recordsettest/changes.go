package recordsettest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// Changes reads and changes sets one by one, refusals among them, and looks at
// them as another client does.
func (s Subject) Changes(t *testing.T) {
	b, name := s.Backend(t, nil), s.name()
	www := func(more obj) obj {
		out := obj{"name": "WWW.example.org."}
		for k, v := range more {
			out[k] = v
		}
		return out
	}
	sees := func(name, kind, want string) {
		t.Helper()
		if is := s.See(t, name, kind); is != want {
			t.Errorf("%s %s is %s, want %s", name, kind, is, want)
		}
	}
	old := []any{"192.0.2.1", "192.0.2.2"}
	got, err := Invoke(t, b, "records", www(nil))
	if err != nil || !reflect.DeepEqual(got, obj{"values": old, "ttl": 60.0}) {
		t.Fatalf("%v, %v", got, err)
	}
	if got, err := Invoke(t, b, "records", obj{"name": "none.example.org"}); err != nil || !reflect.DeepEqual(got, obj{"values": []any{}, "ttl": s.Negative}) {
		t.Errorf("none: %v, %v", got, err)
	}
	if got, err := Invoke(t, b, "records", obj{"name": "text.example.org", "type": "TXT"}); err != nil || !reflect.DeepEqual(got["values"], []any{`"v=spf1 -all" "second \"part\""`}) {
		t.Errorf("text: %v, %v", got, err)
	}
	_, err = Invoke(t, b, "replace", www(obj{"from": []any{"192.0.2.1"}, "to": []any{"192.0.2.9"}}))
	Fails(t, err, effect.CodeConflict, "www.example.org A holds 192.0.2.1, 192.0.2.2, expected was 192.0.2.1; nothing changed")
	got, err = Invoke(t, b, "replace", www(obj{"from": old, "to": []any{"192.0.2.9"}, "ttl": "90s"}))
	if err != nil || !reflect.DeepEqual(got, obj{"values": []any{"192.0.2.9"}, "ttl": 90.0, "previous": old}) {
		t.Errorf("replace: %v, %v", got, err)
	}
	sees("www.example.org", "A", "90 192.0.2.9")
	got, err = Invoke(t, b, "set", www(obj{"values": []any{"192.0.2.5", "192.0.2.4", "192.0.2.5"}}))
	if err != nil || !reflect.DeepEqual(got, obj{"values": []any{"192.0.2.4", "192.0.2.5"}, "ttl": 90.0, "previous": []any{"192.0.2.9"}}) {
		t.Errorf("set: %v, %v", got, err)
	}
	sees("www.example.org", "A", "90 192.0.2.4, 192.0.2.5")
	if got, err := Invoke(t, b, "set", www(obj{"values": []any{"192.0.2.4", "192.0.2.5"}, "ttl": "2m"})); err != nil || got["ttl"] != 120.0 {
		t.Errorf("only the time to live: %v, %v", got, err)
	}
	sees("www.example.org", "A", "120 192.0.2.4, 192.0.2.5")
	if got, err = Invoke(t, b, "set", obj{"name": "t.example.org", "type": "TXT", "values": []any{`"a \"b\" ü"`, "plain"}}); err != nil || got["ttl"] != 300.0 {
		t.Errorf("set TXT: %v, %v", got, err)
	}
	sees("t.example.org", "TXT", `300 "a \"b\" \195\188", "plain"`)
	// What stands beside something else.
	_, err = Invoke(t, b, "set", obj{"name": "www.example.org", "type": "CNAME", "values": []any{"cdn.example.net"}})
	Fails(t, err, effect.CodeConflict, "www.example.org holds A, beside which no CNAME can stand")
	_, err = Invoke(t, b, "set", obj{"name": "alias.example.org", "values": []any{"192.0.2.7"}})
	Fails(t, err, effect.CodeConflict, "alias.example.org holds CNAME")
	_, err = Invoke(t, b, "set", obj{"name": "example.org", "type": "CNAME", "values": []any{"cdn.example.net"}})
	Fails(t, err, effect.CodeConflict, "example.org holds NS, SOA")
	_, err = Invoke(t, b, "delete", obj{"name": "example.org", "type": "NS"})
	Fails(t, err, effect.CodeRefused, "are the servers of the zone itself, ns1.example.org, ns2.example.org")
	// What is elsewhere.
	_, err = Invoke(t, b, "set", obj{"name": "www.nosuchzone.example", "values": []any{"192.0.2.7"}})
	Fails(t, err, effect.CodeNotFound, "www.nosuchzone.example is in no zone that ")
	_, err = Invoke(t, b, "set", obj{"name": "www.example.org", "zone": "sub.example.org", "values": []any{"192.0.2.7"}})
	Fails(t, err, effect.CodeNotFound, "is not in the zone sub.example.org")
	_, err = Invoke(t, b, "set", obj{"name": "a.sub.example.org", "zone": "sub.example.org", "values": []any{"192.0.2.7"}})
	Fails(t, err, effect.CodeNotFound, "the zone sub.example.org is none")
	_, err = Invoke(t, s.Backend(t, obj{"zones": []any{"example.net"}}), "records", www(nil))
	Fails(t, err, effect.CodeNotFound, "none that the configuration of "+name+" allows")
	pr, perr := b.Preview(t.Context(), Request(t, "replace", www(obj{"from": []any{"192.0.2.4", "192.0.2.5"}, "to": []any{"192.0.2.1"}})))
	if perr != nil || pr != (effect.Prediction{Target: "www.example.org A", From: "192.0.2.4, 192.0.2.5", To: "192.0.2.1"}) {
		t.Errorf("%+v, %v", pr, perr)
	}
	// The zone that the configuration names is looked at.
	if err := s.Backend(t, obj{"zones": []any{"example.org"}}).Health(t.Context()); err != nil {
		t.Errorf("health: %v", err)
	}
	if err := s.Backend(t, obj{"zones": []any{"example.net"}}).Health(t.Context()); err == nil {
		t.Error("a zone that is not there is healthy")
	}
}

// Swaps lets many swap one set at once: of each round one wins. Where the system
// compares, they know nothing of each other; otherwise one backend does it all.
func (s Subject) Swaps(t *testing.T, compares bool) {
	b := s.Backend(t, nil)
	from := []any{"192.0.2.1", "192.0.2.2"}
	for round := range 5 {
		var mu sync.Mutex
		won := []string{}
		var wg sync.WaitGroup
		for i := range 8 {
			to := fmt.Sprintf("198.51.%d.%d", round, i)
			if compares {
				b = s.Backend(t, nil)
			}
			mine := b
			wg.Go(func() {
				_, err := Invoke(t, mine, "replace", obj{"name": "www.example.org", "from": from, "to": []any{to}})
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

// Failures are of services that are gone, slow, refuse, or are something else;
// secret is never told. The configuration has the address under "url".
func (s Subject) Failures(t *testing.T, secret string) {
	args := obj{"name": "www.example.org", "values": []any{"192.0.2.7"}}
	set := func(more obj) *effect.Error {
		_, e := Invoke(t, s.Backend(t, more), "set", args)
		return e
	}
	gone := "http://" + plugintest.FreeAddress(t)
	Fails(t, set(obj{"url": gone}), effect.CodeUnavailable, gone, secret)
	answers := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	hang := make(chan struct{})
	slow := answers(func(http.ResponseWriter, *http.Request) { <-hang })
	Fails(t, set(obj{"url": slow, "timeout": "100ms"}), effect.CodeTimeout, slow, secret)
	close(hang)
	page := answers(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "<html>It works! %s</html>", secret)
	})
	Fails(t, set(obj{"url": page}), effect.CodeFailed, "not as its API does", secret)
	for status, code := range map[int]effect.Code{401: effect.CodeRefused, 403: effect.CodeRefused, 429: effect.CodeUnavailable, 503: effect.CodeUnavailable, 302: effect.CodeRefused} {
		url := answers(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://192.0.2.1/")
			http.Error(w, "you sent "+secret+" by "+r.Method, status)
		})
		Fails(t, set(obj{"url": url}), code, fmt.Sprintf("answered %d", status), secret)
	}
	if is := s.See(t, "www.example.org", "A"); is != "60 192.0.2.1, 192.0.2.2" {
		t.Errorf("it was changed: %s", is)
	}
}
