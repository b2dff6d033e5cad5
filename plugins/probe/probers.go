package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxBody bounds what is read of an answer to a probe: enough to see that it
// keeps coming.
const maxBody = 64 << 10

// httpProbe GETs an address and compares the status.
type httpProbe struct {
	client *http.Client
	url    *url.URL
	expect statuses
}

func (p *httpProbe) probe(ctx context.Context) sight {
	what := "GET " + p.url.Redacted()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url.String(), nil)
	if err != nil {
		return sight{detail: what + ": " + err.Error()}
	}
	req.Header.Set("User-Agent", "runbook-probe")
	start := time.Now()
	res, err := p.client.Do(req)
	if err != nil {
		took := time.Since(start)
		return sight{took: took, detail: what + ": " + reason(ctx, err, took), hint: untrusted(err)}
	}
	defer func() { _ = res.Body.Close() }()
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody))
	took := time.Since(start)
	if err != nil {
		return sight{took: took, detail: fmt.Sprintf("%s: %s, then the answer broke off: %s", what, res.Status, reason(ctx, err, took))}
	}
	if !p.expect.has(res.StatusCode) {
		detail, hint := fmt.Sprintf("%s: %s", what, res.Status), ""
		if res.StatusCode < 400 {
			detail += fmt.Sprintf(" (wants %s)", p.expect)
		}
		if to, err := res.Location(); err == nil {
			to.RawQuery, to.Fragment = "", ""
			hint = fmt.Sprintf(`it leads to %s: probe that, or count the status as up: expect: "%s,%d"`, to.Redacted(), p.expect, res.StatusCode)
		}
		return sight{answered: true, took: took, detail: detail, hint: hint}
	}
	return sight{up: true, answered: true, took: took, detail: res.Status}
}

// tcpProbe connects.
type tcpProbe struct{ addr string }

func (p tcpProbe) probe(ctx context.Context) sight {
	start := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.addr)
	took := time.Since(start)
	if err != nil {
		return sight{took: took, detail: fmt.Sprintf("connect to %s: %s", p.addr, reason(ctx, err, took))}
	}
	_ = conn.Close()
	return sight{up: true, answered: true, took: took, detail: "accepts connections"}
}

// tlsProbe shakes hands and looks at how long the certificates last.
type tlsProbe struct {
	addr    string
	config  *tls.Config
	minDays float64
}

func (p *tlsProbe) probe(ctx context.Context) sight {
	what := "TLS to " + p.addr
	start := time.Now()
	// Split by hand, so that a refused certificate counts as an answer.
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.addr)
	if err != nil {
		took := time.Since(start)
		return sight{took: took, detail: what + ": " + reason(ctx, err, took)}
	}
	defer func() { _ = raw.Close() }()
	config := p.config.Clone()
	config.ServerName, _, _ = net.SplitHostPort(p.addr)
	conn := tls.Client(raw, config)
	err = conn.HandshakeContext(ctx)
	took := time.Since(start)
	if err != nil {
		return sight{answered: ctx.Err() == nil, took: took, detail: what + ": " + reason(ctx, err, took), hint: untrusted(err)}
	}
	// Any certificate of the chain that runs out takes the service down.
	days := math.Inf(1)
	for _, cert := range conn.ConnectionState().PeerCertificates {
		days = min(days, time.Until(cert.NotAfter).Hours()/24)
	}
	if days < p.minDays {
		return sight{answered: true, took: took,
			detail: fmt.Sprintf("%s: the certificate is valid for %.1f days more (wants %v)", what, days, p.minDays)}
	}
	return sight{up: true, answered: true, took: took, detail: fmt.Sprintf("certificate valid for %.0f days", math.Floor(days))}
}

// untrusted says what to do about a certificate that does not hold; "" if that
// is not what is wrong.
func untrusted(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "renew the certificate, and let the service load it; or mend the clock of this machine"
	case errors.As(err, &name):
		return "probe the service by a name that its certificate bears"
	case errors.As(err, &authority):
		return "name the authority that signed the certificate: `ca` of the target"
	}
	return ""
}
