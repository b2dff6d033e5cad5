package pagerduty

import (
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
)

// TestEvent looks at what PagerDuty is told.
func TestEvent(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	b := backend(t, config(sink.URL))
	long := strings.Repeat("é", 1500)
	if _, err := invoke(t, b, "k1", "page", obj{"to": "on-call", "text": "p99 is high", "severity": "warning",
		"details": obj{"dashboard": "https://grafana.example.org/d/1", "host": "web1"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := invoke(t, b, "k2", "page", obj{"to": "on-call", "text": long}); err != nil {
		t.Fatal(err)
	}
	events := sink.Events()
	want := obj{"routing_key": onCall.RoutingKey, "event_action": "trigger", "dedup_key": "k1", "client": "runbook",
		"links": []any{obj{"href": "https://grafana.example.org/d/1", "text": "dashboard"}},
		"payload": obj{"summary": "p99 is high", "source": "runbook", "severity": "warning",
			"custom_details": obj{"run": "run", "dashboard": "https://grafana.example.org/d/1", "host": "web1"}}}
	if !reflect.DeepEqual(events[0], want) {
		t.Errorf("got  %v\nwant %v", events[0], want)
	}
	payload := events[1]["payload"].(obj)
	if s := []rune(payload["summary"].(string)); len(s) != 1024 || payload["custom_details"].(obj)["text"] != long {
		t.Errorf("a long text: %d characters, and the whole beside it is %v", len(s), payload["custom_details"].(obj)["text"] == long)
	}
	_, err := invoke(t, b, "k3", "page", obj{"to": "on-call", "text": "x", "key": strings.Repeat("k", 256)})
	if err == nil || err.Code != effect.CodeInvalid {
		t.Errorf("a long key: %v", err)
	}
	_, err = invoke(t, b, "k3", "page", obj{"to": "on-cal", "text": "x"})
	if err == nil || err.Code != effect.CodeNotFound || !strings.Contains(err.Hint, `"on-call"`) {
		t.Errorf("an unknown service: %v", err)
	}
}

// TestAgain repeats a page whose answer was lost, in the ways that there are.
func TestAgain(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	var lose atomic.Bool
	lose.Store(true)
	sink.After = func(w http.ResponseWriter, r *http.Request) bool {
		if lose.Load() && r.Method == http.MethodPost {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	b, blind := backend(t, config(sink.URL)), backend(t, config(sink.URL, "api_token", "from"))
	page := obj{"to": "on-call", "text": "fire"}
	if _, err := invoke(t, b, "k", "page", page); err == nil || err.Code != effect.CodeUnknown {
		t.Fatalf("the answer is lost: %v", err)
	}
	lose.Store(false)
	if out, err := attempt(t, blind, 2, "k", "page", page); err != nil || !reflect.DeepEqual(out, obj{"key": "k"}) || sink.Woken() != 1 {
		t.Errorf("sent again without a token: %v, %v, %d calls", out, err, sink.Woken())
	}
	sink.Resolve("k", "Ann")
	if out, err := attempt(t, b, 2, "k", "page", page); err != nil || out["status"] != "resolved" || sink.Woken() != 1 {
		t.Errorf("sent again after it was resolved: %v, %v, %d calls", out, err, sink.Woken())
	}
	lose.Store(true)
	update := obj{"to": "on-call", "key": "k", "text": "it was the cable"}
	if _, err := invoke(t, b, "u", "update", update); err == nil || err.Code != effect.CodeUnknown {
		t.Errorf("the answer to a note is lost: %v", err)
	}
	lose.Store(false)
	out, err := attempt(t, b, 2, "u", "update", update)
	if said := sink.Pages()["k"].Said; err != nil || out["status"] != "resolved" || len(said) != 2 || sink.Woken() != 1 {
		t.Errorf("noted again: %v, %v, %q", out, err, said) // the second event, and one note
	}
}

// TestAcknowledged sees what people do with pages.
func TestAcknowledged(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall, manager)
	now := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	sink.Now = func() time.Time { now = now.Add(time.Minute); return now }
	b := backend(t, config(sink.URL))
	is := func(what, key string, want obj) {
		t.Helper()
		if got, err := invoke(t, b, "r", "acknowledged", obj{"to": "on-call", "key": key}); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", what, got, err, want)
		}
	}
	must := func(key string) {
		t.Helper()
		if _, err := invoke(t, b, "p"+key, "page", obj{"to": "on-call", "text": "fire", "key": key}); err != nil {
			t.Fatal(err)
		}
	}
	must("a")
	is("nobody yet", "a", obj{"acknowledged": false, "status": "triggered"})
	sink.Acknowledge("a", "Ann")
	first := float64(now.Unix())
	is("Ann", "a", obj{"acknowledged": true, "status": "acknowledged", "by": "Ann", "at": first})
	sink.Forget("a")
	is("her time is over", "a", obj{"acknowledged": false, "status": "triggered"})
	must("a")
	must("a")
	sink.Acknowledge("a", "Bob")
	second := float64(now.Unix())
	sink.Resolve("a", "Cid")
	is("Bob, then resolved by another", "a", obj{"acknowledged": true, "status": "resolved", "by": "Bob", "at": second})
	must("b")
	sink.Resolve("b", "Cid")
	is("resolved at once", "b", obj{"acknowledged": true, "status": "resolved", "by": "Cid", "at": float64(now.Unix())})
	must("c")
	if _, err := invoke(t, b, "u", "update", obj{"to": "on-call", "key": "c", "status": "acknowledged"}); err != nil {
		t.Fatal(err)
	}
	is("by a runbook", "c", obj{"acknowledged": true, "status": "acknowledged"})
	must("d")
	sink.Merge("d", "a")
	must("e")
	sink.Merge("d", "e")
	is("merged into one that nobody has", "d", obj{"acknowledged": false, "status": "triggered"})
	sink.Acknowledge("e", "Dan")
	is("merged into one that Dan has", "d", obj{"acknowledged": true, "status": "acknowledged", "by": "Dan", "at": float64(now.Unix())})

	_, err := invoke(t, b, "r", "acknowledged", obj{"to": "manager", "key": "a"})
	if err == nil || err.Code != effect.CodeNotFound || err.Hint == "" {
		t.Errorf("the page of another service: %v", err)
	}
	// Without the services' IDs, a key that two of them have means neither.
	bare := config(sink.URL)
	bare["services"] = obj{"on-call": obj{"routing_key": onCall.RoutingKey}, "manager": obj{"routing_key": manager.RoutingKey}}
	anyone := backend(t, bare)
	if _, err := invoke(t, anyone, "p", "page", obj{"to": "manager", "text": "fire", "key": "a"}); err != nil {
		t.Fatal(err)
	}
	_, err = invoke(t, anyone, "r", "acknowledged", obj{"to": "manager", "key": "a"})
	if err == nil || err.Code != effect.CodeConflict || !strings.Contains(err.Message, "manager (PSVC002), on-call (PSVC001)") || !strings.Contains(err.Hint, "services.manager.service") {
		t.Errorf("two services: %v", err)
	}
}

// TestHistoryIsNotReadable tells that somebody has it where who is not known.
func TestHistoryIsNotReadable(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	b := backend(t, config(sink.URL))
	if _, err := invoke(t, b, "k", "page", obj{"to": "on-call", "text": "fire"}); err != nil {
		t.Fatal(err)
	}
	sink.Acknowledge("k", "Ann")
	sink.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/log_entries") {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	var told []string
	v, err := b.Invoke(t.Context(), plugins.Request{Op: "acknowledged", Args: obj{"to": "on-call", "key": "k"}, Progress: func(line string) { told = append(told, line) }})
	if err != nil || !reflect.DeepEqual(v, obj{"acknowledged": true, "status": "acknowledged"}) || len(told) != 1 || !strings.Contains(told[0], "403 Forbidden") {
		t.Errorf("%v, %v, told %q", v, err, told)
	}
}

// TestEventsShowLate waits for an incident that is there only after a while,
// and goes on without one that never is.
func TestEventsShowLate(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	b := backend(t, config(sink.URL))
	sink.Late = 3
	if out, err := invoke(t, b, "k", "page", obj{"to": "on-call", "text": "fire"}); err != nil || out["status"] != "triggered" {
		t.Errorf("late: %v, %v", out, err)
	}
	sink.Late = 1000
	if out, err := invoke(t, b, "l", "page", obj{"to": "on-call", "text": "fire"}); err != nil || !reflect.DeepEqual(out, obj{"key": "l"}) {
		t.Errorf("never: %v, %v", out, err)
	}
}

// TestWhatNeedsWhat tells what is missing before anything is sent.
func TestWhatNeedsWhat(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	no := backend(t, config(sink.URL, "api_token", "from"))
	for _, c := range []struct {
		b    *Backend
		op   string
		args obj
		says string
	}{
		{no, "acknowledged", obj{"to": "on-call", "key": "k"}, "api_token is not configured, and acknowledged needs it"},
		{no, "update", obj{"to": "on-call", "key": "k", "text": "news"}, "api_token is not configured, and the text of update needs it"},
		{backend(t, config(sink.URL, "from")), "update", obj{"to": "on-call", "key": "k", "text": "news", "status": "resolved"}, "from is not configured"},
	} {
		_, err := invoke(t, c.b, "k", c.op, c.args)
		if err == nil || err.Code != effect.CodeUnsupported || !strings.Contains(err.Message, c.says) || err.Hint == "" {
			t.Errorf("%s: %v, want %q", c.op, err, c.says)
		}
	}
	wrong := config(sink.URL)
	wrong["from"] = "nobody@example.org"
	b := backend(t, wrong)
	if _, err := invoke(t, b, "k", "page", obj{"to": "on-call", "text": "fire"}); err != nil {
		t.Fatal(err)
	}
	_, err := invoke(t, b, "u", "update", obj{"to": "on-call", "key": "k", "text": "news"})
	if err == nil || err.Code != effect.CodeRefused || !strings.Contains(err.Message, "Requester User Not Found") || !strings.Contains(err.Hint, "check from") {
		t.Errorf("a stranger's note: %v", err)
	}
	if len(sink.Events()) != 1 {
		t.Errorf("%d events, want one", len(sink.Events()))
	}
}
