package webhook

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// settings is the configuration of a Backend.
type settings struct {
	client    *post.Client
	endpoints []*endpoint // by name
	scrub     *redact.Scrubber
}

// endpoint is one place that takes messages.
type endpoint struct {
	name    string
	url     *url.URL
	keys    [][]byte // that sign; the current one first
	headers map[string]string
	pages   bool
}

const (
	keyPrefix         = "whsec_"
	leastKey, mostKey = 24, 64 // of a signing key, in bytes
)

// fields declares the configuration.
func fields() []effect.Field {
	secret := func(name, doc string, required bool) effect.Field {
		return effect.Field{Name: name, Type: effect.String, Secret: true, Required: required, Doc: doc}
	}
	return append([]effect.Field{
		{Name: "endpoints", Type: effect.Map, Required: true, Doc: "where messages go, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "url", Type: effect.String, Required: true, Min: effect.Bound(1), Doc: "where to post; it is recorded, so tokens go into headers"},
				secret("secret", `the signing key: "whsec_" and 24 to 64 bytes in base64`, true),
				secret("previous_secret", "the one before, while receivers change to the new one; both sign", false),
				{Name: "headers", Type: effect.Map, Elem: &effect.Field{Type: effect.String, Secret: true}, Doc: "further headers, whose values are never shown"},
				{Name: "pages", Type: effect.Bool, Doc: "whether it takes page and update: it drops what comes twice with one webhook-id, and knows open pages by their key"},
				{Name: "insecure", Type: effect.Bool, Doc: "whether http:// will do to another machine: who listens on the way reads along"},
			}}},
	}, post.Fields()...)
}

func newSettings(config map[string]any) (*settings, error) {
	client, err := post.New("webhook", config)
	if err != nil {
		return nil, err
	}
	s := &settings{client: client}
	var secrets []effect.Secret
	list, _ := config["endpoints"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(list)) {
		entry, _ := list[name].(map[string]any)
		e, err := newEndpoint(name, entry)
		if err != nil {
			return nil, err
		}
		s.endpoints = append(s.endpoints, e)
		for _, name := range []string{"secret", "previous_secret"} {
			value, _ := entry[name].(string)
			secrets = append(secrets, effect.NewSecret(name, value), effect.NewSecret(name, strings.TrimPrefix(value, keyPrefix)))
		}
		for header, value := range e.headers {
			secrets = append(secrets, effect.NewSecret(header, value))
			if _, token, ok := strings.Cut(value, " "); ok {
				secrets = append(secrets, effect.NewSecret(header, token))
			}
		}
	}
	if len(s.endpoints) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure webhook: there is no endpoint").
			WithHint("name at least one: endpoints: { deployments: { url: https://…, secret: env:NAME } }")
	}
	s.scrub = redact.New(secrets...)
	return s, nil
}

func newEndpoint(name string, entry map[string]any) (*endpoint, error) {
	bad := func(what, format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure webhook: endpoints."+name+"."+what+": "+format, args...)
	}
	text, _ := entry["url"].(string)
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, bad("url", "it is not a URL to post to").WithHint("write https://host/path, without a password: it would be recorded")
	}
	insecure, _ := entry["insecure"].(bool)
	if u.Scheme == "http" && !insecure && !post.Loopback(u) {
		return nil, bad("url", "who listens on the way would read along").WithHint("write https://, or insecure: true if that does not matter")
	}
	e := &endpoint{name: name, url: u, headers: map[string]string{}}
	e.pages, _ = entry["pages"].(bool)
	for _, name := range []string{"secret", "previous_secret"} {
		value, _ := entry[name].(string)
		if value = strings.TrimSpace(value); value == "" && name != "secret" {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(value, keyPrefix))
		if err != nil || !strings.HasPrefix(value, keyPrefix) || len(key) < leastKey || len(key) > mostKey {
			return nil, bad(name, "it is no signing key").WithHint(`it has to be "whsec_" and %d to %d bytes in base64: echo whsec_$(openssl rand -base64 32)`, leastKey, mostKey)
		}
		e.keys = append(e.keys, key)
	}
	headers, _ := entry["headers"].(map[string]any)
	for header, v := range headers {
		value, _ := v.(string)
		canonical := http.CanonicalHeaderKey(header)
		switch {
		case header == "" || strings.ContainsAny(header, " :\r\n\t") || strings.ContainsAny(value, "\r\n"):
			return nil, bad("headers", "%q or its value cannot be sent", header).WithHint("a secret's file often ends with a newline: cut it off")
		case strings.HasPrefix(canonical, "Webhook-") || slices.Contains([]string{"Content-Length", "Content-Type", "Host", "Transfer-Encoding", "Connection"}, canonical):
			return nil, bad("headers", "%s is set by the request itself", header).WithHint("leave it out")
		}
		e.headers[header] = value
	}
	return e, nil
}
