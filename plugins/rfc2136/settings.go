package rfc2136

import (
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// settings is the configuration of a Backend.
type settings struct {
	server    string   // host:port of the primary
	servers   []string // the other authoritative ones
	listed    bool     // that list is whole
	resolvers map[string]string
	zones     []string
	key       *key // nil for none
	timeout   time.Duration
}

// key is a TSIG key.
type key struct{ name, algorithm, secret string }

func fields() []effect.Field {
	return []effect.Field{
		{Name: "server", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the primary, which takes updates: host or host:port"},
		{Name: "key", Type: effect.Object, Doc: "the key that it knows us by; none if left out", Fields: []effect.Field{
			{Name: "name", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the key's name, as the server has it"},
			{Name: "algorithm", Type: effect.Enum, Enum: []string{"hmac-sha256", "hmac-sha512", "hmac-sha384", "hmac-sha224", "hmac-sha1"}, Default: "hmac-sha256", Doc: "its algorithm"},
			{Name: "secret", Type: effect.String, Secret: true, Required: true, Doc: "the secret, in base64"}}},
		{Name: "zones", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "the zones that may be read and changed; all that the primary has if left out"},
		{Name: "servers", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "the other authoritative servers, which have to agree: host or host:port; those of the zone's NS records if left out"},
		{Name: "resolvers", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "resolvers, by the names that runbooks use: { office: 192.0.2.53 }"},
		{Name: "timeout", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "how long one answer may take"},
	}
}

func newSettings(config map[string]any) (*settings, error) {
	str := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	list := func(name string) []string {
		var out []string
		l, _ := config[name].([]any)
		for _, v := range l {
			s, _ := v.(string)
			out = append(out, s)
		}
		return out
	}
	s := &settings{server: address(str(config, "server")), resolvers: map[string]string{}}
	seconds, _ := config["timeout"].(float64)
	if s.timeout = effect.Seconds(seconds); s.timeout <= 0 {
		s.timeout = 5 * time.Second
	}
	_, s.listed = config["servers"]
	for _, server := range list("servers") {
		if a := address(server); a != s.server {
			s.servers = append(s.servers, a)
		}
	}
	for _, zone := range list("zones") {
		s.zones = append(s.zones, lower(zone))
	}
	resolvers, _ := config["resolvers"].(map[string]any)
	for name := range resolvers {
		s.resolvers[name] = address(str(resolvers, name))
	}
	if _, taken := s.resolvers[all]; taken {
		return nil, effect.Errorf(effect.CodeInvalid, "configure rfc2136: resolvers: %q stands for all authoritative servers", all).WithHint("call the resolver something else")
	}
	if k, ok := config["key"].(map[string]any); ok {
		secret := str(k, "secret")
		if hidden, ok := k["secret"].(effect.Secret); ok {
			secret = hidden.Reveal()
		}
		secret = strings.Join(strings.Fields(secret), "")
		if raw, err := base64.StdEncoding.DecodeString(secret); err != nil || len(raw) == 0 {
			return nil, effect.Errorf(effect.CodeInvalid, "configure rfc2136: key.secret: it is no base64").WithHint("copy it from the key file, without quotes and semicolon")
		}
		s.key = &key{dns.Fqdn(lower(str(k, "name"))), dns.Fqdn(str(k, "algorithm")), secret}
	}
	return s, nil
}

// address returns host:port; the port of DNS if there is none.
func address(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), "53")
}

// peer is a server to ask.
type peer struct {
	name     string // for people: "office (192.0.2.53:53)"
	address  string
	key      *key
	recurses bool
}

func (s *settings) primary() peer {
	return peer{name: "the primary " + s.server, address: s.server, key: s.key}
}

// resolver returns the resolver of that name or address.
func (s *settings) resolver(name string) peer {
	if a, ok := s.resolvers[name]; ok {
		return peer{name: "the resolver " + name + " (" + a + ")", address: a, recurses: true}
	}
	a := address(name)
	return peer{name: "the resolver " + a, address: a, recurses: true}
}

// mayHave refuses a zone that the configuration does not name.
func (s *settings) mayHave(zone string) *effect.Error {
	if len(s.zones) == 0 || slices.Contains(s.zones, zone) {
		return nil
	}
	return effect.Errorf(effect.CodeNotFound, "the zone %s is none that the configuration of rfc2136 allows; nothing was sent", zone).
		WithHint("it allows %s", strings.Join(s.zones, ", "))
}
