package pagerduty

import (
	"net/url"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// settings is the configuration of a Backend.
type settings struct {
	client      *post.Client
	events, api *url.URL
	token       string // "" if there is none
	from        string // the address of the user that writes notes; "" if there is none
	services    map[string]*service
	scrub       *redact.Scrubber
}

// service is one that can be paged.
type service struct {
	name, routingKey string
	id               string // PagerDuty's own; "" if it does not matter
	source           string
}

// fields declares the configuration.
func fields() []effect.Field {
	text := func(name, doc string) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Min: effect.Bound(1), Doc: doc}
	}
	secret := func(name, doc string, required bool) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Secret: true, Required: required, Doc: doc}
	}
	return append([]effect.Field{
		{Name: "services", Type: effect.Map, Required: true, Doc: "who can be paged, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				secret("routing_key", "the integration key of an integration \"Events API v2\" of the service, or of an event orchestration", true),
				text("service", "PagerDuty's ID of the service, as in its URL; needed where one key names pages of several services"),
				{Name: "source", Type: effect.String, Default: "runbook", Min: effect.Bound(1), Doc: "what pages name as the affected system"},
			}}},
		secret("api_token", "a key of the REST API; acknowledged and the text of update need it, and with it page and update tell the status. "+
			"A read-only one will do for all but the text of update", false),
		text("from", "the address of a user of the account, in whose name the text of update is noted"),
		{Name: "events", Type: effect.String, Default: "https://events.pagerduty.com", Min: effect.Bound(1),
			Doc: "where the Events API is; https://events.eu.pagerduty.com for accounts in the EU"},
		{Name: "api", Type: effect.String, Default: "https://api.pagerduty.com", Min: effect.Bound(1),
			Doc: "where the REST API is; https://api.eu.pagerduty.com for accounts in the EU"},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	client, err := post.New("pagerduty", config)
	if err != nil {
		return nil, err
	}
	s := &settings{client: client, token: strings.TrimSpace(str(config["api_token"])), from: str(config["from"]), services: map[string]*service{}}
	if s.events, err = base("events", str(config["events"])); err != nil {
		return nil, err
	}
	if s.api, err = base("api", str(config["api"])); err != nil {
		return nil, err
	}
	secrets := []effect.Secret{effect.NewSecret("api_token", s.token)}
	services, _ := config["services"].(map[string]any)
	for name, v := range services {
		entry, _ := v.(map[string]any)
		one := &service{name: name, routingKey: strings.TrimSpace(str(entry["routing_key"])), id: str(entry["service"]), source: str(entry["source"])}
		if one.routingKey == "" {
			return nil, effect.Errorf(effect.CodeInvalid, "configure pagerduty: services.%s.routing_key: it is empty", name).
				WithHint("it is the integration key of an integration \"Events API v2\" of the service")
		}
		secrets = append(secrets, effect.NewSecret("routing_key", one.routingKey))
		s.services[name] = one
	}
	if len(s.services) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure pagerduty: there is no service").
			WithHint("name at least one: services: { on-call: { routing_key: env:ON_CALL_KEY } }")
	}
	if s.from != "" && s.token == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "configure pagerduty: from is of no use without api_token")
	}
	s.scrub = redact.New(secrets...)
	return s, nil
}

// base reads the URL of one of the APIs. Keys go there, so it has TLS.
func base(name, text string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, effect.Errorf(effect.CodeInvalid, "configure pagerduty: %s: it is not how a URL begins", name).WithHint("write https://host")
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && post.Loopback(u)) {
		return nil, effect.Errorf(effect.CodeInvalid, "configure pagerduty: %s: keys are sent there, so it has to be https://", name).
			WithHint("http:// is for this machine only")
	}
	return u, nil
}
