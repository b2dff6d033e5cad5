package statuspage

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// answering runs a server that says that there is nothing yet, and answers what is
// to be written so.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, "[]")
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/v1"
}

// TestFailures writes to servers that fail in every way. Each error names the
// address, says what to check, and holds no token.
func TestFailures(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	hung := make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			<-hung
			return
		}
		fmt.Fprint(w, "[]")
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(hung) })
	for _, c := range []struct {
		name, url string
		code      effect.Code
		retryable bool
		says      string
	}{
		{"gone", "http://" + gone.Addr().String() + "/v1", "unavailable", true, "connection refused; nothing was sent"},
		{"slow", slow.URL + "/v1", "unknown", false, "no answer within 2s; it is not known"},
		{"unauthorized", answering(t, 401, `{"error":"Could not authenticate OAuth `+token+`"}`), "refused", false, "401 Unauthorized: Could not authenticate OAuth [secret"},
		{"not there", answering(t, 404, `{"error":"Record not found"}`), "refused", false, "404 Not Found: Record not found"},
		{"unfit", answering(t, 422, `{"error":["Name can't be blank","Body is too long"]}`), "refused", false, "Name can't be blank; Body is too long"},
		{"too many", answering(t, 429, ""), "refused", true, "429 Too Many Requests"},
		{"too many, of old", answering(t, 420, `{"error":"slow down"}`), "refused", true, "420: slow down"},
		{"a gateway", answering(t, 502, "<html>bad gateway</html>"), "unknown", false, "502 Bad Gateway: <html>bad gateway</html>; it is not known whether it was published"},
		{"another service", answering(t, 200, "<html>welcome</html>"), "unknown", false, "not as Statuspage does: <html>welcome</html>"},
		{"another answer", answering(t, 201, `{"id":"x","status":"resolved"}`), "unknown", false, "what Statuspage has now is not that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := config(c.url)
			if c.name == "slow" {
				settings["timeout"] = "2s"
			}
			_, err := publish(t, backend(t, settings), "k", obj{"title": "x", "text": "x"})
			if err == nil || err.Code != c.code || err.Retryable != c.retryable || !strings.Contains(err.Message, c.says) || err.Hint == "" {
				t.Fatalf("%v (retryable %v), want %s, %v, %q", err, err != nil && err.Retryable, c.code, c.retryable, c.says)
			}
			if strings.Contains(err.Message+err.Hint, token) {
				t.Errorf("the token is shown: %v", err)
			}
		})
	}
}

// TestReadFailures: where the page cannot be asked, nobody says that nothing was
// published, and nothing is written.
func TestReadFailures(t *testing.T) {
	for status, code := range map[int]effect.Code{401: "refused", 500: "failed", 200: "failed"} {
		wrote := false
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			wrote = wrote || r.Method != http.MethodGet
			w.WriteHeader(status)
			fmt.Fprint(w, `{"no":"list"}`)
		}))
		b := backend(t, config(s.URL+"/v1"))
		if _, err := publish(t, b, "k", obj{"title": "x", "text": "x"}); err == nil || err.Code != code || wrote {
			t.Errorf("%d: %v, wrote %v", status, err, wrote)
		}
		if seen, err := b.Observe(t.Context(), request(t, "k", obj{"title": "x", "text": "x"})); err == nil || seen.State != effect.Uncertain {
			t.Errorf("%d: observed %+v, %v", status, seen, err)
		}
		if b.Health(t.Context()) == nil {
			t.Errorf("%d: it is well", status)
		}
		s.Close()
	}
}

// TestBusy sends a request again that Statuspage was too busy for.
func TestBusy(t *testing.T) {
	s := serve(t)
	asked := 0
	s.SetBefore(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			return false
		}
		if asked++; asked > 2 {
			return false
		}
		w.WriteHeader([]int{429, 420}[asked-1])
		return true
	})
	if got := must(t, backend(t, config(s.URL)), "k", obj{"title": "x", "text": "x"}); got["opened"] != true || asked != 3 {
		t.Errorf("%v after %d requests", got, asked)
	}
}
