package prometheus

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestSomebodyElseAnswers: pages and redirects are no data, are said to be
// what they are, and get no credentials.
func TestSomebodyElseAnswers(t *testing.T) {
	var leaked atomic.Bool
	sso := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked.Store(true) }))
	t.Cleanup(sso.Close)
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!doctype html><title>Sign in</title>"))
	}
	login := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { page(w) }))
	t.Cleanup(login.Close)
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, sso.URL+"/login?from=x", http.StatusTemporaryRedirect)
	}))
	t.Cleanup(away.Close)
	changed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/prometheus"+r.URL.Path, http.StatusFound)
	}))
	t.Cleanup(changed.Close)
	kept := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/prometheus/") {
			http.Redirect(w, r, "/prometheus"+r.URL.Path, http.StatusPermanentRedirect)
			return
		}
		if r.Header.Get("Authorization") != "Bearer t0ken" || r.FormValue("query") == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}`))
	}))
	t.Cleanup(kept.Close)
	for _, test := range []struct{ name, address, want string }{
		{"a page", login.URL, "a page for browsers"},
		{"another host", away.URL, "it redirects to " + sso.URL + "/login, which is not followed"},
		{"another method", changed.URL, "it redirects to " + changed.URL + "/prometheus/api/v1/query, which is not followed"},
		{"the same host and method", kept.URL, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := configured(t, map[string]any{"address": test.address, "token": "t0ken", "targets": map[string]any{"green": map[string]any{"check": "up"}}})
			err := b.Health(context.Background())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if e := wantCode(t, err, effect.CodeUnavailable); !strings.Contains(e.Message, test.want) || e.Hint == "" {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
			_, _, err = invoke(context.Background(), b, "check", map[string]any{"env": "green", "timeout": 0.1})
			if e := wantCode(t, err, effect.CodeNoData); !strings.Contains(e.Message, test.want) || !strings.Contains(e.Hint, "address") {
				t.Errorf("message %q, hint %q", e.Message, e.Hint)
			}
		})
	}
	if leaked.Load() {
		t.Error("a request followed to another host")
	}
}
