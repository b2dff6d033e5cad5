package pinning

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// settings is the configuration of a Backend.
type settings struct {
	client   *post.Client
	services map[string]*service
	main     string        // which one calls without node mean
	every    time.Duration // the pause between two looks at a request
	health   time.Duration // how long the question whether a service answers may take
}

// service is one that keeps content for us.
type service struct {
	name  string
	url   *url.URL // without /pins
	token string
	scrub *redact.Scrubber
}

func fields() []effect.Field {
	text := func(name, doc string, required bool) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Required: required, Min: effect.Bound(1), Doc: doc}
	}
	token := text("token", "the access token that the service gave you", true)
	token.Secret = true
	return append([]effect.Field{
		{Name: "services", Type: effect.Map, Required: true, Doc: "the services, by the names that runbooks use as node",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				text("url", "its endpoint, without /pins: https://api.pinata.cloud/psa", true), token,
				{Name: "insecure", Type: effect.Bool, Doc: "whether http:// will do to another machine: who listens on the way has the token"}}}},
		text("service", "the one that calls without node mean; the only one if left out", false),
		{Name: "every", Type: effect.Duration, Default: "5s", Min: effect.Bound(0.01), Doc: "the pause between two looks at a pin that is on its way"},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	client, err := post.New("pinning", config)
	if err != nil {
		return nil, err
	}
	every, _ := config["every"].(float64)
	timeout, _ := config["timeout"].(float64)
	s := &settings{client: client, services: map[string]*service{}, main: str(config["service"]), every: effect.Seconds(every), health: effect.Seconds(timeout)}
	list, _ := config["services"].(map[string]any)
	for name, v := range list {
		of, _ := v.(map[string]any)
		if s.services[name], err = newService(name, of); err != nil {
			return nil, err
		}
	}
	names := slices.Sorted(maps.Keys(s.services))
	if s.main == "" && len(names) == 1 {
		s.main = names[0]
	}
	if s.services[s.main] == nil {
		e := effect.Errorf(effect.CodeInvalid, "configure pinning: service: there is no service %q", s.main)
		if s.main == "" {
			e = effect.Errorf(effect.CodeInvalid, "configure pinning: service: it has to say which of the services calls mean that name none")
		}
		return nil, e.WithHint("services has: %s", strings.Join(names, ", "))
	}
	return s, nil
}

func newService(name string, of map[string]any) (*service, error) {
	where := "configure pinning: services." + name
	u, err := url.Parse(str(of["url"]))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s.url: it is no endpoint of a service", where).
			WithHint("write https://host/path as the service's documentation has it, without a token: that is what token is for")
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/pins")
	if insecure, _ := of["insecure"].(bool); u.Scheme == "http" && !insecure && !post.Loopback(u) {
		return nil, effect.Errorf(effect.CodeInvalid, "%s.url: plain http hands the token to whoever listens on the way", where).
			WithHint("write https://, or insecure: true if that does not matter")
	}
	s := &service{name: name, url: u, token: strings.TrimPrefix(strings.TrimSpace(str(of["token"])), "Bearer ")}
	if s.token == "" || strings.ContainsFunc(s.token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, effect.Errorf(effect.CodeInvalid, "%s.token: it is no token", where).WithHint("copy it from the service, alone on its line")
	}
	s.scrub = redact.New(effect.NewSecret("token", s.token))
	return s, nil
}

// service returns the one that a call names.
func (s *settings) service(name string) (*service, *effect.Error) {
	if name == "" {
		name = s.main
	}
	if found := s.services[name]; found != nil {
		return found, nil
	}
	return nil, effect.Errorf(effect.CodeNotFound, "there is no service %q", name).
		WithHint("the configuration of pinning has: %s", strings.Join(slices.Sorted(maps.Keys(s.services)), ", "))
}

// String returns "service main (https://api.example.org/psa)".
func (s *service) String() string { return "service " + s.name + " (" + s.url.String() + ")" }

func str(v any) string {
	s, _ := v.(string)
	return s
}
