package caddy

import (
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// settings are the backend's configuration.
type settings struct {
	admin *admin
	pools map[string]*pool
	pool  string // of calls that name none; "" if there is no such
}

// pool is a reverse_proxy handler, whose upstreams share the requests.
type pool struct {
	name    string
	handler string            // as it was written: an "@id", or a path
	at      string            // the same as a path of the admin API
	servers map[string]string // addresses, by the names that scripts use
}

func fields() []effect.Field {
	text := effect.Field{Type: effect.String, Min: effect.Bound(1)}
	return append([]effect.Field{
		{Name: "address", Type: effect.String, Default: "http://localhost:2019", Min: effect.Bound(1), Doc: "where Caddy's admin API listens"},
		{Name: "pools", Type: effect.Map, Required: true, Min: effect.Bound(1), Doc: "the pools, by the names that calls use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "handler", Type: effect.String, Required: true, Min: effect.Bound(1),
					Doc: `the "@id" of the reverse_proxy handler, or its path: /config/apps/http/servers/web/routes/0/handle/0`},
				{Name: "servers", Type: effect.Map, Required: true, Min: effect.Bound(1), Elem: &text,
					Doc: `the addresses of its upstreams (dial), by the names that scripts use: { green = "10.0.0.12:8080" }`},
			}}},
		{Name: "pool", Type: effect.String, Doc: "the pool of calls that name none; the only one if left out"},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (settings, error) {
	s := settings{pools: map[string]*pool{}}
	client, err := post.New("caddy", config)
	if err != nil {
		return s, err
	}
	address, _ := config["address"].(string)
	to, err := url.Parse(address)
	if err != nil || to.Scheme != "http" && to.Scheme != "https" || to.Host == "" || to.User != nil || strings.Trim(to.Path, "/") != "" || to.RawQuery != "" {
		return s, effect.Errorf(effect.CodeInvalid, "address: %q is no address of an admin API", address).
			WithHint("write http://host:port, as `admin` of Caddy's configuration has it; it is http://localhost:2019 if that says nothing")
	}
	s.admin = &admin{client, to}
	given, _ := config["pools"].(map[string]any)
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		of, _ := given[name].(map[string]any)
		p, err := newPool(name, of)
		if err != nil {
			return s, err
		}
		if other := owner[p.at]; other != "" {
			return s, effect.Errorf(effect.CodeInvalid, "pools: %s and %s have the same handler", other, name).WithHint("a pool is one handler: give each its own")
		}
		owner[p.at], s.pools[name] = name, p
		if len(given) == 1 {
			s.pool = name
		}
	}
	if pool, ok := config["pool"].(string); ok {
		if s.pool = pool; s.pools[pool] == nil {
			return s, s.noPool(pool)
		}
	}
	return s, nil
}

func newPool(name string, of map[string]any) (*pool, error) {
	p := &pool{name: name, servers: map[string]string{}}
	p.handler, _ = of["handler"].(string)
	switch {
	case strings.HasPrefix(p.handler, "/config/") && path.Clean(p.handler) == p.handler:
		p.at = p.handler
	case strings.Contains(p.handler, "/"):
		return nil, effect.Errorf(effect.CodeInvalid, "pools.%s.handler: %q is neither an @id nor a path", name, p.handler).
			WithHint("a path begins with /config/ and names each step: /config/apps/http/servers/web/routes/0/handle/0")
	default:
		p.at = "/id/" + p.handler
	}
	servers, _ := of["servers"].(map[string]any)
	owner := map[string]string{}
	for _, alias := range slices.Sorted(maps.Keys(servers)) {
		dial, _ := servers[alias].(string)
		if other := owner[dial]; other != "" {
			return nil, effect.Errorf(effect.CodeInvalid, "pools.%s.servers: %s and %s are both %s", name, other, alias, dial).WithHint("give each upstream one name")
		}
		if alias == "pool" || alias == "others" {
			return nil, effect.Errorf(effect.CodeInvalid, "pools.%s.servers: a server cannot be called %s, which is an argument of traffic.split", name, alias).
				WithHint("give it another name")
		}
		owner[dial], p.servers[alias] = alias, dial
	}
	return p, nil
}

// poolFor returns the pool that a request is about.
func (s *settings) poolFor(req plugins.Request) (*pool, error) {
	if s.pools == nil {
		return nil, unconfigured()
	}
	name := s.pool
	if given, ok := req.Args["pool"].(string); ok {
		name = given
	}
	if name == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "the call names no pool, and the configuration has several").
			WithHint("write pool = %q, or set `pool` in the configuration of the backend", slices.Sorted(maps.Keys(s.pools))[0])
	}
	if p := s.pools[name]; p != nil {
		return p, nil
	}
	return nil, s.noPool(name)
}

func (s *settings) noPool(name string) error {
	return effect.Errorf(effect.CodeNotFound, "the configuration of caddy has no pool %q", name).
		WithHint("%s", effect.Among("it has ", name, slices.Sorted(maps.Keys(s.pools))))
}
