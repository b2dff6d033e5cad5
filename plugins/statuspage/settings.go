package statuspage

import (
	"net/url"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// settings is the configuration of a Backend.
type settings struct {
	client *post.Client
	api    *url.URL
	pages  map[string]*page
	scrub  *redact.Scrubber
}

// page is a status page.
type page struct {
	name, id, token string
}

// fields declares the configuration.
func fields() []effect.Field {
	return append([]effect.Field{
		{Name: "pages", Type: effect.Map, Required: true, Doc: "the status pages, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "page", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "Statuspage's ID of the page, as in the address of its management: kctbh9vrtdwd"},
				{Name: "token", Type: effect.String, Secret: true, Required: true, Doc: "an API key of a user who may write incidents of the page"},
			}}},
		{Name: "api", Type: effect.String, Default: "https://api.statuspage.io/v1", Min: effect.Bound(1), Doc: "where the REST API is"},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	client, err := post.New("statuspage", config)
	if err != nil {
		return nil, err
	}
	s := &settings{client: client, pages: map[string]*page{}}
	s.api, err = url.Parse(strings.TrimSuffix(str(config["api"]), "/"))
	if err != nil || s.api.Host == "" || s.api.User != nil || s.api.RawQuery != "" || s.api.Fragment != "" {
		return nil, effect.Errorf(effect.CodeInvalid, "configure statuspage: api: it is not how a URL begins").WithHint("write https://host/v1")
	}
	if s.api.Scheme != "https" && !(s.api.Scheme == "http" && post.Loopback(s.api)) {
		return nil, effect.Errorf(effect.CodeInvalid, "configure statuspage: api: a token is sent there, so it has to be https://").
			WithHint("http:// is for this machine only")
	}
	var secrets []effect.Secret
	pages, _ := config["pages"].(map[string]any)
	for name, v := range pages {
		entry, _ := v.(map[string]any)
		p := &page{name: name, id: str(entry["page"]), token: strings.TrimSpace(str(entry["token"]))}
		if p.token == "" {
			return nil, effect.Errorf(effect.CodeInvalid, "configure statuspage: pages.%s.token: it is empty", name).
				WithHint("it is an API key of a user of Statuspage")
		}
		secrets = append(secrets, effect.NewSecret("token", p.token))
		s.pages[name] = p
	}
	if len(s.pages) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure statuspage: there is no page").
			WithHint("name at least one: pages: { customers: { page: kctbh9vrtdwd, token: env:STATUSPAGE_TOKEN } }")
	}
	s.scrub = redact.New(secrets...)
	return s, nil
}
