package pagerduty

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/pagerduty/pagerdutytest"
)

// answering runs a server that answers everything so.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// hanging runs a server that reads and never answers.
func hanging(t *testing.T) string {
	t.Helper()
	end := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(end) })
	return s.URL
}

// speaking runs a server that says one thing to each connection and ends it.
func speaking(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			fmt.Fprint(conn, text)
			_ = conn.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// TestFailures asks servers that fail in every way. Each error names the
// address, says what to check, and holds no key.
func TestFailures(t *testing.T) {
	echo := `{"error":{"message":"Unauthorized: Token token=` + pagerdutytest.Token + `","code":2006}}`
	invalid := `{"status":"invalid event","message":"Event object is invalid","errors":["Invalid routing key ` + onCall.RoutingKey + `"]}`
	for _, c := range []struct {
		name, url      string
		page, read     effect.Code
		pageR, readR   bool
		says, readSays string
	}{
		{"gone", closed(t), "unavailable", "unavailable", true, true, "connection refused; nothing was sent", "connection refused"},
		{"no TLS there", strings.Replace(answering(t, 200, ""), "http:", "https:", 1), "refused", "refused", false, false, "speaks no TLS; nothing was sent", "speaks no TLS"},
		{"slow", hanging(t), "unknown", "timeout", false, true, "no answer within 2s; it is not known", "no answer within 2s"},
		{"broken off", speaking(t, ""), "unknown", "unavailable", false, true, "the connection broke", "the connection broke"},
		{"half an answer", speaking(t, "HTTP/1.1 202 Accepted\r\nContent-Length: 99\r\n\r\n{"), "unknown", "unavailable", false, true, "the answer broke off", "the answer broke off"},
		{"no HTTP", speaking(t, "220 mail ESMTP\r\n"), "unknown", "failed", false, false, "the answer is no HTTP", "the answer is no HTTP"},
		{"refused", answering(t, 400, invalid), "refused", "refused", false, false, "400 Bad Request: Event object is invalid; Invalid routing key [secret", "400 Bad Request"},
		{"unauthorized", answering(t, 401, echo), "refused", "refused", false, false, "401 Unauthorized", "401 Unauthorized: Unauthorized: Token token=[secret"},
		{"too many", answering(t, 429, ""), "refused", "refused", true, true, "429 Too Many Requests; nothing changed", "429 Too Many Requests"},
		{"server error", answering(t, 500, "oops"), "failed", "failed", true, true, "500 Internal Server Error: oops", "500 Internal Server Error: oops"},
		{"a gateway", answering(t, 502, "<html>bad gateway</html>"), "failed", "failed", true, true, "502 Bad Gateway", "502 Bad Gateway"},
		{"another service", answering(t, 200, "<html>welcome</html>"), "failed", "failed", false, false, "200 OK: <html>welcome", "not as PagerDuty does: <html>welcome"},
		{"takes all", answering(t, 202, "thanks"), "failed", "refused", false, false, "202 Accepted, but not as PagerDuty does: thanks", "202 Accepted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			patience := "1m"
			if c.name == "slow" {
				patience = "2s"
			}
			settings := config(c.url)
			settings["timeout"] = patience
			b := backend(t, settings)
			secrets := []string{pagerdutytest.Token, onCall.RoutingKey}
			check := func(what string, e *effect.Error, code effect.Code, retryable bool, says string) {
				t.Helper()
				if e == nil || e.Code != code || e.Retryable != retryable || !strings.Contains(e.Message, says) || e.Hint == "" {
					t.Errorf("%s: %v (retryable %v, hint %q), want %s, %v, %q", what, e, e != nil && e.Retryable, e.Hint, code, retryable, says)
				}
				_, address, _ := strings.Cut(c.url, "://")
				if !strings.Contains(e.Message, address) {
					t.Errorf("%s: %v does not name the address %s", what, e, address)
				}
				for _, secret := range secrets {
					if all := e.Message + e.Hint; strings.Contains(all, secret) {
						t.Errorf("%s: a key is shown: %s", what, all)
					}
				}
			}
			_, err := invoke(t, b, "k", "page", obj{"to": "on-call", "text": "x"})
			check("page", err, c.page, c.pageR, c.says)
			_, err = invoke(t, b, "k", "acknowledged", obj{"to": "on-call", "key": "k"})
			check("acknowledged", err, c.read, c.readR, c.readSays)
			without := config(c.url, "api_token", "from")
			without["timeout"], secrets = patience, secrets[1:] // the backend knows no token
			_, err = invoke(t, backend(t, without), "k", "update", obj{"to": "on-call", "key": "k", "status": "resolved"})
			check("update", err, c.page, c.pageR, c.says)
		})
	}
}

// TestBusy sends an event again that PagerDuty was too busy for, after the
// time that it asks for.
func TestBusy(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	asked := 0
	sink.Before = func(w http.ResponseWriter, r *http.Request) bool {
		if asked++; asked > 2 {
			return false
		}
		w.Header().Set("Retry-After", "3")
		w.WriteHeader([]int{429, 503}[asked-1])
		return true
	}
	b := backend(t, config(sink.URL, "api_token", "from"))
	var waited time.Duration
	b.sleep = func(_ context.Context, d time.Duration) { waited += d }
	out, err := invoke(t, b, "k", "page", obj{"to": "on-call", "text": "x"})
	if err != nil || out["key"] != "k" || sink.Woken() != 1 || waited != 6*time.Second {
		t.Errorf("%v, %v: %d calls after %s", out, err, sink.Woken(), waited)
	}
}

// TestCanceled ends a call while the service hangs.
func TestCanceled(t *testing.T) {
	arrived := make(chan struct{}, 1)
	sink := pagerdutytest.Start(t, onCall)
	sink.After = func(_ http.ResponseWriter, r *http.Request) bool {
		arrived <- struct{}{}
		<-r.Context().Done()
		return true
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	_, err := backend(t, config(sink.URL)).Invoke(ctx, plugins.Request{Op: "page", Args: checked(t, "page", obj{"to": "on-call", "text": "x"}), Key: "k", Progress: func(string) {}})
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "canceled") {
		t.Errorf("%v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(obj)
		says   string
	}{
		"no service":     {func(c obj) { c["services"] = obj{} }, "there is no service"},
		"empty key":      {func(c obj) { c["services"] = obj{"a": obj{"routing_key": " "}} }, "services.a.routing_key: it is empty"},
		"in clear":       {func(c obj) { c["events"] = "http://events.example.org" }, "has to be https://"},
		"no URL":         {func(c obj) { c["api"] = "api.pagerduty.com" }, "api: it is not how a URL begins"},
		"from alone":     {func(c obj) { delete(c, "api_token") }, "from is of no use"},
		"no authorities": {func(c obj) { c["ca"] = "/nowhere.pem" }, "configure pagerduty: ca: open /nowhere.pem"},
		"proxy":          {func(c obj) { c["proxy"] = "http://user:pass@proxy:3128" }, "proxy: it is no URL of a proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := config("http://127.0.0.1:1")
			c.change(settings)
			b := New()
			checked, err := effect.CheckFields(b.Describe().Config, nil, settings)
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Configure(t.Context(), revealed(checked)); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	sink := pagerdutytest.Start(t, onCall)
	if err := backend(t, config(sink.URL)).Health(t.Context()); err != nil || sink.Woken() > 0 {
		t.Errorf("%v", err)
	}
	wrong := config(sink.URL)
	wrong["api_token"] = "another-token-entirely"
	if err := backend(t, wrong).Health(t.Context()); err == nil || !strings.Contains(err.Error(), "401") || strings.Contains(err.Error(), "another-token") {
		t.Errorf("%v", err)
	}
	if err := backend(t, config(closed(t), "api_token", "from")).Health(t.Context()); err == nil {
		t.Error("nobody listens, and it is healthy")
	}
}
