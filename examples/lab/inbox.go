package lab

import (
	"encoding/json"
	"io"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Message is what a sink received.
type Message struct {
	At    time.Time `json:"at"`
	Via   string    `json:"via"`            // "webhook" or "smtp"
	To    string    `json:"to"`             // the path, or the recipients
	From  string    `json:"from,omitempty"` // of a mail
	Title string    `json:"title,omitempty"`
	Text  string    `json:"text"`
}

const (
	maxMessages     = 1000
	maxMessageBytes = 1 << 20
)

// inbox keeps the latest messages.
type inbox struct {
	mu       sync.Mutex
	messages []Message
}

func (b *inbox) put(m Message) {
	m.At = time.Now().UTC()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.messages = append(b.messages, m); len(b.messages) > maxMessages {
		b.messages = append(b.messages[:0], b.messages[len(b.messages)-maxMessages:]...)
	}
}

// list returns the messages, oldest first.
func (b *inbox) list() []Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Message{}, b.messages...)
}

// ServeHTTP is the webhook: it takes a POST to any path. Of a JSON object it
// keeps the members "title" and "message" or "text", of one from Alertmanager what
// its alerts say; any other body as it is.
func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		http.Error(w, "post a message here", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessageBytes))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m := Message{Via: "webhook", To: r.URL.Path, Text: string(body)}
	var object struct{ Title, Message, Text string }
	if json.Unmarshal(body, &object) == nil && object.Message+object.Text != "" {
		m.Title, m.Text = object.Title, object.Message+object.Text
	}
	var told struct {
		Status string
		Alerts []struct {
			Annotations struct{ Summary string }
		}
	}
	if json.Unmarshal(body, &told) == nil && len(told.Alerts) > 0 {
		m.Title, m.Text = told.Status, ""
		for i, alert := range told.Alerts {
			if i > 0 {
				m.Text += ", "
			}
			m.Text += alert.Annotations.Summary
		}
	}
	b.put(m)
	w.WriteHeader(http.StatusNoContent)
}

// newMailServer returns the SMTP sink: it takes mail for anyone from anyone.
func newMailServer(b *inbox) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &mailSession{inbox: b}, nil
	}))
	server.Domain = "lab.localhost"
	server.MaxMessageBytes = maxMessageBytes
	server.MaxRecipients = 50
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	server.ErrorLog = silent{}
	return server
}

// silent drops what clients' lost connections make the server say.
type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// mailSession takes the mails of one SMTP connection.
type mailSession struct {
	inbox *inbox
	from  string
	to    []string
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	m := Message{Via: "smtp", From: s.from, To: strings.Join(s.to, ", ")}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m.Text = string(raw)
	if parsed, err := mail.ReadMessage(strings.NewReader(m.Text)); err == nil {
		m.Title = parsed.Header.Get("Subject")
		if body, err := io.ReadAll(parsed.Body); err == nil {
			m.Text = strings.TrimSpace(string(body))
		}
	}
	s.inbox.put(m)
	return nil
}

func (s *mailSession) Reset() { s.from, s.to = "", nil }

func (s *mailSession) Logout() error { return nil }
