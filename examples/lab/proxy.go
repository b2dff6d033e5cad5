package lab

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"
)

// proxy is the HTTP front of a pool. It is also the transport of its reverse
// proxy: the server is chosen when a request is sent on, once a request.
type proxy struct {
	pool      *pool
	transport *http.Transport
	handler   *httputil.ReverseProxy
}

// errNoServer says that no server of the pool takes requests.
var errNoServer = errors.New("no server is available")

// noServer is HAProxy's page for that.
const noServer = "<html><body><h1>503 Service Unavailable</h1>\n" +
	"No server is available to handle this request.\n</body></html>\n"

func newProxy(p *pool) *proxy {
	x := &proxy{pool: p, transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: time.Second}).DialContext,
		MaxIdleConnsPerHost:   256,
		IdleConnTimeout:       30 * time.Second,
		ResponseHeaderTimeout: maxSlow + 30*time.Second,
		DisableCompression:    true,
	}}
	x.handler = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme = "http"
			r.Out.URL.Host = p.name // replaced by the chosen server's address
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		Transport:    x,
		ErrorHandler: x.fail,
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	return x
}

// ServeHTTP passes a request on to a server of the pool.
func (x *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) { x.handler.ServeHTTP(w, r) }

// RoundTrip sends a request to the server whose turn it is. If that cannot be
// connected to, a request without a body goes to another one, once: nothing of
// it was sent yet.
func (x *proxy) RoundTrip(req *http.Request) (*http.Response, error) {
	s := x.pool.pick(nil)
	if s == nil {
		x.pool.read(func(time.Time) { x.pool.counts.answered(http.StatusServiceUnavailable) })
		return nil, errNoServer
	}
	resp, err := x.send(req, s)
	if err != nil && notConnected(err) && req.Context().Err() == nil && (req.Body == nil || req.Body == http.NoBody) {
		if other := x.pool.pick(s); other != nil {
			x.pool.read(func(time.Time) { s.counts.connectErrors++; x.end(s); s = other })
			resp, err = x.send(req, s)
		}
	}
	if err != nil {
		x.pool.read(func(now time.Time) {
			if notConnected(err) {
				s.counts.connectErrors++
				x.pool.counts.connectErrors++
			} else if !errors.Is(err, context.Canceled) {
				s.counts.responseErrors++
				x.pool.counts.responseErrors++
			}
			x.end(s)
			x.finish(now)
		})
		return nil, err
	}
	x.pool.read(func(time.Time) {
		s.counts.answered(resp.StatusCode)
		x.pool.counts.answered(resp.StatusCode)
	})
	resp.Body = &session{ReadCloser: resp.Body, end: func(sent int64) {
		x.pool.read(func(now time.Time) {
			s.counts.bytesOut += uint64(sent)
			x.pool.counts.bytesOut += uint64(sent)
			s.counts.last = now
			x.end(s)
			x.finish(now)
		})
	}}
	return resp, nil
}

func (x *proxy) send(req *http.Request, s *server) (*http.Response, error) {
	out, target := *req, *req.URL
	target.Host = s.addr
	out.URL = &target
	return x.transport.RoundTrip(&out)
}

// end closes a session on a server; the pool's lock is held.
func (x *proxy) end(s *server) { s.counts.sessions-- }

// finish closes a session of the pool; the pool's lock is held.
func (x *proxy) finish(now time.Time) {
	x.pool.counts.sessions--
	x.pool.counts.last = now
}

// fail answers a request that no server answered.
func (x *proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // the client has gone
	}
	code, page := http.StatusBadGateway, "<html><body><h1>502 Bad Gateway</h1>\n"+
		"The server returned an invalid or incomplete response.\n</body></html>\n"
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, errNoServer), notConnected(err):
		code, page = http.StatusServiceUnavailable, noServer
	case errors.As(err, &timeout) && timeout.Timeout():
		code, page = http.StatusGatewayTimeout, "<html><body><h1>504 Gateway Time-out</h1>\n"+
			"The server didn't respond in time.\n</body></html>\n"
	}
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, page)
}

// notConnected reports whether err came before anything was sent.
func notConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// session is a response body that tells when it was passed on.
type session struct {
	io.ReadCloser
	sent int64
	once sync.Once
	end  func(sent int64)
}

func (s *session) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	s.sent += int64(n)
	return n, err
}

func (s *session) Close() error {
	err := s.ReadCloser.Close()
	s.once.Do(func() { s.end(s.sent) })
	return err
}
