package shoutrrr

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// webhook is a real HTTP sink.
type webhook struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	status int
}

func startWebhook(t *testing.T, status int) *webhook {
	t.Helper()
	w := &webhook{status: status}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		w.bodies = append(w.bodies, string(body))
		w.mu.Unlock()
		rw.WriteHeader(w.status)
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *webhook) got() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.bodies...)
}

func (w *webhook) host() string { return w.Listener.Addr().String() }

// mailbox is a real SMTP sink. It refuses recipients whose name begins with
// "no", and all mail if full is set.
type mailbox struct {
	addr string
	mu   sync.Mutex
	mail []string
	full bool
}

func startMailbox(t *testing.T) *mailbox {
	t.Helper()
	m := &mailbox{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{box: m}, nil }))
	server.Domain = "localhost"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return m
}

func (m *mailbox) got() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mail...)
}

type session struct {
	box *mailbox
	to  string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "no") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.full {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "the mailbox is full"}
	}
	s.box.mail = append(s.box.mail, s.to+"\n"+string(body))
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// configured returns a backend with these URLs by channel, its configuration
// checked as the host checks it.
func configured(t *testing.T, urls map[string]string) *Backend {
	t.Helper()
	b := New()
	if err := configure(b, urls); err != nil {
		t.Fatal(err)
	}
	return b
}

func configure(b *Backend, urls map[string]string) error {
	channels := map[string]any{}
	for name, u := range urls {
		channels[name] = map[string]any{"url": u, "title": "runbook"}
	}
	return plugintest.Configure(b, map[string]any{"channels": channels})
}

func send(ctx context.Context, b *Backend, args map[string]any) (any, error) {
	return b.Invoke(ctx, plugins.Request{Op: "send", Args: args, Key: "k", Run: "r", Place: "1", Attempt: 1, Progress: func(string) {}})
}

// wantCode fails unless err is an *effect.Error of that code, and returns it.
func wantCode(t *testing.T, err error, code effect.Code) *effect.Error {
	t.Helper()
	var e *effect.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of code %s", err, code)
	}
	if e.Code != code {
		t.Fatalf("got code %s (%s), want %s", e.Code, e.Message, code)
	}
	return e
}
