package caddy

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/post"
)

// relay stands before Caddy's admin API, and decides what becomes of writes.
type relay struct {
	*httptest.Server
	way atomic.Pointer[way]
}

// way is how a write goes: pass takes it to Caddy and returns the answer's status. A
// write that is not to be answered breaks off.
type way func(pass func() int) (answer bool)

// write sets how writes go from now on.
func (r *relay) write(w way) { r.way.Store(&w) }

func (s *server) relay(t *testing.T) *relay {
	t.Helper()
	r := &relay{}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
		body, _ := io.ReadAll(got.Body)
		var header http.Header
		var text []byte
		pass := func() int {
			req, err := http.NewRequest(got.Method, "http://"+s.admin+got.URL.Path, bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return 0
			}
			req.Header = got.Header.Clone()
			resp, err := client.Do(req)
			if err != nil {
				return 0
			}
			defer resp.Body.Close()
			text, _ = io.ReadAll(resp.Body)
			header = resp.Header
			return resp.StatusCode
		}
		status := 0
		if by := r.way.Load(); got.Method == http.MethodGet || by == nil {
			status = pass()
		} else if !(*by)(func() int { status = pass(); return status }) {
			status = 0
		}
		if status == 0 {
			panic(http.ErrAbortHandler)
		}
		for _, name := range []string{"Etag", "Content-Type"} {
			w.Header().Set(name, header.Get(name))
		}
		w.WriteHeader(status)
		_, _ = w.Write(text)
	}))
	t.Cleanup(r.Close)
	return r
}

// backend is one that speaks to Caddy through the relay.
func (r *relay) backend(t *testing.T, s *server, more obj) *Backend {
	t.Helper()
	config := obj{"address": r.URL}
	for k, v := range more {
		config[k] = v
	}
	return s.backend(t, config)
}

// bodyOf returns an answer as one who is not Caddy gives it.
func bodyOf(status int, text string) *post.Answer {
	return &post.Answer{Status: status, Body: []byte(text), Address: "192.0.2.1:80"}
}
