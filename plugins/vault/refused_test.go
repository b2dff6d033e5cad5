package vault

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// TestRole logs in by AppRole, and anew once the server has forgotten the token.
func TestRole(t *testing.T) {
	s := start(t)
	s.order(http.MethodPost, "sys/auth/machines", obj{"type": "approle"}, nil)
	s.order(http.MethodPost, "sys/policies/acl/deploys", obj{"policy": `
path "secret/data/db/*" { capabilities = ["read", "create", "update"] }
path "secret/metadata/db/*" { capabilities = ["read"] }
path "secret/destroy/db/*" { capabilities = ["update"] }`}, nil)
	s.order(http.MethodPost, "auth/machines/role/deploys", obj{"token_policies": "deploys"}, nil)
	var role struct {
		Data struct {
			ID string `json:"role_id"`
		}
	}
	var secret struct {
		Data struct {
			ID string `json:"secret_id"`
		}
	}
	s.order(http.MethodGet, "auth/machines/role/deploys/role-id", nil, &role)
	s.order(http.MethodPost, "auth/machines/role/deploys/secret-id", nil, &secret)
	b := s.backend(obj{"token": nil, "role_id": role.Data.ID, "secret_id": secret.Data.ID, "login": "machines"})
	if err := b.Health(t.Context()); err != nil {
		t.Error(err, effect.AsError(err).Hint)
	}
	must(t, b, "rotate", "k1", obj{"name": "db/password"})
	must(t, b, "rotate", "k2", obj{"name": "db/password"})
	must(t, b, "revoke", "k3", obj{"name": "db/password", "version": "1"})
	s.order(http.MethodPost, "auth/token/revoke", obj{"token": b.token.token}, nil)
	if got := must(t, b, "rotate", "k4", obj{"name": "db/password"}); got["version"] != "3" {
		t.Errorf("with a token that was forgotten: %v", got)
	}
	_, e := do(t, b, "get", "", obj{"name": "web/password"})
	plugintest.WantError(t, e, effect.CodeRefused, "permission denied", "read on secret/metadata/web/password")
	wrong := s.backend(obj{"token": nil, "role_id": role.Data.ID, "secret_id": "wrong-secret-id", "login": "machines"})
	_, e = do(t, wrong, "get", "", obj{"name": "db/password"})
	plugintest.WantError(t, e, effect.CodeRefused, "log in as the role "+role.Data.ID, "secret_id")
	silent(t, e, "wrong-secret-id")
}

// TestRefused: what cannot be carried out says why, and what to do.
func TestRefused(t *testing.T) {
	s := start(t)
	b := s.backend(nil)
	for _, name := range []string{"", "/a", "a/", "a//b", "../a", "a#"} {
		if _, e := b.settings.locate(name); e == nil || e.Code != effect.CodeInvalid {
			t.Errorf("the name %q: %v", name, e)
		}
	}
	_, e := do(t, b, "rotate", "k", obj{"name": "a#runbook_effect"})
	plugintest.WantError(t, e, effect.CodeInvalid, "which effect made a version", "`mark`")
	_, e = do(t, b, "get", "", obj{"name": "none"})
	plugintest.WantError(t, e, effect.CodeNotFound, "no secret none in secret")
	stranger := s.backend(obj{"token": "no-such-token"})
	_, e = do(t, stranger, "rotate", "k", obj{"name": "a"})
	plugintest.WantError(t, e, effect.CodeRefused, "403 Forbidden", "read on secret/metadata/a")
	silent(t, e, "no-such-token")
	plugintest.WantError(t, stranger.Health(t.Context()), effect.CodeRefused, "look the token up", "has not expired")
	s.order(http.MethodPost, "sys/mounts/flat", obj{"type": "kv", "options": obj{"version": "1"}}, nil)
	plugintest.WantError(t, s.backend(obj{"mount": "flat"}).Health(t.Context()), effect.CodeRefused, "keeps versions", "enable-versioning flat")
	plugintest.WantError(t, s.backend(obj{"mount": "none"}).Health(t.Context()), effect.CodeRefused, "look the mount none up")
	s.order(http.MethodPut, "sys/seal", nil, nil)
	plugintest.WantError(t, b.Health(t.Context()), effect.CodeUnavailable, "is sealed", "unseal")
	_, e = do(t, b, "rotate", "k", obj{"name": "a"})
	plugintest.WantError(t, e, effect.CodeUnavailable, "503", "unseal")
	if !e.Retryable {
		t.Error("a server that is sealed may be opened soon")
	}
}

// TestAnswerIsLost: where the answer to a write is lost, its outcome is unknown, it
// is observed as what it was, and comes once however often it is sent.
func TestAnswerIsLost(t *testing.T) {
	s := start(t)
	to, err := url.Parse(s.address)
	if err != nil {
		t.Fatal(err)
	}
	var arrives, loses atomic.Bool
	forward := httputil.NewSingleHostReverseProxy(to)
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loses.Load() || r.Method == http.MethodGet {
			forward.ServeHTTP(w, r)
			return
		}
		if arrives.Load() {
			rec := httptest.NewRecorder()
			forward.ServeHTTP(rec, r)
		} else {
			_, _ = io.Copy(io.Discard, r.Body)
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.Close()
	}))
	t.Cleanup(between.Close)
	b := s.backend(obj{"address": between.URL})
	must(t, b, "rotate", "first", obj{"name": "a"})
	for _, c := range []struct {
		key, version string
		arrives      bool
		want         effect.Observed
	}{{"lost before", "2", false, effect.NotApplied}, {"lost after", "3", true, effect.Applied}} {
		loses.Store(true)
		arrives.Store(c.arrives)
		_, e := do(t, b, "rotate", c.key, obj{"name": "a", "value": "correct horse"})
		plugintest.WantError(t, e, effect.CodeUnknown, "not known whether it was taken", "runbook_effect")
		silent(t, e, "correct horse")
		loses.Store(false)
		seen, err := b.Observe(t.Context(), request(t, "rotate", c.key, obj{"name": "a", "value": "correct horse"}))
		if err != nil || seen.State != c.want {
			t.Errorf("%s: observed %+v, %v", c.key, seen, err)
		}
		if got := must(t, b, "rotate", c.key, obj{"name": "a", "value": "correct horse"}); got["version"] != c.version {
			t.Errorf("%s: sent again it makes %v, want version %s", c.key, got, c.version)
		}
	}
	loses.Store(true)
	_, e := do(t, b, "revoke", "end", obj{"name": "a", "version": "2"})
	plugintest.WantError(t, e, effect.CodeUnknown, "destroy version 2 of a", "revoke it once more")
}

// TestSettings refuses a configuration that cannot be right, and does not tell its
// secrets.
func TestSettings(t *testing.T) {
	good := func(more obj) obj {
		config := obj{"address": "https://vault.example.org:8200", "token": "hunter22-hunter22"}
		for k, v := range more {
			if config[k] = v; v == nil {
				delete(config, k)
			}
		}
		return config
	}
	for _, c := range []struct {
		config obj
		says   string
	}{
		{good(nil), ""},
		{good(obj{"address": "http://127.0.0.1:8200", "mount": "/kv/team/", "namespace": "ops/"}), ""},
		{good(obj{"address": "http://vault.example.org:8200"}), "plain http hands tokens"},
		{good(obj{"address": "http://vault.example.org:8200", "insecure": true}), ""},
		{good(obj{"address": "vault.example.org"}), "not an http or https URL"},
		{good(obj{"address": "https://u:p@vault.example.org"}), "without a password"},
		{good(obj{"token": nil}), "nothing to log in with"},
		{good(obj{"token": nil, "role_id": "deploys"}), "nothing to log in with"},
		{good(obj{"role_id": "deploys", "secret_id": "hunter22-hunter22"}), "exclude each other"},
		{good(obj{"token": nil, "role_id": "deploys", "secret_id": "hunter22-hunter22"}), ""},
		{good(obj{"mount": "a/../b"}), "no path of a mount"},
		{good(obj{"field": "x", "mark": "x"}), "name the same field"},
		{good(obj{"ca": "/nowhere.pem"}), "no such file"},
	} {
		err := plugintest.Configure(New(), c.config)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: got %v, want %q", c.config, err, c.says)
		}
		silent(t, err, "hunter22")
	}
}
