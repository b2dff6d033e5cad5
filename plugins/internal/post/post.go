// Package post sends one HTTP request for a backend and says what is known
// when no answer comes. It repeats nothing and follows no redirect: each
// request has a connection of its own, because net/http repeats requests on
// connections that it kept.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	headerLimit = 64 << 10 // of an answer, in bytes
	bodyLimit   = 4 << 20  // of an answer, in bytes
)

// Client says how requests are sent.
type Client struct {
	timeout time.Duration // of a request, its connection included
	ca      string        // a PEM file; "" for the system's authorities
	proxy   *url.URL      // nil for none
}

// Answer is what came back, whatever its status.
type Answer struct {
	Status  int
	Header  http.Header
	Body    []byte
	Address string // who answered: "192.0.2.1:443"
}

// Fields declares the configuration that New reads.
func Fields() []effect.Field {
	return []effect.Field{
		{Name: "timeout", Type: effect.Duration, Default: "10s", Min: effect.Bound(0.001), Doc: "how long one request may take"},
		{Name: "ca", Type: effect.String, Min: effect.Bound(1), Path: effect.IsPath, Doc: "a PEM file of the authorities to trust, instead of the system's"},
		{Name: "proxy", Type: effect.String, Min: effect.Bound(1),
			Doc: "the proxy that requests go through: http://host:port; none if left out, whatever the environment says"},
	}
}

// New reads what Fields declares, in canonical form. backend is its name, for
// errors.
func New(backend string, config map[string]any) (*Client, error) {
	c := &Client{}
	seconds, _ := config["timeout"].(float64)
	c.timeout = effect.Seconds(seconds)
	c.ca, _ = config["ca"].(string)
	if _, err := c.tls(); err != nil {
		return nil, effect.Errorf(effect.CodeInvalid, "configure %s: ca: %v", backend, err)
	}
	if proxy, _ := config["proxy"].(string); proxy != "" {
		u, err := url.Parse(proxy)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, effect.Errorf(effect.CodeInvalid, "configure %s: proxy: it is no URL of a proxy", backend).
				WithHint("write http://host:port, without a password: it would be recorded")
		}
		c.proxy = u
	}
	return c, nil
}

// Loopback reports whether a URL leads to this machine, where nobody listens
// on the way.
func Loopback(u *url.URL) bool {
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

// tls reads the authorities anew: they may have been renewed.
func (c *Client) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", c.ca)
	}
	return config, nil
}

// Do sends one request and reads its whole answer, of at most 4 MiB. The error
// names method and host, and no part of the path, which may hold a token.
func (c *Client) Do(ctx context.Context, method string, to *url.URL, header http.Header, body []byte) (*Answer, *Failure) {
	began := time.Now()
	f := &Failure{asked: method + " " + to.Scheme + "://" + to.Host}
	config, err := c.tls()
	if err != nil {
		return nil, f.because(effect.CodeInvalid, "ca: "+err.Error(), "check the file that ca names")
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	transport := &http.Transport{
		DialContext: (&net.Dialer{}).DialContext, TLSClientConfig: config,
		DisableKeepAlives: true, MaxResponseHeaderBytes: headerLimit,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only
	}
	if c.proxy != nil {
		transport.Proxy = http.ProxyURL(c.proxy)
	}
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		f.Sent, f.address = true, info.Conn.RemoteAddr().String()
	}}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), method, to.String(), bytes.NewReader(body))
	if err != nil {
		return nil, f.because(effect.CodeInvalid, "no request can be made of it", "check the URL")
	}
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	req.Header.Set("User-Agent", "runbook")
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, f.classify(ctx, err, c.timeout, time.Since(began))
	}
	defer resp.Body.Close()
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Address: f.address}
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1)); err != nil {
		f.asked += " was answered " + StatusName(a.Status) + ", and the answer broke off"
		return nil, f.classify(ctx, err, c.timeout, time.Since(began))
	}
	if len(a.Body) > bodyLimit {
		return nil, f.because(effect.CodeFailed, fmt.Sprintf("the answer has more than %d bytes", bodyLimit), "see who answers there")
	}
	return a, nil
}

// Excerpt returns the beginning of an answer's body on one line, for errors.
func (a *Answer) Excerpt() string {
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(a.Body[:min(len(a.Body), 4*most)]), "�")), " ")
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}

// StatusName returns "503 Service Unavailable".
func StatusName(status int) string {
	if text := http.StatusText(status); text != "" {
		return fmt.Sprintf("%d %s", status, text)
	}
	return fmt.Sprint(status)
}
