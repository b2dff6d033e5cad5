package nginx

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	"github.com/q-ecosystem/runbook/plugins"
)

// settings are the backend's configuration.
type settings struct {
	pools        map[string]*pool
	pool         string   // of calls that name none; "" if there is no such
	test, reload []string // programs
	timeout      time.Duration
}

// pool is a variable of nginx whose value is one of several upstreams.
type pool struct {
	name    string
	file    string
	status  string            // the address of the location
	by      string            // what of a request decides
	servers map[string]string // nginx's names, by those that scripts use
}

func fields() []effect.Field {
	text := effect.Field{Type: effect.String, Min: effect.Bound(1)}
	return []effect.Field{
		{Name: "pools", Type: effect.Map, Required: true, Min: effect.Bound(1), Doc: "the pools, by name: the pool web sets the variable $runbook_web",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "file", Type: effect.String, Required: true, Path: effect.IsPath, Doc: "the file that nginx.conf includes and runbook writes"},
				{Name: "status", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "the address of the location that returns $runbook_web_status"},
				{Name: "servers", Type: effect.Map, Required: true, Min: effect.Bound(1), Elem: &text, Doc: `the upstreams of nginx.conf, by the names that scripts use: { green = "web-green" }`},
				{Name: "by", Type: effect.String, Default: "$request_id", Min: effect.Bound(1), Doc: `what of a request decides where it goes; "$remote_addr" keeps a client at one server`},
			}}},
		{Name: "pool", Type: effect.String, Doc: "the pool of calls that name none; the only one if left out"},
		{Name: "test", Type: effect.List, Elem: &text, Min: effect.Bound(1), Default: []any{"nginx", "-T"}, Doc: "the program that tests the configuration, and may print it"},
		{Name: "reload", Type: effect.List, Elem: &text, Min: effect.Bound(1), Default: []any{"nginx", "-s", "reload"}, Doc: "the program that lets nginx read it"},
		{Name: "timeout", Type: effect.Duration, Default: "8s", Min: effect.Bound(0.1), Doc: "how long a program, an answer, and a reload may take until it is in force, each"},
	}
}

var (
	poolName   = lazyregexp.New(`^[A-Za-z0-9_]+$`) // part of a variable's name
	serverName = lazyregexp.New(`^[A-Za-z0-9_.:-]+$`)
	byText     = lazyregexp.New(`^[A-Za-z0-9_${}.:|-]+$`)
)

func newSettings(config map[string]any) (settings, error) {
	timeout, _ := config["timeout"].(float64)
	s := settings{pools: map[string]*pool{}, test: words(config["test"]), reload: words(config["reload"]), timeout: effect.Seconds(timeout)}
	given, _ := config["pools"].(map[string]any)
	files := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		of, _ := given[name].(map[string]any)
		p, err := newPool(name, of)
		if err != nil {
			return s, err
		}
		if other := files[p.file]; other != "" {
			return s, effect.Errorf(effect.CodeInvalid, "pools: %s and %s have the same file", other, name).WithHint("give each a file of its own")
		}
		files[p.file], s.pools[name] = name, p
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
	p.file, _ = of["file"].(string)
	p.status, _ = of["status"].(string)
	p.by, _ = of["by"].(string)
	bad := func(key, value, should string) error {
		return effect.Errorf(effect.CodeInvalid, "pools.%s%s: %q %s", name, key, value, should)
	}
	address, err := url.Parse(p.status)
	switch {
	case !poolName.MatchString(name):
		return nil, bad("", name, "cannot be part of a variable's name: use letters, digits and _")
	case err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "":
		return nil, bad(".status", p.status, "is no address: write http://127.0.0.1:PORT/PATH")
	case !byText.MatchString(p.by):
		return nil, bad(".by", p.by, "has characters that do not belong into a variable of nginx")
	}
	servers, _ := of["servers"].(map[string]any)
	owner := map[string]string{}
	for _, alias := range slices.Sorted(maps.Keys(servers)) {
		real, _ := servers[alias].(string)
		switch other := owner[real]; {
		case !serverName.MatchString(real):
			return nil, bad(".servers."+alias, real, "is no name of an upstream")
		case other != "":
			return nil, bad(".servers."+alias, real, "is "+other+" already")
		case alias == "pool" || alias == "others":
			return nil, bad(".servers", alias, "is an argument of traffic.split, and cannot be a server's name")
		}
		owner[real], p.servers[alias] = alias, real
	}
	return p, nil
}

func words(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, w := range list {
		text, _ := w.(string)
		out = append(out, text)
	}
	return out
}

// poolFor returns the pool that a request is about.
func (s *settings) poolFor(req plugins.Request) (*pool, error) {
	if s.pools == nil {
		return nil, effect.Errorf(effect.CodeInternal, "the nginx backend is not configured")
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
	known := slices.Sorted(maps.Keys(s.pools))
	return effect.Errorf(effect.CodeNotFound, "the configuration of nginx has no pool %q", name).WithHint("%s", effect.Among("it has ", name, known))
}
