package kubo

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// settings is the configuration of a Backend.
type settings struct {
	nodes   map[string]*node
	main    string // which one calls without a node mean
	connect time.Duration
}

// node is where a node of ours takes commands.
type node struct {
	name     string
	api      *url.URL
	token    string // the header Authorization; "" for none
	loopback bool   // nothing but this machine may be spoken to
	tls      *tls.Config
	scrub    *redact.Scrubber
}

func fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	api := text("api", "where it takes commands: http://127.0.0.1:5001, or https:// of a proxy before it")
	api.Required = true
	token := text("token", `the header Authorization, whole: "Bearer …" or "Basic …"; none if left out`)
	token.Secret = true
	ca := text("ca", "a PEM file of the authorities to trust for it, instead of the system's")
	ca.Path = effect.IsPath
	return []effect.Field{
		{Name: "nodes", Type: effect.Map, Required: true, Doc: "the nodes, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{api, token, ca,
				{Name: "insecure", Type: effect.Bool, Doc: "whether to speak plain http to another machine; whoever sits between can then command the node"}}}},
		text("node", "the node that calls without one mean; the only one if left out"),
		{Name: "connect_timeout", Type: effect.Duration, Default: "10s", Min: effect.Bound(0.001), Doc: "how long a connection may take, and TLS as long again"},
	}
}

func newSettings(config map[string]any) (*settings, error) {
	s := &settings{nodes: map[string]*node{}, main: str(config["node"])}
	seconds, _ := config["connect_timeout"].(float64)
	if s.connect = effect.Seconds(seconds); s.connect <= 0 {
		s.connect = 10 * time.Second
	}
	nodes, _ := config["nodes"].(map[string]any)
	for name, v := range nodes {
		of, _ := v.(map[string]any)
		n, err := newNode(name, of)
		if err != nil {
			return nil, err
		}
		s.nodes[name] = n
	}
	names := slices.Sorted(maps.Keys(s.nodes))
	if s.main == "" && len(names) == 1 {
		s.main = names[0]
	}
	if s.nodes[s.main] == nil {
		e := effect.Errorf(effect.CodeInvalid, "configure kubo: node: there is no node %q", s.main)
		if s.main == "" {
			e = effect.Errorf(effect.CodeInvalid, "configure kubo: node: it has to say which of the nodes calls mean that name none")
		}
		return nil, e.WithHint("nodes has: %s", orNone(names))
	}
	return s, nil
}

func newNode(name string, of map[string]any) (*node, error) {
	where := "configure kubo: nodes[" + name + "]"
	u, err := url.Parse(str(of["api"]))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: api: it is no address of a node", where).
			WithHint("write http://127.0.0.1:5001 or https://host, without a password: that is what token is for")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/api/v0")
	n := &node{name: name, api: u, token: str(of["token"]), tls: &tls.Config{MinVersion: tls.VersionTLS12}}
	if hidden, ok := of["token"].(effect.Secret); ok {
		n.token = hidden.Reveal()
	}
	n.token = strings.TrimSpace(n.token)
	scheme, secret, ok := strings.Cut(n.token, " ")
	if n.token != "" && (!ok || strings.ContainsFunc(n.token, func(r rune) bool { return r < ' ' || r >= 0x7f })) {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: token: it is no value of the header Authorization", where).
			WithHint(`write "Bearer …" or "Basic …", as the node's API.Authorizations has it`)
	}
	n.scrub = redact.New(effect.NewSecret(scheme, secret), effect.NewSecret("token", n.token))
	insecure, _ := of["insecure"].(bool)
	if n.loopback = u.Scheme == "http" && !insecure; n.loopback && !isLoopback(u.Hostname()) {
		return nil, effect.Errorf(effect.CodeInvalid, "%s: api: %s is another machine, and plain http hands it and the token to whoever listens", where, u.Host).
			WithHint("put a proxy with TLS before the node and write https://, forward its port by ssh, or say insecure: true if the network between is trusted")
	}
	if ca := str(of["ca"]); ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: ca: %v", where, err)
		}
		n.tls.RootCAs = x509.NewCertPool()
		if !n.tls.RootCAs.AppendCertsFromPEM(pem) {
			return nil, effect.Errorf(effect.CodeInvalid, "%s: ca: %s holds no certificate in PEM", where, ca)
		}
	}
	return n, nil
}

// node returns the node that a call names.
func (s *settings) node(name string) (*node, *effect.Error) {
	if name == "" {
		name = s.main
	}
	if n := s.nodes[name]; n != nil {
		return n, nil
	}
	return nil, effect.Errorf(effect.CodeNotFound, "there is no node %q", name).
		WithHint("the configuration of kubo has: %s", orNone(slices.Sorted(maps.Keys(s.nodes))))
}

// String returns "node main (http://127.0.0.1:5001)".
func (n *node) String() string { return "node " + n.name + " (" + n.api.String() + ")" }

// isLoopback reports whether a host is this machine; the address of localhost
// is looked at when it is dialed.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
