package prometheus

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/health"
)

// configFields declares the backend's configuration.
func configFields() []effect.Field {
	return []effect.Field{
		{Name: "address", Type: effect.String, Required: true, Doc: "the server: http://prometheus:9090"},
		{Name: "token", Type: effect.String, Secret: true, Doc: "a bearer token to show the server"},
		{Name: "username", Type: effect.String, Doc: "a name for basic authentication"},
		{Name: "password", Type: effect.String, Secret: true, Doc: "the password of username"},
		{Name: "ca", Type: effect.String, Path: effect.IsPath, Doc: "a PEM file of the authorities to trust instead of the system's"},
		{Name: "targets", Type: effect.Map, Required: true, Doc: "the services to look at, by the names that runbooks use",
			Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
				{Name: "selector", Type: effect.String, Min: effect.Bound(1),
					Doc: `labels of its series: job="web",env="green"; gives every metric a usual query`},
				{Name: "queries", Type: effect.Map, Elem: &effect.Field{Type: effect.String}, Names: health.Metric,
					Doc: `PromQL by metric, with $window and $selector; "" leaves a usual metric out; other names are metrics of your own, for slo: queue: 'max(queue_depth{$selector})'`},
				{Name: "check", Type: effect.String, Min: effect.Bound(1),
					Doc: "PromQL that has to be above 0 in every series; min(up{selector}) if left out"},
				{Name: "max_age", Type: effect.Duration, Min: effect.Bound(0.1),
					Doc: "how old a sample may be; three scrape intervals, 15s at the least, if left out, or 5m where the server does not tell the interval"},
				{Name: "instances", Type: effect.Int, Min: effect.Bound(1),
					Doc: "how many instances of the selector there have to be; fewer are no data. If left out, one that is gone from the server's targets is not missed, only one that cannot be scraped"},
				{Name: "objective", Type: effect.Percent, Min: effect.Bound(0), Max: effect.Bound(99.99999),
					Doc: "how many requests are to succeed, \"99.9%\": gives the burn rates queries, of the usual counter"},
				{Name: "requests", Type: effect.String, Default: "http_requests_total", Min: effect.Bound(1),
					Doc: "the counter of requests in the usual queries"},
				{Name: "errors", Type: effect.String, Default: `code=~"5.."`, Min: effect.Bound(1),
					Doc: "the labels of failed requests in the usual queries"},
				{Name: "latency", Type: effect.String, Default: "http_request_duration_seconds", Min: effect.Bound(1),
					Doc: "the histogram of seconds to answer in the usual queries"},
			}}},
	}
}

// target is one service: what to ask about it.
type target struct {
	name     string
	selector string            // labels of its series, "" if none are configured
	check    string            // PromQL, "" if there is none
	queries  map[string]string // PromQL with $window, by metric
	maxAge   time.Duration     // of a sample; 0 if it is not configured

	instances int // that have to be scraped; 0 if that is not configured
}

// newTarget reads one entry of the configuration.
func newTarget(name string, v any) (*target, error) {
	c, _ := v.(map[string]any)
	text := func(key string) string { s, _ := c[key].(string); return s }
	where := "configure prometheus: targets." + name
	selector := strings.TrimSpace(text("selector"))
	if strings.HasPrefix(selector, "{") && strings.HasSuffix(selector, "}") {
		selector = strings.TrimSpace(selector[1 : len(selector)-1])
	}
	selector = strings.TrimSpace(strings.TrimSuffix(selector, ","))
	maxAge, _ := c["max_age"].(float64)
	t := &target{name: name, selector: selector, queries: map[string]string{}, check: text("check"), maxAge: effect.Seconds(maxAge)}
	if selector != "" {
		t.queries = usual(text("requests"), text("errors"), text("latency"))
		if objective, ok := c["objective"].(float64); ok {
			maps.Copy(t.queries, burning(text("requests"), text("errors"), objective))
		}
		if t.check == "" {
			t.check = "min(up{$selector})"
		}
	}
	if _, ok := c["objective"]; ok && selector == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s.objective: needs a selector, by which requests are counted", where).
			WithHint(`add selector: 'job="web"'; or write queries for burn_fast and burn_slow`)
	}
	instances, _ := c["instances"].(float64)
	if t.instances = int(instances); t.instances > 0 && selector == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s.instances: needs a selector, by which instances are counted", where).
			WithHint(`add selector: 'job="web"'`)
	}
	queries, _ := c["queries"].(map[string]any)
	for metric, v := range queries {
		if err := health.CheckMetric(metric); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "%s.queries.%s: %s", where, metric, err.Problem).WithHint("%s", err.Hint)
		}
		query, _ := v.(string)
		if t.queries[metric] = query; strings.TrimSpace(query) == "" {
			delete(t.queries, metric)
		}
	}
	if len(t.queries) == 0 && t.check == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "%s says nothing to ask", where).
			WithHint("give it a selector, queries or a check")
	}
	for metric, query := range t.queries {
		if selector == "" && strings.Contains(query, "$selector") {
			return nil, effect.Errorf(effect.CodeInvalid, "%s.queries.%s: uses $selector, and the target has none", where, metric).
				WithHint(`add selector: 'job="web"'`)
		}
		t.queries[metric] = strings.ReplaceAll(query, "$selector", selector)
	}
	t.check = strings.ReplaceAll(t.check, "$selector", selector)
	return t, nil
}

// connection reads where the server is and how to speak to it. The error
// never shows the address when it may hold a password.
func connection(config map[string]any) (*url.URL, http.RoundTripper, error) {
	text := func(key string) string { s, _ := config[key].(string); return s }
	bad := func(format string, args ...any) *effect.Error {
		return effect.Errorf(effect.CodeInvalid, "configure prometheus: "+format, args...)
	}
	u, err := url.Parse(text("address"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, nil, bad("address: it is not an http or https URL").WithHint("write http://prometheus:9090")
	}
	secret := func(key string) string {
		if s, ok := config[key].(effect.Secret); ok {
			return s.Reveal()
		}
		return text(key)
	}
	auth := &authenticated{token: secret("token"), username: text("username"), password: secret("password")}
	if auth.token != "" && auth.username != "" {
		return nil, nil, bad("token and username exclude each other").WithHint("remove one of them")
	}
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := text("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, bad("ca: %v", err).WithHint("give the path of a PEM file that the runner may read")
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, nil, bad("ca: %s holds no PEM certificate", file)
		}
	}
	auth.next = &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{}).DialContext,
		TLSClientConfig: trust, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 4}
	return u, noPages{auth}, nil
}

// authenticated adds credentials to requests.
type authenticated struct {
	next                      http.RoundTripper
	token, username, password string
}

// RoundTrip sends a copy of the request with the credentials.
func (a *authenticated) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.token != "" || a.username != "" {
		r = r.Clone(r.Context())
		if a.token != "" {
			r.Header.Set("Authorization", "Bearer "+a.token)
		} else {
			r.SetBasicAuth(a.username, a.password)
		}
	}
	return a.next.RoundTrip(r)
}
