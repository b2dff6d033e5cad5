package http

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net"
	nethttp "net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
	"github.com/q-ecosystem/runbook/plugins"
	contract "github.com/q-ecosystem/runbook/stdlib/http"
)

// headerLimit bounds what a response's headers may take, in bytes.
const headerLimit = 256 << 10

// call is one request to make, with what the configuration adds to it.
type call struct {
	settings  *settings
	method    string
	url       *url.URL
	headers   map[string]string
	secrets   map[string]string // go to the origin of url only
	body      []byte
	json      bool      // what body is
	ok        []float64 // statuses that count as success; nil for 200 to 299
	redirects int
	timeout   time.Duration
	writes    bool
	repeats   bool // its recovery is retry
	scrub     *redact.Scrubber

	// What became of it so far, for errors.
	reached bool   // a request may have come to a server
	address string // of the last connection
	asked   string // the last request: "GET https://…"
}

func newCall(s *settings, req plugins.Request) (*call, error) {
	op := &contract.Module().Ops[0]
	a := req.Args
	c := &call{settings: s, method: str(a["method"]), headers: texts(a["headers"]), secrets: texts(a["secrets"]),
		writes: op.ClassFor(a).Writes(), repeats: op.RecoveryFor(a) == effect.Retry}
	seconds, _ := a["timeout"].(float64)
	c.timeout = effect.Seconds(seconds)
	hops, _ := a["redirects"].(float64)
	c.redirects = int(hops)
	u, err := url.Parse(str(a["url"]))
	if err != nil || u.Host == "" {
		return nil, effect.Errorf(effect.CodeInvalid, "url: it cannot be read").WithHint("write https://host/path; escape what is no part of a URL by %%XX")
	}
	if u.User != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "url: it holds a name or a password, which would be recorded").
			WithHint(`leave it out, and pass secrets = { Authorization = … }`)
	}
	c.url, c.asked = u, c.method+" "+u.String()
	if name := str(a["key_header"]); name != "" {
		if _, twice := find(c.headers, name); twice {
			return nil, effect.Errorf(effect.CodeInvalid, "headers and key_header both set %s", name)
		}
		c.headers[name] = req.Key
	}
	for _, headers := range []map[string]string{c.headers, c.secrets} {
		if err := checkHeaders(headers); err != nil {
			return nil, err
		}
	}
	if list, ok := a["ok"].([]any); ok {
		for _, v := range list {
			status, _ := v.(float64)
			c.ok = append(c.ok, status)
		}
	}
	c.body = []byte(str(a["body"]))
	if value, given := a["json"]; given && value != nil {
		if c.body, err = contract.EncodeJSON(value); err != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "json: %v", err)
		}
		c.json = true
	}
	if _, e := s.service(u); e != nil {
		return nil, e
	}
	secrets := []map[string]string{c.secrets}
	for i := range s.services {
		secrets = append(secrets, s.services[i].secrets)
	}
	c.scrub = scrubber(secrets...)
	return c, nil
}

// String returns "POST https://api.example.org/jobs".
func (c *call) String() string { return c.method + " " + c.url.String() }

// do makes the request and follows redirects.
func (c *call) do(ctx context.Context) (map[string]any, *effect.Error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	method, to, body := c.method, c.url, c.body
	for hop := 0; ; hop++ {
		resp, err := c.send(ctx, method, to, body)
		if err != nil {
			return nil, c.lost(ctx, err, began)
		}
		next, why := c.next(resp, method, to, hop)
		if next == nil {
			defer resp.Body.Close()
			return c.answered(ctx, resp, why, began)
		}
		resp.Body.Close()
		if resp.StatusCode == nethttp.StatusSeeOther && method != nethttp.MethodHead {
			method, body = nethttp.MethodGet, nil
		}
		to = next
	}
}

// next returns where a response leads to, nil if it is the last one; why says
// why a redirect is not followed.
func (c *call) next(resp *nethttp.Response, method string, from *url.URL, hop int) (to *url.URL, why string) {
	if !slices.Contains([]int{301, 302, 303, 307, 308}, resp.StatusCode) || slices.Contains(c.ok, float64(resp.StatusCode)) {
		return nil, ""
	}
	location := resp.Header.Get("Location")
	to, err := from.Parse(location)
	switch {
	case location == "" || err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https":
		return nil, "it names no place to go to"
	case hop >= c.redirects && c.redirects == 0:
		return nil, "it leads to " + brief(to) + "; redirects = 1 would follow it"
	case hop >= c.redirects:
		return nil, fmt.Sprintf("it leads on to %s after %d redirects, which is all that the call allows", brief(to), hop)
	case to.Scheme == "http" && from.Scheme == "https":
		return nil, "it leads from https to " + brief(to) + ", which is not followed"
	case method == nethttp.MethodPost && (resp.StatusCode == 301 || resp.StatusCode == 302):
		return nil, "it leads to " + brief(to) + ", and a POST would become a GET there, which is not followed; call that URL, or add the status to ok"
	}
	if to.Fragment == "" {
		to.Fragment = from.Fragment
	}
	return to, ""
}

// send makes one request, on a connection of its own.
func (c *call) send(ctx context.Context, method string, to *url.URL, body []byte) (*nethttp.Response, error) {
	c.asked = method + " " + to.String()
	if to != c.url {
		c.asked = method + " " + brief(to) // where others lead may hold a token of theirs
	}
	service, e := c.settings.service(to)
	if e != nil {
		return nil, e
	}
	config, err := service.tls(c.settings.ca)
	if err != nil {
		return nil, err
	}
	transport := &nethttp.Transport{
		DialContext:         (&net.Dialer{Timeout: c.settings.connect}).DialContext,
		TLSHandshakeTimeout: c.settings.connect, TLSClientConfig: config,
		DisableKeepAlives: true, MaxResponseHeaderBytes: headerLimit,
		TLSNextProto: map[string]func(string, *tls.Conn) nethttp.RoundTripper{}, // HTTP/1.1: see the package's doc
	}
	if c.settings.proxy != nil {
		transport.Proxy = nethttp.ProxyURL(c.settings.proxy)
	}
	c.address = ""
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		c.reached, c.address = true, info.Conn.RemoteAddr().String()
	}}
	var reader io.Reader
	if len(body) > 0 {
		reader = strings.NewReader(string(body))
	}
	req, err := nethttp.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, to.String(), reader)
	if err != nil {
		return nil, err
	}
	c.dress(req, service, to)
	return transport.RoundTrip(req)
}

// dress gives a request its headers. Those of the call count before those of
// the configuration.
func (c *call) dress(req *nethttp.Request, service *service, to *url.URL) {
	req.Header.Set("User-Agent", "runbook")
	if c.json && req.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	layers := []map[string]string{service.headers, service.secrets, c.headers}
	if origin(to) == origin(c.url) {
		layers = append(layers, c.secrets)
	}
	for _, headers := range layers {
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			if strings.EqualFold(name, "Host") {
				if origin(to) == origin(c.url) {
					req.Host = headers[name]
				}
				continue
			}
			req.Header.Set(name, headers[name])
		}
	}
	if req.Body == nil { // of the request that a redirect made of this one
		req.Header.Del("Content-Type")
	}
}

// scrubber knows the values of secret headers, and what services take out of
// them: the token behind "Bearer", name and password behind "Basic".
func scrubber(headers ...map[string]string) *redact.Scrubber {
	var secrets []effect.Secret
	add := func(name, value string) { secrets = append(secrets, effect.NewSecret(name, value)) }
	for _, h := range headers {
		for _, name := range slices.Sorted(maps.Keys(h)) {
			add(name, h[name])
			scheme, token, ok := strings.Cut(h[name], " ")
			if !ok {
				continue
			}
			add(name, token)
			if decoded, err := base64.StdEncoding.DecodeString(token); err == nil && strings.EqualFold(scheme, "basic") {
				_, password, _ := strings.Cut(string(decoded), ":")
				add(name, string(decoded))
				add(name, password)
			}
		}
	}
	return redact.New(secrets...)
}

// checkHeaders refuses what cannot be sent. The error never shows a value.
func checkHeaders(headers map[string]string) *effect.Error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		bad := func(r rune) bool {
			return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
		}
		if name == "" || strings.ContainsFunc(name, bad) {
			return effect.Errorf(effect.CodeInvalid, "%q is no name of a header", name)
		}
		if slices.ContainsFunc([]string{"Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade"},
			func(own string) bool { return strings.EqualFold(own, name) }) {
			return effect.Errorf(effect.CodeInvalid, "the header %s is set by the request itself", name).WithHint("leave it out")
		}
		if strings.ContainsFunc(headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return effect.Errorf(effect.CodeInvalid, "the value of the header %s holds an end of a line or another control character", name).
				WithHint("a secret's file often ends with a newline: cut it off")
		}
	}
	return nil
}

// find looks for a header, whatever its case.
func find(headers map[string]string, name string) (string, bool) {
	for n, v := range headers {
		if strings.EqualFold(n, name) {
			return v, true
		}
	}
	return "", false
}

// brief returns a URL without its query, which may hold a token.
func brief(u *url.URL) string {
	b := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if u.RawQuery != "" {
		return b.String() + "?…"
	}
	return b.String()
}
