package http

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// healthTimeout bounds the question whether a service answers.
const healthTimeout = 5 * time.Second

// settings is the configuration of a Backend.
type settings struct {
	ca       string
	proxy    *url.URL // nil for none
	connect  time.Duration
	services []service // the longest prefix first
	only     bool
}

// service is what the configuration says of the URLs that begin with a prefix.
type service struct {
	prefix                    *url.URL
	ca, cert, key, serverName string
	headers, secrets          map[string]string
	health                    string
}

// fields declares the configuration.
func fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	file := func(name, doc string) effect.Field {
		f := text(name, doc)
		f.Path = effect.IsPath
		return f
	}
	headers := func(name, doc string, secret bool) effect.Field {
		return effect.Field{Name: name, Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: secret}, Doc: doc}
	}
	return []effect.Field{
		{Name: "services", Type: effect.Map, Doc: `what holds for services, by how their URLs begin: "https://api.example.org" or "https://example.org/api"; the longest counts`,
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				file("ca", "a PEM file of the authorities to trust for it, instead of those below"),
				file("cert", "a PEM file with the certificate to show, and those that lead to its authority"),
				file("key", "a PEM file with the private key of cert"),
				text("server_name", "the name that its certificate has to bear; the host if left out"),
				headers("headers", "headers for every request to it", false),
				headers("secrets", "headers for every request to it whose values are never shown", true),
				text("health", "a URL that answers while it works; plugins verify asks for it"),
			}}},
		{Name: "only", Type: effect.Bool, Doc: "whether nothing but these services may be called, redirects included"},
		file("ca", "a PEM file of the authorities to trust, instead of the system's"),
		text("proxy", "the proxy that requests go through: http://host:port; none if left out, whatever the environment says"),
		{Name: "connect_timeout", Type: effect.Duration, Default: "10s", Min: effect.Bound(0.001),
			Doc: "how long a connection may take, and TLS as long again"},
	}
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{ca: str(config["ca"])}
	s.only, _ = config["only"].(bool)
	seconds, _ := config["connect_timeout"].(float64)
	s.connect = effect.Seconds(seconds)
	if proxy := str(config["proxy"]); proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "configure http: proxy: it is no URL of a proxy").
				WithHint("write http://host:port, without a password: it would be recorded")
		}
		s.proxy = u
	}
	services, _ := config["services"].(map[string]any)
	for prefix, v := range services {
		one, err := newService(prefix, v)
		if err != nil {
			return nil, err
		}
		if _, err := one.tls(s.ca); err != nil {
			return nil, err
		}
		s.services = append(s.services, *one)
	}
	slices.SortFunc(s.services, func(a, b service) int {
		if n := len(b.prefix.Path) - len(a.prefix.Path); n != 0 {
			return n
		}
		return strings.Compare(a.prefix.String(), b.prefix.String())
	})
	if s.only && len(s.services) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure http: only: there are no services, so nothing could be called").
			WithHint(`name them: services: { "https://api.example.org": {} }`)
	}
	_, err := (&service{}).tls(s.ca)
	return s, err
}

func newService(prefix string, v any) (*service, error) {
	where := "configure http: services[" + prefix + "]"
	u, err := url.Parse(prefix)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: it is not how a URL begins", where).
			WithHint("write https://host, https://host:port or https://host/path")
	}
	c, _ := v.(map[string]any)
	s := &service{prefix: u, ca: str(c["ca"]), cert: str(c["cert"]), key: str(c["key"]), serverName: str(c["server_name"]),
		headers: texts(c["headers"]), secrets: texts(c["secrets"]), health: str(c["health"])}
	if (s.cert == "") != (s.key == "") {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: cert and key belong together, and one of them is missing", where)
	}
	for _, headers := range []map[string]string{s.headers, s.secrets} {
		if err := checkHeaders(headers); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: %s", where, err.Message).WithHint("%s", err.Hint)
		}
	}
	if s.health != "" {
		if h, err := url.Parse(s.health); err != nil || !s.covers(h) {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: health: %s is no URL of this service", where, s.health)
		}
	}
	return s, nil
}

// covers reports whether a URL begins with the service's prefix; a path ends
// where one of its parts does.
func (s *service) covers(u *url.URL) bool {
	if s.prefix == nil || origin(u) != origin(s.prefix) {
		return false
	}
	prefix, path := strings.TrimSuffix(s.prefix.Path, "/"), u.Path
	// What a server makes of "..", runbook does not know.
	dotted := strings.Contains(path, "/../") || strings.HasSuffix(path, "/..")
	return prefix == "" || !dotted && (path == prefix || strings.HasPrefix(path, prefix+"/"))
}

// service returns what holds for a URL; nothing in particular if it is none of
// the configured ones.
func (s *settings) service(u *url.URL) (*service, *effect.Error) {
	for i := range s.services {
		if s.services[i].covers(u) {
			return &s.services[i], nil
		}
	}
	if s.only {
		names := make([]string, len(s.services))
		for i := range s.services {
			names[i] = s.services[i].prefix.String()
		}
		return nil, effect.Errorf(effect.CodeRefused, "%s belongs to no service that may be called; nothing was sent to it", brief(u)).
			WithHint("the configuration of http allows only %s", strings.Join(names, ", "))
	}
	return &service{}, nil
}

// tls reads the service's certificates; ca is used where it names no
// authorities of its own.
func (s *service) tls(ca string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.serverName}
	if s.ca != "" {
		ca = s.ca
	}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "configure http: ca: %v", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, effect.Errorf(effect.CodeInvalid, "configure http: ca: %s holds no certificate in PEM", ca)
		}
	}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "configure http: cert %s and key %s: %v", s.cert, s.key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

// texts reads a canonical map of strings.
func texts(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := make(map[string]string, len(m))
	for name, value := range m {
		out[name] = str(value)
	}
	return out
}
