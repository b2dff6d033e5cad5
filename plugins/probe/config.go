package probe

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// configFields declares the backend's configuration.
func configFields() []effect.Field {
	return []effect.Field{{Name: "targets", Type: effect.Map, Required: true,
		Doc: "the services to look at, by the names that runbooks use",
		Elem: &effect.Field{Type: effect.Object, Fields: []effect.Field{
			{Name: "url", Type: effect.String, Doc: "an http or https address to GET"},
			{Name: "expect", Type: effect.Any, Default: "200-299",
				Doc: `the HTTP status codes that count as up: 200, "200-299,304", or a list`},
			{Name: "paths", Type: effect.List, Elem: &effect.Field{Type: effect.String},
				Doc: "what load requests of the host of url, in turn; url itself if left out"},
			{Name: "tcp", Type: effect.String, Doc: "host:port that has to accept connections"},
			{Name: "grpc", Type: effect.String, Doc: "a server that has to be SERVING by grpc.health.v1: grpc://host:port, or grpcs:// with TLS; a path names one of its services: grpc://host:port/shop.Cart"},
			{Name: "tls", Type: effect.String, Doc: "host:port that has to show a valid certificate"},
			{Name: "min_days", Type: effect.Number, Default: 7.0, Min: effect.Bound(0),
				Doc: "how many days the certificate of tls has to be valid for"},
			{Name: "ca", Type: effect.String, Path: effect.IsPath, Doc: "a PEM file of the authorities to trust instead of the system's"},
			{Name: "timeout", Type: effect.Duration, Default: "2s", Min: effect.Bound(0.01),
				Doc: "how long one probe or one reading of the metrics may take; measure waits at most 2s"},
			{Name: "interval", Type: effect.Duration, Default: "1s", Min: effect.Bound(0.05),
				Doc: "the time between probes while measuring; at most a tenth of the window"},
			{Name: "metrics", Type: effect.String, Doc: "the address of its metrics in Prometheus' text format"},
			{Name: "max_age", Type: effect.Duration, Default: "1m", Min: effect.Bound(0.1),
				Doc: "how old a sample with a time stamp may be on that page"},
			{Name: "requests", Type: effect.String, Default: "http_requests_total", Min: effect.Bound(1),
				Doc: "the counter of requests"},
			{Name: "errors", Type: effect.String, Default: `code=~"5.."`, Min: effect.Bound(1),
				Doc: "the label selector of the requests that failed"},
			{Name: "latency", Type: effect.String, Default: "http_request_duration_seconds", Min: effect.Bound(1),
				Doc: "the histogram of the time to answer, in seconds"},
			{Name: "labels", Type: effect.Map, Elem: &effect.Field{Type: effect.String},
				Doc: "count only series with these label values"},
		}}}}
}

// newTarget reads one entry of the configuration. The error is an
// *effect.Error that names the target and the key.
func newTarget(name string, v any) (*target, error) {
	c, _ := v.(map[string]any)
	text := func(key string) string { s, _ := c[key].(string); return s }
	bad := func(key, format string, args ...any) *effect.Error {
		e := effect.Errorf(effect.CodeInvalid, format, args...)
		e.Message = "configure probe: targets." + name + "." + key + ": " + e.Message
		return e
	}
	timeout, _ := c["timeout"].(float64)
	interval, _ := c["interval"].(float64)
	t := &target{name: name, timeout: effect.Seconds(timeout), interval: effect.Seconds(interval)}
	paths, _ := c["paths"].([]any)
	for _, v := range paths {
		path, _ := v.(string)
		t.paths = append(t.paths, path)
	}
	if len(t.paths) > 0 && text("url") == "" {
		return nil, bad("paths", "there is no url that they are of").WithHint("add url: http://host:port/")
	}

	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := text("ca"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, bad("ca", "%v", err).WithHint("give the path of a PEM file that the runner may read")
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return nil, bad("ca", "%s holds no PEM certificate", file).WithHint("it has to hold -----BEGIN CERTIFICATE----- blocks")
		}
	}
	client := newClient(trust)

	if addr := text("url"); addr != "" {
		u, err := parseURL(addr)
		if err != "" {
			return nil, bad("url", "%s", err).WithHint("write http://host:port/path or https://…")
		}
		expect, problem := parseStatuses(c["expect"])
		if problem != "" {
			return nil, bad("expect", "%s", problem).WithHint(`write 200, "200-299,304" or [200, 204]`)
		}
		page := &httpProbe{client: client, url: u, expect: expect}
		if _, err := page.targets(paths, nil); err != nil {
			return nil, bad("paths", "%s", effect.AsError(err).Message).WithHint("%s", effect.AsError(err).Hint)
		}
		t.probes = append(t.probes, page)
	}
	for _, key := range []string{"tcp", "tls"} {
		addr := text(key)
		if addr == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
			return nil, bad(key, "%q is not an address", addr).WithHint("write host:port, an IPv6 host in brackets")
		}
		if key == "tcp" {
			t.probes = append(t.probes, tcpProbe{addr})
			continue
		}
		days, _ := c["min_days"].(float64)
		t.probes = append(t.probes, &tlsProbe{addr: addr, config: trust, minDays: days})
	}
	if addr := text("grpc"); addr != "" {
		p, problem := newGRPCProbe(addr, trust)
		if problem != "" {
			return nil, bad("grpc", "%s", problem).WithHint("write grpc://host:port, or grpcs://host:port/service")
		}
		t.probes = append(t.probes, p)
	}
	if addr := text("metrics"); addr != "" {
		u, err := parseURL(addr)
		if err != "" {
			return nil, bad("metrics", "%s", err).WithHint("write http://host:port/metrics or https://…")
		}
		failed, perr := parseSelector(text("errors"))
		if perr != nil {
			return nil, bad("errors", "%v", perr).WithHint(`write code=~"5.." or code="500",method!="GET"`)
		}
		labels, _ := c["labels"].(map[string]any)
		maxAge, _ := c["max_age"].(float64)
		t.metrics = &exposition{client: client, url: u, requests: text("requests"), latency: text("latency"),
			failed: failed, filter: exactly(labels), maxAge: effect.Seconds(maxAge)}
		if len(t.probes) == 0 { // as Prometheus: up is what can be scraped
			t.probes = append(t.probes, &httpProbe{client: client, url: u, expect: statuses{{200, 299}}})
		}
	}
	if len(t.probes) == 0 {
		return nil, effect.Errorf(effect.CodeInvalid, "configure probe: targets.%s says nothing to look at", name).
			WithHint("give it at least one of url, tcp, grpc, tls and metrics")
	}
	return t, nil
}

// newClient returns a client that opens a connection for every request, goes
// through no proxy, and takes a redirect as the answer.
func newClient(trust *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{DialContext: (&net.Dialer{}).DialContext, TLSClientConfig: trust.Clone(),
			DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: 1 << 20,
			TLSHandshakeTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func parseURL(text string) (*url.URL, string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "it is not a URL" // err would show a password in it
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "its scheme is neither http nor https"
	case u.Host == "":
		return nil, "it names no host"
	}
	return u, ""
}
