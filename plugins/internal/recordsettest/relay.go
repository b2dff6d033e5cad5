package recordsettest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// At is where the relay stops a change.
type At string

// The places.
const (
	Before At = "before" // it never arrives
	After  At = "after"  // it has been made, and nobody is told
)

// relay is a way to a service with an HTTP API on which a change comes to a
// stop; what only asks passes.
type relay struct {
	*httptest.Server
	held chan struct{} // a change has come to the stop
	done chan struct{} // let go of it: closed
}

// newRelay starts one. A change is what is not sent by GET. If hold, it stands
// there until done is closed; the connection breaks then.
func newRelay(t *testing.T, target string, at At, hold bool) *relay {
	t.Helper()
	r := &relay{held: make(chan struct{}, 16), done: make(chan struct{})}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		change := req.Method != http.MethodGet
		stop := func() {
			r.held <- struct{}{}
			if hold {
				<-r.done
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
	t.Cleanup(r.Server.Close)
	return r
}
