package prometheus

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
)

// elsewhere says that somebody else than a Prometheus server answered.
type elsewhere struct{ said, hint string }

func (e *elsewhere) Error() string { return e.said }

// mostRedirects is how often a request follows where it is sent to.
const mostRedirects = 3

// stays follows redirects only on the server's own host and with the same
// method: credentials go to no other host and never in clear, and a query is
// in a body, which a change of the method would lose.
func stays(r *http.Request, via []*http.Request) error {
	first := via[0]
	upgraded := first.URL.Scheme == "http" && r.URL.Scheme == "https" && first.URL.Hostname() == r.URL.Hostname()
	same := first.URL.Scheme == r.URL.Scheme && first.URL.Host == r.URL.Host
	if (same || upgraded) && r.Method == first.Method && len(via) <= mostRedirects {
		return nil
	}
	to := url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: r.URL.Path}
	return &elsewhere{fmt.Sprintf("it redirects to %s, which is not followed", to.String()),
		"write as address where the server itself answers, and check that the credentials do not lead to a login page"}
}

// noPages takes a page for browsers for what it is: a proxy or a login stands
// where the server is thought to be.
type noPages struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p noPages) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(r)
	if err != nil || resp.StatusCode/100 != 2 {
		return resp, err
	}
	if kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err == nil && kind == "text/html" {
		_ = resp.Body.Close()
		return nil, &elsewhere{"it answers with a page for browsers (text/html) and not with data",
			"check the address, its path prefix and the credentials: a login page or a proxy may stand in its place"}
	}
	return resp, nil
}
