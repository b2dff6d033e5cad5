package webhook

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var receives = plugintest.System{Name: "a receiver of the tests"}

func TestConformance(t *testing.T) {
	r := startReceiver(t, secret)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: receives,
		Config: config(r.url),
		Writes: []plugins.Request{
			{Op: "send", Args: obj{"to": "deployments", "text": "hello", "title": "green"}},
			{Op: "page", Args: obj{"to": "on-call", "text": "fire", "details": obj{"host": "db1"}}},
			{Op: "update", Args: obj{"to": "on-call", "key": "k", "status": "resolved"}},
		},
	})
}

// TestSignature holds the signature against the one that the standard's own
// libraries are tested with.
func TestSignature(t *testing.T) {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	got := signatures([][]byte{key, key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	const one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got != one+" "+one {
		t.Errorf("got %s", got)
	}
}

// TestMessages looks at what a receiver is told, and tells it twice.
func TestMessages(t *testing.T) {
	r := startReceiver(t, secret)
	b := backend(t, config(r.url))
	now := time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC)
	b.now = func() time.Time { now = now.Add(time.Minute); return now }
	for range 2 {
		if out, err := invoke(t, b, "k1", "send", obj{"to": "deployments", "text": "v2 is live", "title": "green"}); err != nil || !reflect.DeepEqual(out, obj{"sent": true}) {
			t.Errorf("send: %v, %v", out, err)
		}
		if out, err := invoke(t, b, "k2", "page", obj{"to": "on-call", "text": "fire", "severity": "critical", "details": obj{"host": "db1"}}); err != nil || !reflect.DeepEqual(out, obj{"key": "k2"}) {
			t.Errorf("page: %v, %v", out, err)
		}
		if out, err := invoke(t, b, "k3", "update", obj{"to": "on-call", "key": "k2", "status": "resolved"}); err != nil || len(out) != 0 {
			t.Errorf("update: %v, %v", out, err)
		}
	}
	want := map[string]obj{
		"k1": {"type": "runbook.send", "timestamp": "2026-01-31T03:01:00Z", "data": obj{"run": "run", "to": "deployments", "text": "v2 is live", "title": "green"}},
		"k2": {"type": "runbook.page", "timestamp": "2026-01-31T03:02:00Z",
			"data": obj{"run": "run", "to": "on-call", "text": "fire", "severity": "critical", "details": obj{"host": "db1"}, "key": "k2"}},
		"k3": {"type": "runbook.update", "timestamp": "2026-01-31T03:03:00Z", "data": obj{"run": "run", "to": "on-call", "key": "k2", "status": "resolved"}},
	}
	if !reflect.DeepEqual(r.taken, want) || r.asked != 6 {
		t.Errorf("after %d requests:\ngot  %v\nwant %v", r.asked, r.taken, want)
	}
}

// TestRotation signs with the old key and the new one.
func TestRotation(t *testing.T) {
	for name, key := range map[string]string{"new": secret, "old": older} {
		r := startReceiver(t, key)
		c := config(r.url)
		c["endpoints"].(obj)["deployments"].(obj)["previous_secret"] = older
		if _, err := invoke(t, backend(t, c), "k", "send", obj{"to": "deployments", "text": "x"}); err != nil {
			t.Errorf("a receiver that has the %s key: %v", name, err)
		}
	}
	r := startReceiver(t, older)
	_, err := invoke(t, backend(t, config(r.url)), "k", "send", obj{"to": "deployments", "text": "x"})
	if err == nil || err.Code != effect.CodeRefused || r.refused != 1 || !strings.Contains(err.Hint, "clocks") {
		t.Errorf("a receiver that has another key: %v", err)
	}
}

// TestFailures asks receivers that fail in every way.
func TestFailures(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	serve := func(handle http.HandlerFunc) string {
		s := httptest.NewServer(handle)
		t.Cleanup(s.Close)
		return s.URL
	}
	status := func(code int, body string) string {
		return serve(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/")
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		})
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	_ = l.Close()
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer hanging.CloseClientConnections()
	for _, c := range []struct {
		name, url  string
		send, page effect.Code
		again      bool // whether a page may be sent again
		says       string
	}{
		{"gone", gone, "unavailable", "unavailable", true, "connection refused; nothing was sent"},
		{"no TLS there", strings.Replace(status(200, ""), "http:", "https:", 1), "refused", "refused", false, "speaks no TLS; nothing was sent"},
		{"slow", hanging.URL, "unknown", "unknown", false, "no answer within 2s; it is not known"},
		{"broken off", serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "unknown", "unknown", false, "the connection broke"},
		{"not found", status(404, "no such hook"), "refused", "refused", false, "404 Not Found: no such hook"},
		{"echoes", status(401, "no: Bearer "+token+" "+secret), "refused", "refused", false, "401 Unauthorized: no: "},
		{"leads elsewhere", status(307, ""), "refused", "refused", false, "307 Temporary Redirect"},
		{"too many", status(429, ""), "refused", "refused", true, "Retry-After: 7"},
		{"server error", status(500, "oops"), "unknown", "failed", true, "500 Internal Server Error: oops"},
		{"a gateway", status(504, ""), "unknown", "failed", true, "504 Gateway Timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := config(c.url + "/hook/" + "path-with-a-name")
			if c.name == "slow" {
				settings["timeout"] = "2s"
			}
			b := backend(t, settings)
			for op, want := range map[string]effect.Code{"send": c.send, "page": c.page} {
				_, err := invoke(t, b, "k", op, obj{"to": "on-call", "text": "x"})
				_, address, _ := strings.Cut(c.url, "://")
				if err == nil || err.Code != want || !strings.Contains(err.Message, c.says) || err.Hint == "" || !strings.Contains(err.Message, address) {
					t.Fatalf("%s: %v (hint %q), want %s, %q", op, err, err.Hint, want, c.says)
				}
				if op == "page" && err.Retryable != c.again {
					t.Errorf("%s may be retried: %v, want %v", op, err.Retryable, c.again)
				}
				if all := err.Message + err.Hint; strings.Contains(all, token) || strings.Contains(all, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") || strings.Contains(all, "path-with") {
					t.Errorf("%s: a secret is shown: %s", op, all)
				}
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	b := backend(t, config("http://127.0.0.1:1/x"))
	for _, c := range []struct {
		op, to string
		code   effect.Code
		says   string
	}{
		{"page", "deployments", effect.CodeUnsupported, "not configured to take pages; nothing was sent"},
		{"update", "deployments", effect.CodeUnsupported, "not configured to take pages; nothing was sent"},
		{"send", "deployment", effect.CodeNotFound, `no endpoint "deployment"`},
		{"acknowledged", "on-call", effect.CodeUnsupported, `no op called "acknowledged"`},
	} {
		if _, err := invoke(t, b, "k", c.op, obj{"to": c.to, "text": "x"}); err == nil || err.Code != c.code || !strings.Contains(err.Message, c.says) || err.Hint == "" {
			t.Errorf("%s to %s: %v, want %s, %q", c.op, c.to, err, c.code, c.says)
		}
	}
	for name, c := range map[string]struct {
		key   string
		value any
		says  string
	}{
		"no URL":     {"url", "receiver.example.org", "url: it is not a URL"},
		"in clear":   {"url", "http://receiver.example.org/x", "who listens on the way"},
		"password":   {"url", "https://a:b@receiver.example.org/x", "url: it is not a URL"},
		"no key":     {"secret", "hunter2", "secret: it is no signing key"},
		"short key":  {"secret", "whsec_aGVsbG8=", "secret: it is no signing key"},
		"old key":    {"previous_secret", "whsec_aGVsbG8=", "previous_secret: it is no signing key"},
		"own header": {"headers", obj{"webhook-id": "x"}, "webhook-id is set by the request itself"},
		"newline":    {"headers", obj{"X-Key": "abc\n"}, `"X-Key" or its value cannot be sent`},
	} {
		settings := config("http://127.0.0.1:1/x")
		settings["endpoints"].(obj)["deployments"].(obj)[c.key] = c.value
		if _, err := configured(t, settings); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	open := config("http://receiver.example.org/x")
	for _, e := range open["endpoints"].(obj) {
		e.(obj)["insecure"] = true
	}
	if _, err := configured(t, open); err != nil {
		t.Errorf("insecure: %v", err)
	}
}

func TestHealth(t *testing.T) {
	r := startReceiver(t, secret)
	if err := backend(t, config(r.url)).Health(t.Context()); err != nil || r.asked > 0 {
		t.Errorf("%v after %d requests", err, r.asked)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := backend(t, config(r.url)).Health(ctx); err == nil {
		t.Error("a health that was not asked for is good")
	}
}
