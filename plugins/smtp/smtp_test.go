package smtp

import (
	"context"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var server = plugintest.System{Name: "an SMTP server of the tests"}

func TestConformance(t *testing.T) {
	m := startMailbox(t, kind{})
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: server,
		Config: config(m, nil),
		Writes: []plugins.Request{{Op: "send", Args: obj{"to": "ops", "text": "hello", "title": "green"}}},
	})
}

// TestSend sends over every kind of connection, with every kind of login.
func TestSend(t *testing.T) {
	for name, c := range map[string]struct {
		kind   kind
		change obj
	}{
		"starttls":      {kind{}, nil},
		"tls":           {kind{implicit: true}, obj{"tls": "tls"}},
		"login":         {kind{login: true}, nil},
		"without login": {kind{}, obj{"username": nil, "password": nil}},
		"without tls":   {kind{noTLS: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := startMailbox(t, c.kind)
			b := backend(t, config(m, c.change))
			if err := b.Health(t.Context()); err != nil || len(m.got()) > 0 {
				t.Errorf("health: %v", err)
			}
			if err := send(t, b, "ops", "hello", ""); err != nil {
				t.Fatal(err)
			}
			want := 2 // health and message
			if c.change["username"] == nil && name == "without login" {
				want = 0
			}
			if got := m.got(); len(got) != 1 || !strings.HasPrefix(got[0], "ops@example.org sre@example.org\n\n") || len(m.users) != want {
				t.Errorf("received %q from %q", got, m.users)
			}
		})
	}
}

// TestMessage reads what arrived as a mail program does.
func TestMessage(t *testing.T) {
	m := startMailbox(t, kind{})
	b := backend(t, config(m, nil))
	b.now = func() time.Time { return time.Date(2026, 1, 31, 3, 0, 0, 0, time.UTC) }
	text := "Zeile eins: größer als " + strings.Repeat("lang ", 40) + "\n.\n..zwei\n= drei\n"
	if err := send(t, b, "ops", text, "Grün\r\nBcc: all@example.org ✓"); err != nil {
		t.Fatal(err)
	}
	_, raw, _ := strings.Cut(m.got()[0], "\n\n")
	got, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"From": "<runbook@example.org>", "To": "<ops@example.org>, <sre@example.org>", "Message-Id": "<0123abcd@example.org>",
		"Date": "Sat, 31 Jan 2026 03:00:00 +0000", "Auto-Submitted": "auto-generated", "X-Runbook-Run": "run", "Bcc": ""} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != "Grün Bcc: all@example.org ✓" {
		t.Errorf("subject %q, %v", subject, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != text {
		t.Errorf("the text became %q, %v", body, err)
	}
	for _, line := range strings.Split(raw, "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line has %d bytes", len(line))
		}
	}
}

// TestFailures asks servers that fail in every way. Each error names the
// server, says what to check, and holds no password.
func TestFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := &mailbox{addr: l.Addr().String()}
	_ = l.Close()
	box, open, full := startMailbox(t, kind{}), startMailbox(t, kind{noTLS: true}), startMailbox(t, kind{})
	full.full = true
	other := startMailbox(t, kind{})
	hangs := startMailbox(t, kind{})
	hangs.hang = make(chan struct{})
	defer close(hangs.hang)
	// plain answers as a server does, up to what a test changes.
	plain := func(change map[string]string) *mailbox {
		inData := false
		return speaking(t, "220 mail ESMTP\r\n", func(line string) string {
			word, _, _ := strings.Cut(line, " ")
			if inData && line != "." {
				return "-"
			}
			if inData {
				inData, word = false, "."
			}
			if said, ok := change[word]; ok {
				return said
			}
			switch word {
			case "EHLO":
				return "250-mail\r\n250 AUTH PLAIN"
			case "AUTH":
				return "235 welcome"
			case "DATA":
				inData = true
				return "354 go on"
			}
			return "250 fine"
		})
	}
	for _, c := range []struct {
		name   string
		box    *mailbox
		change obj
		to     string
		code   effect.Code
		again  bool
		says   string
	}{
		{"gone", gone, nil, "ops", "unavailable", true, "connection refused; nothing was sent"},
		{"no such name", gone, obj{"server": "mail.invalid:587", "insecure": nil}, "ops", "unavailable", true, "mail.invalid"},
		{"silent", speaking(t, "\x00", nil), obj{"timeout": "2s"}, "ops", "unavailable", true, "the greeting: no answer within 2s; nothing was sent"},
		{"hangs up", speaking(t, "", nil), nil, "ops", "unavailable", true, "nothing was sent"},
		{"rubbish", speaking(t, "HTTP/1.1 400 Bad Request\r\n", nil), nil, "ops", "failed", false, `the greeting: the answer is no SMTP`},
		{"no mail now", speaking(t, "421 later\r\n", nil), nil, "ops", "refused", true, "the greeting was answered 421 later; nothing was sent"},
		{"no STARTTLS", open, obj{"insecure": nil}, "ops", "refused", false, "offers no STARTTLS; nothing was sent"},
		{"no TLS", open, obj{"insecure": nil, "tls": "tls"}, "ops", "refused", false, "speaks no TLS; nothing was sent"},
		{"not trusted", box, obj{"ca": other.ca}, "ops", "refused", false, "not trusted"},
		{"no login there", plain(map[string]string{"EHLO": "250 mail"}), nil, "ops", "refused", false, "takes no login by PLAIN or LOGIN; nothing was sent"},
		{"wrong password", box, obj{"username": "someone"}, "ops", "refused", false, "AUTH was answered 535 who is someone with [secret"},
		{"no such sender", plain(map[string]string{"MAIL": "550 not you"}), nil, "ops", "refused", false, "MAIL FROM:<runbook@example.org> was answered 550 not you; nothing was sent"},
		{"one of two", box, nil, "partial", "refused", false, "RCPT TO:<nobody@example.org> was answered 550 no such mailbox; nothing was sent"},
		{"greylisted", plain(map[string]string{"RCPT": "450 4.2.0 greylisted"}), nil, "ops", "refused", true, "was answered 450 greylisted; nothing was sent"},
		{"dies before the message", plain(map[string]string{"DATA": ""}), nil, "ops", "unavailable", true, "DATA: the server hung up; nothing was sent"},
		{"full", full, nil, "ops", "refused", true, "the message was answered 452 the mailbox is full; nothing was sent"},
		{"dies after the message", plain(map[string]string{".": ""}), nil, "ops", "unknown", false, "the server hung up; it is not known"},
		{"rubbish after the message", plain(map[string]string{".": "well"}), nil, "ops", "unknown", false, "it is not known"},
		{"hangs after the message", hangs, obj{"timeout": "3s"}, "ops", "unknown", false, "no answer within 3s; it is not known"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := config(c.box, c.change)
			err := send(t, backend(t, settings), c.to, "hello", "")
			if err == nil || err.Code != c.code || err.Retryable != c.again || !strings.Contains(err.Message, c.says) || err.Hint == "" {
				t.Fatalf("%v (retryable %v, hint %q), want %s, %v, %q", err, err != nil && err.Retryable, err.Hint, c.code, c.again, c.says)
			}
			if !strings.HasPrefix(err.Message, "mail to "+c.to+" by "+settings["server"].(string)+": ") {
				t.Errorf("%v does not name the server", err)
			}
			if strings.Contains(err.Message+err.Hint, password) {
				t.Errorf("the password is shown: %v", err)
			}
		})
	}
	if n := len(box.got()) + len(full.got()); n > 0 {
		t.Errorf("%d messages arrived", n)
	}
	// What a dying server said "250" to is sent, whatever becomes of QUIT.
	if err := send(t, backend(t, config(plain(map[string]string{"QUIT": ""}), nil)), "ops", "hello", ""); err != nil {
		t.Errorf("it dies at QUIT: %v", err)
	}
}

// TestCanceled cancels a message that the server has and does not answer.
func TestCanceled(t *testing.T) {
	m := startMailbox(t, kind{})
	m.hang = make(chan struct{})
	defer close(m.hang)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-m.arrived; cancel() }()
	_, err := backend(t, config(m, nil)).Invoke(ctx, plugins.Request{Op: "send", Args: obj{"to": "ops", "text": "hello"}, Key: "k", Progress: func(string) {}})
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "canceled") {
		t.Errorf("%v", err)
	}
}

func TestConfigErrors(t *testing.T) {
	m := &mailbox{addr: "127.0.0.1:1"}
	for name, c := range map[string]struct {
		change obj
		says   string
	}{
		"no port":        {obj{"server": "mail.example.org"}, `server: "mail.example.org" is no address`},
		"insecure":       {obj{"server": "mail.example.org:25"}, "mail.example.org is another machine"},
		"both":           {obj{"tls": "tls"}, "insecure and tls"},
		"no password":    {obj{"password": nil}, "username and password belong together"},
		"sender":         {obj{"from": "Runbook <runbook@example.org>"}, "from: "},
		"injection":      {obj{"from": "a@b>\r\nRCPT TO:<c@d"}, "from: "},
		"recipient":      {obj{"channels": obj{"ops": obj{"to": []any{"ops"}}}}, `channels.ops.to: "ops" is no address`},
		"umlaut":         {obj{"channels": obj{"ops": obj{"to": []any{"öps@example.org"}}}}, "not every server takes"},
		"no channel":     {obj{"channels": obj{}}, "there is no channel"},
		"no authorities": {obj{"ca": "/nowhere.pem"}, "ca: open /nowhere.pem"},
		"hello":          {obj{"hello": "a b"}, "hello: "},
	} {
		if _, err := configured(t, config(m, c.change)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	b := backend(t, config(m, nil))
	if err := send(t, b, "op", "x", ""); err == nil || err.Code != effect.CodeNotFound || !strings.Contains(err.Hint, `"ops"`) {
		t.Errorf("an unknown channel: %v", err)
	}
	if p, err := b.Preview(t.Context(), plugins.Request{Op: "send", Args: obj{"to": "ops", "text": "x"}}); err != nil || p.Target != "channel ops (mail to ops@example.org, sre@example.org)" {
		t.Errorf("%v, %v", p, err)
	}
}
