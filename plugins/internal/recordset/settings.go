package recordset

import (
	"net"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// all stands for all authoritative servers where a resolver is named.
const all = "authoritative"

// settings is the configuration of a Backend.
type settings struct {
	backend   string
	keeper    Keeper
	client    Client
	servers   []string // addresses of the authoritative ones
	listed    bool     // that list is whole
	resolvers map[string]string
	zones     []string
}

// fields declares the configuration that every backend of records has.
func fields() []effect.Field {
	return []effect.Field{
		{Name: "zones", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "the zones that may be read and changed; all that are kept there if left out"},
		{Name: "servers", Type: effect.List, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "the authoritative servers, which have to agree: host or host:port; those that the zone names if left out"},
		{Name: "resolvers", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
			Doc: "resolvers, by the names that runbooks use: { office: 192.0.2.53 }"},
	}
}

func newSettings(service Service, config map[string]any) (*settings, error) {
	list := func(name string) []string {
		var out []string
		l, _ := config[name].([]any)
		for _, v := range l {
			s, _ := v.(string)
			out = append(out, s)
		}
		return out
	}
	s := &settings{backend: service.Name, resolvers: map[string]string{}}
	seconds, _ := config["timeout"].(float64)
	if s.client.Timeout = effect.Seconds(seconds); s.client.Timeout <= 0 {
		s.client.Timeout = 5 * time.Second
	}
	_, s.listed = config["servers"]
	for _, server := range list("servers") {
		s.servers = append(s.servers, Address(server))
	}
	for _, zone := range list("zones") {
		s.zones = append(s.zones, Lower(zone))
	}
	resolvers, _ := config["resolvers"].(map[string]any)
	for name, v := range resolvers {
		address, _ := v.(string)
		s.resolvers[name] = Address(address)
	}
	if _, taken := s.resolvers[all]; taken {
		return nil, effect.Errorf(effect.CodeInvalid, "configure %s: resolvers: %q stands for all authoritative servers", service.Name, all).WithHint("call the resolver something else")
	}
	var err error
	s.keeper, err = service.Open(config)
	return s, err
}

// Address returns host:port; the port of DNS if there is none.
func Address(server string) string {
	if _, _, err := net.SplitHostPort(server); err == nil {
		return server
	}
	return net.JoinHostPort(strings.Trim(server, "[]"), "53")
}

// resolver returns the resolver of that name or address.
func (s *settings) resolver(name string) Peer {
	if a, ok := s.resolvers[name]; ok {
		return Peer{Name: "the resolver " + name + " (" + a + ")", Address: a, Recurses: true}
	}
	a := Address(name)
	return Peer{Name: "the resolver " + a, Address: a, Recurses: true}
}

// mayHave refuses a zone that the configuration does not name.
func (s *settings) mayHave(zone string) *effect.Error {
	if len(s.zones) == 0 || slices.Contains(s.zones, zone) {
		return nil
	}
	return effect.Errorf(effect.CodeNotFound, "the zone %s is none that the configuration of %s allows; nothing was sent", zone, s.backend).
		WithHint("it allows %s", strings.Join(s.zones, ", "))
}

// IDs declares the key by which a service's own names of zones are told; what
// says where they are found.
func IDs(what string) effect.Field {
	return effect.Field{Name: "zone_ids", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Min: effect.Bound(1)},
		Doc: "zones by name, each with " + what + ": no others are looked for, so that zones need not be listed"}
}

// ZoneIDs reads what IDs declares.
func ZoneIDs(config map[string]any) map[string]string {
	ids := map[string]string{}
	given, _ := config["zone_ids"].(map[string]any)
	for name, v := range given {
		ids[Lower(name)], _ = v.(string)
	}
	return ids
}
