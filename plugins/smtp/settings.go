package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// settings is the configuration of a Backend.
type settings struct {
	server, host       string // "mail.example.org:587", "mail.example.org"
	implicit, insecure bool   // TLS from the first byte; none at all
	ca                 string
	username, password string
	from, hello        string
	timeout            time.Duration
	channels           map[string]*channel
	scrub              *redact.Scrubber
}

// channel is a list of people.
type channel struct {
	name, title string
	to          []string
}

// fields declares the configuration.
func fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	need := func(name, doc string) effect.Field {
		f := text(name, doc)
		f.Required = true
		return f
	}
	ca := text("ca", "a PEM file of the authorities to trust, instead of the system's")
	ca.Path = effect.IsPath
	return []effect.Field{
		need("server", "the submission server, as host:port; 587 is usual with starttls, 465 with tls"),
		{Name: "tls", Type: effect.Enum, Enum: []string{"starttls", "tls"}, Default: "starttls",
			Doc: "how the connection is encrypted: once it stands, or from its first byte on"},
		{Name: "insecure", Type: effect.Bool, Doc: "no TLS at all; only for a server on this machine"},
		ca,
		text("username", "who logs in; nobody if left out"),
		{Name: "password", Type: effect.String, Secret: true, Doc: "of username"},
		need("from", "the sender's address"),
		{Name: "hello", Type: effect.String, Default: "localhost", Min: effect.Bound(1), Doc: "the name of this machine that the server is told"},
		{Name: "timeout", Type: effect.Duration, Default: "20s", Min: effect.Bound(0.001), Doc: "how long one message may take"},
		{Name: "channels", Type: effect.Map, Required: true, Doc: "where messages go, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "to", Type: effect.List, Required: true, Min: effect.Bound(1), Elem: &effect.Field{Type: effect.String}, Doc: "the addresses that get it"},
				text("title", "the subject of messages that have none of their own"),
			}}},
	}
}

func newSettings(config map[string]any) (*settings, error) {
	str := func(name string) string { s, _ := config[name].(string); return s }
	bad := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure smtp: "+format, args...)
	}
	s := &settings{server: str("server"), implicit: str("tls") == "tls", ca: str("ca"), username: str("username"),
		password: strings.TrimRight(str("password"), "\r\n"), hello: str("hello"), channels: map[string]*channel{}}
	s.insecure, _ = config["insecure"].(bool)
	seconds, _ := config["timeout"].(float64)
	s.timeout = effect.Seconds(seconds)
	host, port, err := net.SplitHostPort(s.server)
	if err != nil || host == "" || port == "" {
		return nil, bad("server: %q is no address", s.server).WithHint("write host:port, as in mail.example.org:587")
	}
	s.host = host
	if addr, err := netip.ParseAddr(host); s.insecure && host != "localhost" && (err != nil || !addr.IsLoopback()) {
		return nil, bad("insecure: %s is another machine, and who listens on the way would read along", host).
			WithHint("leave insecure out: tls = starttls or tls")
	}
	if s.insecure && s.implicit {
		return nil, bad("insecure and tls: tls cannot both be")
	}
	if (s.username == "") != (s.password == "") {
		return nil, bad("username and password belong together, and one of them is missing")
	}
	if s.from, err = address(str("from")); err != nil {
		return nil, bad("from: %v", err).WithHint("write runbook@example.org")
	}
	if strings.ContainsAny(s.hello, " \r\n") {
		return nil, bad("hello: %q is no name of a machine", s.hello)
	}
	if _, err := s.tls(); err != nil {
		return nil, bad("ca: %v", err)
	}
	list, _ := config["channels"].(map[string]any)
	for name, v := range list {
		entry, _ := v.(map[string]any)
		c := &channel{name: name}
		c.title, _ = entry["title"].(string)
		to, _ := entry["to"].([]any)
		for _, v := range to {
			text, _ := v.(string)
			a, err := address(text)
			if err != nil {
				return nil, bad("channels.%s.to: %v", name, err).WithHint("write ops@example.org")
			}
			c.to = append(c.to, a)
		}
		s.channels[name] = c
	}
	if len(s.channels) == 0 {
		return nil, bad("there is no channel").WithHint("name at least one: channels: { ops: { to: [ops@example.org] } }")
	}
	s.scrub = redact.New(effect.NewSecret("password", s.password))
	return s, nil
}

// address checks one address, which stands alone.
func address(text string) (string, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Name != "" || a.Address != text {
		return "", fmt.Errorf("%q is no address", text)
	}
	for _, r := range text {
		if r >= 0x80 || r <= ' ' {
			return "", fmt.Errorf("%q holds characters that not every server takes", text)
		}
	}
	return text, nil
}

// tls reads the authorities anew: they may have been renewed.
func (s *settings) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.host}
	if s.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(s.ca)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", s.ca)
	}
	return config, nil
}
