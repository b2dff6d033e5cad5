package shoutrrr

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

func TestSendWebhook(t *testing.T) {
	plain, withTemplate := startWebhook(t, http.StatusOK), startWebhook(t, http.StatusNoContent)
	b := configured(t, map[string]string{
		"deployments": "generic+" + plain.URL + "/hook",
		"json":        "generic://" + withTemplate.host() + "/hook?disabletls=yes&template=json",
	})
	v, err := send(context.Background(), b, map[string]any{"to": "deployments", "text": "v2 serves all traffic"})
	if err != nil || v.(map[string]any)["sent"] != true {
		t.Fatalf("got %v, %v", v, err)
	}
	if got := plain.got(); len(got) != 1 || got[0] != "v2 serves all traffic" {
		t.Errorf("received %q", got)
	}
	for title, want := range map[string]string{"": "runbook", "Green\r\nBcc: x is live": "Green Bcc: x is live"} {
		if _, err := send(context.Background(), b, map[string]any{"to": "json", "text": "done", "title": title}); err != nil {
			t.Fatal(err)
		}
		got := withTemplate.got()
		var message map[string]string
		if err := json.Unmarshal([]byte(got[len(got)-1]), &message); err != nil {
			t.Fatal(err)
		}
		if message["title"] != want || message["message"] != "done" {
			t.Errorf("received %v, want the title %q", message, want)
		}
	}
}

func TestSendMail(t *testing.T) {
	box := startMailbox(t)
	b := configured(t, map[string]string{"oncall": "smtp://" + box.addr + "/?from=runbook@example.org&to=ops@example.org&usestarttls=no"})
	if _, err := send(context.Background(), b, map[string]any{"to": "oncall", "text": "please look", "title": "p99 is high\nBcc: all@example.org"}); err != nil {
		t.Fatal(err)
	}
	got := box.got()
	if len(got) != 1 || !strings.HasPrefix(got[0], "ops@example.org\n") || !strings.Contains(got[0], "please look") ||
		!strings.Contains(got[0], "Subject: p99 is high Bcc: all@example.org\r\n") {
		t.Errorf("received %q", got)
	}
}

// secret stands in every URL of the tests and must never be seen again.
const secret = "Sup3rS3cretTok3n"

func TestFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	_ = l.Close()
	dropping := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer dropping.Close()
	status := func(code int) string { return startWebhook(t, code).host() }
	box, full := startMailbox(t), startMailbox(t)
	full.full = true
	mail := func(addr, to string) string {
		return "smtp://" + addr + "/?usestarttls=no&fromname=" + secret + "&from=a@example.org&to=" + to
	}
	long := strings.Repeat("x", longMessage+1)

	tests := []struct {
		name, url, text string
		code            effect.Code
		want            string
	}{
		{"not found", "generic+http://" + status(404) + "/" + secret, "", effect.CodeRefused, "404 Not Found"},
		{"unauthorized", "generic+http://" + status(401) + "/?@Authorization=" + secret, "", effect.CodeRefused, "401 Unauthorized"},
		{"too many", "generic+http://" + status(429) + "/" + secret, "", effect.CodeRefused, "429 Too Many Requests"},
		{"server error", "generic+http://" + status(500) + "/" + secret, "", effect.CodeUnknown, "500 Internal Server Error"},
		{"unavailable", "generic+http://" + status(503) + "/" + secret, "", effect.CodeUnknown, "not known whether it was sent"},
		{"refused", "generic+http://" + closed + "/" + secret, "", effect.CodeUnavailable, "connection refused"},
		{"no such host", "generic+http://runbook.invalid/" + secret, "", effect.CodeUnavailable, "lookup runbook.invalid"},
		{"broken off", "generic+" + dropping.URL + "/" + secret, "", effect.CodeUnknown, "EOF"},
		{"long message", "generic+http://" + status(404) + "/" + secret, long, effect.CodeUnknown, "404 Not Found"},
		{"gotify", "gotify://" + status(400) + "/AaaaBbbbCcccDdd?disabletls=yes", "", effect.CodeRefused, "400 Bad Request"},
		{"ntfy", "ntfy://" + status(403) + "/" + secret + "?scheme=http", "", effect.CodeRefused, "403"},
		{"mattermost", "mattermost://" + status(404) + "/" + secret + "?disabletls=yes", "", effect.CodeRefused, "404 Not Found"},
		{"mail refused", mail(closed, "ops@example.org"), "", effect.CodeUnavailable, "connection refused"},
		{"mail to nobody", mail(box.addr, "nobody@example.org"), "", effect.CodeRefused, "no such mailbox"},
		{"mail full", mail(full.addr, "ops@example.org"), "", effect.CodeRefused, "the mailbox is full"},
		{"mail to one of two", mail(box.addr, "ops@example.org,nobody@example.org"), "", effect.CodeUnknown, "no such mailbox"},
		{"no mail server", mail(hangUp(t), "ops@example.org"), "", effect.CodeUnknown, "EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := configured(t, map[string]string{"deployments": test.url})
			text := test.text
			if text == "" {
				text = "hello"
			}
			_, err := send(context.Background(), b, map[string]any{"to": "deployments", "text": text})
			e := wantCode(t, err, test.code)
			all := e.Message + e.Hint
			if !strings.Contains(e.Message, test.want) || !strings.HasPrefix(e.Message, "send to deployments (") || e.Hint == "" {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
			if strings.Contains(strings.ToLower(all), strings.ToLower(secret)) || strings.Contains(all, "AaaaBbbb") {
				t.Errorf("the secret is shown: %s", all)
			}
		})
	}
}

// hangUp returns the address of a server that ends every connection at once.
func hangUp(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return l.Addr().String()
}

func TestSendWithoutAnswer(t *testing.T) {
	arrived, end := make(chan struct{}), make(chan struct{})
	var once sync.Once
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(arrived) })
		<-end
	}))
	defer hanging.Close()
	defer close(end)
	b := configured(t, map[string]string{"deployments": "generic+" + hanging.URL + "/" + secret})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-arrived
		cancel()
	}()
	_, err := send(ctx, b, map[string]any{"to": "deployments", "text": "hello"})
	wantCode(t, err, effect.CodeUnknown)
	_, err = send(ctx, b, map[string]any{"to": "deployments", "text": "hello"})
	wantCode(t, err, effect.CodeUnavailable) // nothing was begun
}

func TestSendAtOnce(t *testing.T) {
	box := startMailbox(t)
	b := configured(t, map[string]string{"oncall": "smtp://" + box.addr + "/?from=a@example.org&to=b@example.org&usestarttls=no&usehtml=yes"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := send(context.Background(), b, map[string]any{"to": "oncall", "text": "hello"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(box.got()); n != 8 {
		t.Errorf("received %d messages, want 8", n)
	}
}

func TestUnknownNames(t *testing.T) {
	b := configured(t, map[string]string{"deployments": "generic://localhost/x", "oncall": "generic://localhost/x"})
	_, err := send(context.Background(), b, map[string]any{"to": "deployment", "text": "hello"})
	if e := wantCode(t, err, effect.CodeNotFound); e.Hint != `did you mean "deployments"? known: deployments, oncall` {
		t.Errorf("hint %q", e.Hint)
	}
	_, err = b.Invoke(context.Background(), plugins.Request{Op: "page", Progress: func(string) {}})
	wantCode(t, err, effect.CodeUnsupported)
	_, err = send(context.Background(), New(), map[string]any{"to": "deployments", "text": "hello"})
	wantCode(t, err, effect.CodeNotFound)
	_, err = send(context.Background(), b, map[string]any{"to": "oncall", "text": " \n"})
	wantCode(t, err, effect.CodeInvalid)
}

func TestPreview(t *testing.T) {
	b := configured(t, map[string]string{"deployments": "generic://localhost/" + secret})
	c, err := b.Preview(context.Background(), plugins.Request{Op: "send", Args: map[string]any{"to": "deployments", "text": "hello"}})
	if err != nil || c != (effect.Prediction{Target: "channel deployments (generic)", To: "hello"}) {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := []struct{ name, url, want string }{
		{"no URL", secret, "it is not a URL"},
		{"control character", "generic://x/" + secret + "\x7f", "it is not a URL"},
		{"unknown service", "slak://" + secret, `did you mean "slack"?`},
		{"bad URL of a service", "slack://" + secret, "configure shoutrrr: channels.deployments.url"},
		{"bad option", "gotify://host/" + secret + "?nonsense=" + secret, "configure shoutrrr: channels.deployments.url"},
		{"own address of a service that has none", "smtp+http://host/" + secret, "smtp takes no address"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := configure(New(), map[string]string{"deployments": test.url})
			if err == nil || !strings.Contains(err.Error()+effect.AsError(err).Hint, test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error()+effect.AsError(err).Hint, secret) {
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
	if err := effect.Verify(New().Describe().Config); err != nil {
		t.Error(err)
	}
}
