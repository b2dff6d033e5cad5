package plugintest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// At is where a change comes to a stop on its way.
type At string

// The places.
const (
	Before At = "before" // it never arrives
	After  At = "after"  // it has been made, and nobody is told
)

// Relay is a way to a service with an HTTP API on which a change comes to a
// stop; what only asks passes.
type Relay struct {
	URL  string
	held atomic.Bool
}

// Held reports whether a change has come to the stop.
func (r *Relay) Held() bool { return r.held.Load() }

// NewRelay starts one. A change is what is not sent by GET. If hold, it stands
// there until the test has ended; the connection breaks then, otherwise at once.
func NewRelay(t *testing.T, target string, at At, hold bool) *Relay {
	t.Helper()
	r, done := &Relay{}, make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		change := req.Method != http.MethodGet
		stop := func() {
			r.held.Store(true)
			if hold {
				<-done
			}
			panic(http.ErrAbortHandler)
		}
		if change && at == Before {
			stop()
		}
		out, err := http.NewRequest(req.Method, target+req.URL.RequestURI(), req.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header, out.ContentLength = req.Header.Clone(), req.ContentLength
		out.Host = req.Host // it may be signed
		resp, err := http.DefaultTransport.RoundTrip(out)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if change && at == After {
			if resp.StatusCode >= 300 {
				t.Errorf("the change was answered %s: %s", resp.Status, body)
			}
			stop()
		}
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = w.Write(body)
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(done) })
	r.URL = s.URL
	return r
}
