package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// session is one conversation with the server.
type session struct {
	settings *settings
	conn     net.Conn
	client   *gosmtp.Client
	began    time.Time
	ctx      context.Context // ends with the time for the message
	ends     []func()
	asked    string // what was asked last: "MAIL FROM"
	begun    bool   // the message itself
}

func newSession(s *settings) *session {
	return &session{settings: s, began: time.Now(), ctx: context.Background()}
}

// open connects, with TLS, and logs in.
func (s *session) open(ctx context.Context) *effect.Error {
	if ctx.Err() != nil {
		return effect.Errorf(effect.CodeUnavailable, "given up before anything was sent: %v", context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeout(ctx, s.settings.timeout)
	s.ctx, s.ends = ctx, append(s.ends, cancel)
	config, err := s.settings.tls()
	if err != nil {
		return effect.Errorf(effect.CodeInvalid, "ca: %v; nothing was sent", err).WithHint("check the file that ca names")
	}
	s.asked = "the connection"
	if s.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", s.settings.server); err != nil {
		return s.failure(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.conn.Close() })
	s.ends = append(s.ends, func() { stop() })
	if s.settings.implicit {
		s.asked = "TLS"
		over := tls.Client(s.conn, config)
		if err := over.HandshakeContext(ctx); err != nil {
			return s.failure(err)
		}
		s.client = gosmtp.NewClient(over)
	}
	if s.client == nil {
		s.client = gosmtp.NewClient(s.conn)
	}
	s.asked = "the greeting"
	if s.settings.implicit || s.settings.insecure {
		if err := s.client.Hello(s.settings.hello); err != nil {
			return s.failure(err)
		}
	} else if e := s.startTLS(config); e != nil {
		return e
	}
	return s.login()
}

// startTLS begins TLS on the connection that stands. Without it nothing is
// said to the server, neither the login nor the message.
func (s *session) startTLS(config *tls.Config) *effect.Error {
	client, err := gosmtp.NewClientStartTLS(s.conn, config)
	if err != nil && strings.Contains(err.Error(), "support STARTTLS") {
		return effect.Errorf(effect.CodeRefused, "the server offers no STARTTLS; nothing was sent").
			WithHint("check the port: 587 is usual; for TLS from the first byte on (465) set tls: tls")
	}
	if err != nil {
		return s.failure(err)
	}
	s.client, s.asked = client, "STARTTLS"
	if err := client.Hello(s.settings.hello); err != nil { // the handshake comes with it
		return s.failure(err)
	}
	return nil
}

func (s *session) login() *effect.Error {
	if s.settings.username == "" {
		return nil
	}
	s.asked = "AUTH"
	var how sasl.Client
	switch {
	case s.client.SupportsAuth(sasl.Plain):
		how = sasl.NewPlainClient("", s.settings.username, s.settings.password)
	case s.client.SupportsAuth(sasl.Login):
		how = sasl.NewLoginClient(s.settings.username, s.settings.password)
	default:
		return effect.Errorf(effect.CodeRefused, "the server takes no login by PLAIN or LOGIN; nothing was sent").
			WithHint("check server and port: the one for submission takes logins, usually 587 or 465")
	}
	if err := s.client.Auth(how); err != nil {
		return s.failure(err)
	}
	return nil
}

// deliver hands one message over.
func (s *session) deliver(ctx context.Context, m *message) *effect.Error {
	if e := s.open(ctx); e != nil {
		return e
	}
	s.asked = "MAIL FROM:<" + m.from + ">"
	if err := s.client.Mail(m.from, nil); err != nil {
		return s.failure(err)
	}
	for _, to := range m.to {
		s.asked = "RCPT TO:<" + to + ">"
		if err := s.client.Rcpt(to, nil); err != nil {
			return s.failure(err)
		}
	}
	s.asked = "DATA"
	data, err := s.client.Data()
	if err != nil {
		return s.failure(err)
	}
	s.begun, s.asked = true, "the message"
	if _, err := data.Write(m.bytes()); err != nil {
		return s.failure(err)
	}
	if err := data.Close(); err != nil {
		return s.failure(err)
	}
	s.quit()
	return nil
}

// quit ends politely. What the server says to that changes nothing.
func (s *session) quit() { _ = s.client.Quit() }

func (s *session) close() {
	for _, end := range s.ends {
		end()
	}
	if s.conn != nil {
		_ = s.conn.Close()
	}
}

// failure says what an error means. A reply of the server is its word, to the
// message as well; anything else while the message is under way leaves open
// whether it was taken.
func (s *session) failure(err error) *effect.Error {
	var reply *gosmtp.SMTPError
	if errors.As(err, &reply) && reply.Code >= 400 && reply.Code < 600 {
		return s.refused(reply)
	}
	e := s.broken(err)
	if s.conn != nil && s.conn.RemoteAddr() != nil {
		e.Message = "(" + s.conn.RemoteAddr().String() + ") " + e.Message
	}
	if !s.begun {
		e.Message += "; nothing was sent"
		return e
	}
	return effect.Errorf(effect.CodeUnknown, "%s; it is not known whether the message was taken", e.Message).
		WithHint("look for the Message-ID in the server's log, or ask who should have got it")
}

// refused explains a reply that says no. Those from 400 to 499 are for now.
func (s *session) refused(reply *gosmtp.SMTPError) *effect.Error {
	e := effect.Errorf(effect.CodeRefused, "%s was answered %d %s; nothing was sent", s.asked, reply.Code, strings.Join(strings.Fields(reply.Message), " "))
	e.Retryable = reply.Code < 500
	switch {
	case e.Retryable:
		return e.WithHint("the server says so for now: try again later, or see its log")
	case s.asked == "AUTH":
		return e.WithHint("check username and password in the configuration of smtp")
	case strings.HasPrefix(s.asked, "RCPT"):
		return e.WithHint("check this address in the configuration of smtp; nobody else got the message either")
	case strings.HasPrefix(s.asked, "MAIL"):
		return e.WithHint("check from in the configuration of smtp, and whether the server wants a login: username, password")
	}
	return e.WithHint("see the server's log")
}

// broken explains an end of the conversation.
func (s *session) broken(err error) *effect.Error {
	took := effect.FormatDuration(time.Since(s.began).Round(time.Millisecond))
	var unverified *tls.CertificateVerificationError
	var noName *net.DNSError
	var header tls.RecordHeaderError
	var protocol textproto.ProtocolError
	var reply *gosmtp.SMTPError
	where := func(format string, args ...any) string { return s.asked + ": " + fmt.Sprintf(format, args...) }
	switch {
	case errors.Is(s.ctx.Err(), context.Canceled):
		return effect.Errorf(effect.CodeUnavailable, "%s", where("canceled after %s", took))
	case s.ctx.Err() != nil:
		return effect.Errorf(effect.CodeUnavailable, "%s", where("no answer within %s", effect.FormatDuration(s.settings.timeout))).
			WithHint("check server and port, and whether the server hangs; timeout bounds the wait")
	case errors.As(err, &unverified):
		return effect.Errorf(effect.CodeRefused, "%s", where("the certificate that the server shows is not trusted: %v", unverified.Err)).
			WithHint("check that this is the right server, by the name in its certificate; name the authority that signed it as ca")
	case errors.As(err, &header):
		return effect.Errorf(effect.CodeRefused, "%s", where("whoever answers there speaks no TLS")).
			WithHint("check the port: tls: tls is usual on 465, starttls on 587")
	case errors.As(err, &noName):
		return effect.Errorf(effect.CodeUnavailable, "%s", where("%v", noName)).WithHint("check the name, and whether names can be resolved from here")
	case errors.As(err, &protocol), errors.As(err, &reply):
		return effect.Errorf(effect.CodeFailed, "%s", where("the answer is no SMTP: %q", clip(err.Error()))).WithHint("check the port: something else seems to listen there")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return effect.Errorf(effect.CodeUnavailable, "%s", where("the server hung up")).WithHint("see the server's log")
	}
	return effect.Errorf(effect.CodeUnavailable, "%s", where("%v", err)).WithHint("check that the server runs and can be reached from here")
}

func clip(text string) string {
	const most = 120
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
