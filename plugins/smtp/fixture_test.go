package smtp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
)

type obj = map[string]any

const password = "Sup3rS3cretTok3n"

// mailbox is a real SMTP server. It refuses recipients whose name begins with
// "no", and logins but one.
type mailbox struct {
	addr, ca string
	mu       sync.Mutex
	mail     []string // recipients, an empty line, the message
	users    []string
	full     bool          // refuses all mail for now
	hang     chan struct{} // if not nil, what a message waits for before it is kept
	late     chan struct{} // if not nil, what the answer to a message waits for that is kept
	arrived  chan struct{}
}

// kind says how a mailbox is reached.
type kind struct {
	implicit, noTLS, login bool // login: LOGIN instead of PLAIN
}

func startMailbox(t *testing.T, k kind) *mailbox {
	t.Helper()
	m := &mailbox{arrived: make(chan struct{}, 16)}
	server := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return &talk{box: m, login: k.login}, nil }))
	server.Domain, server.AllowInsecureAuth = "localhost", k.noTLS
	server.ErrorLog = log.New(io.Discard, "", 0) // of connections that are to break
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = l.Addr().String()
	if !k.noTLS {
		var pair tls.Certificate
		pair, m.ca = certificate(t)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	if k.implicit {
		l = tls.NewListener(l, server.TLSConfig)
	}
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

// talk is one conversation.
type talk struct {
	box   *mailbox
	login bool
	to    []string
}

func (s *talk) AuthMechanisms() []string {
	if s.login {
		return []string{sasl.Login}
	}
	return []string{sasl.Plain}
}

func (s *talk) Auth(string) (sasl.Server, error) {
	check := func(user, word string) error {
		if user != "runbook" || word != password {
			return &gosmtp.SMTPError{Code: 535, EnhancedCode: gosmtp.EnhancedCode{5, 7, 8}, Message: "who is " + user + " with " + word}
		}
		s.box.mu.Lock()
		defer s.box.mu.Unlock()
		s.box.users = append(s.box.users, user)
		return nil
	}
	if s.login {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, word string) error { return check(user, word) }), nil
}

// loginServer is the other side of LOGIN.
type loginServer struct {
	user  string
	check func(user, word string) error
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil:
		return []byte("Username:"), false, nil
	case l.user == "":
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *talk) Mail(string, *gosmtp.MailOptions) error { return nil }

func (s *talk) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	if strings.HasPrefix(to, "no") {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *talk) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.box.arrived <- struct{}{}
	if s.box.hang != nil {
		<-s.box.hang
	}
	if s.box.late != nil {
		defer func() { <-s.box.late }()
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	if s.box.full {
		return &gosmtp.SMTPError{Code: 452, EnhancedCode: gosmtp.EnhancedCode{4, 2, 2}, Message: "the mailbox is full"}
	}
	s.box.mail = append(s.box.mail, strings.Join(s.to, " ")+"\n\n"+string(body))
	return nil
}

func (s *talk) Reset()        { s.to = nil }
func (s *talk) Logout() error { return nil }

// certificate returns one for 127.0.0.1, and the path of its authority.
func certificate(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

// config is the configuration for a mailbox, changed by what is given.
func config(m *mailbox, change obj) obj {
	c := obj{"server": m.addr, "from": "runbook@example.org", "username": "runbook", "password": password, "timeout": "1m",
		"channels": obj{
			"ops":     obj{"to": []any{"ops@example.org", "sre@example.org"}, "title": "from runbook"},
			"partial": obj{"to": []any{"ops@example.org", "nobody@example.org"}},
		}}
	if m.ca != "" {
		c["ca"] = m.ca
	} else {
		c["insecure"] = true
	}
	for name, v := range change {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func configured(t *testing.T, c obj) (*Backend, error) {
	t.Helper()
	b := New()
	checked, err := effect.CheckFields(b.Describe().Config, nil, c)
	if err != nil {
		t.Fatal(err)
	}
	checked = maps.Clone(checked)
	for k, v := range checked {
		if s, ok := v.(effect.Secret); ok { // as the wire does
			checked[k] = s.Reveal()
		}
	}
	return b, b.Configure(t.Context(), checked)
}

func backend(t *testing.T, c obj) *Backend {
	t.Helper()
	b, err := configured(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func send(t *testing.T, b *Backend, to, text, title string) *effect.Error {
	t.Helper()
	v, err := b.Invoke(t.Context(), plugins.Request{Op: "send", Args: obj{"to": to, "text": text, "title": title}, Key: "0123abcd", Run: "run", Attempt: 1, Progress: func(string) {}})
	if err == nil && v.(obj)["sent"] != true {
		t.Errorf("sent, and it returns %v", v)
	}
	return effect.AsError(err)
}

// speaking runs a server that reads lines and answers as it is told; "" ends
// the connection.
func speaking(t *testing.T, greeting string, answer func(line string) string) *mailbox {
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
			go converse(conn, greeting, answer)
		}
	}()
	return &mailbox{addr: l.Addr().String()}
}

func converse(conn net.Conn, greeting string, answer func(line string) string) {
	defer conn.Close()
	if greeting == "" {
		return
	}
	_, _ = io.WriteString(conn, greeting)
	var line []byte
	for one := make([]byte, 1); ; {
		if _, err := conn.Read(one); err != nil {
			return
		}
		if line = append(line, one[0]); one[0] != '\n' {
			continue
		}
		said := answer(strings.TrimRight(string(line), "\r\n"))
		if line = line[:0]; said == "-" {
			continue
		}
		if said == "" {
			return
		}
		_, _ = io.WriteString(conn, said+"\r\n")
	}
}
