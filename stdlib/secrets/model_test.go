package secrets

import (
	"strings"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/stdlib/internal/modeltest"
)

type obj = map[string]any

func TestSecretsModel(t *testing.T) {
	r := modeltest.New(t, Module(), obj{"db/password": obj{"versions": []any{"1"}}})
	rotate := obj{"name": "db/password", "value": effect.NewSecret("new", "correct horse")}
	modeltest.Is(t, "rotate", r.Must("rotate", rotate), obj{"version": "2", "previous": "1"})
	if v, err := r.Again("rotate", rotate); err != nil || v["version"] != "2" {
		t.Errorf("rotated again with the same key: %v, %v", v, err)
	}
	got := r.Must("get", obj{"name": "db/password"})
	if s, ok := got["value"].(effect.Secret); !ok || s.Reveal() != "correct horse" {
		t.Errorf("got %v", got)
	}
	if strings.Contains(r.Encoded(), "horse") {
		t.Errorf("the state holds the value: %s", r.Encoded())
	}
	modeltest.Is(t, "revoke", r.Must("revoke", obj{"name": "db/password", "version": "1"})["valid"], []any{"2"})
	r.Fails("get", obj{"name": "db/password", "version": "1"}, effect.CodeGone, "was revoked")
	r.Must("revoke", obj{"name": "db/password", "version": "2"})
	r.Fails("get", obj{"name": "db/password"}, effect.CodeNotFound, "no version", "secrets.rotate")
	r.Fails("get", obj{"name": "db/pasword"}, effect.CodeNotFound, `did you mean "db/password"?`)
	modeltest.Is(t, "a new secret", r.Must("rotate", obj{"name": "api/key"}), obj{"version": "1"})
	modeltest.New(t, Module(), nil).Must("get", obj{"name": "anything"})
}

func TestIssued(t *testing.T) {
	r := modeltest.New(t, Module(), nil)
	made := r.Must("issue", obj{"name": "database/creds/app", "ttl": "1h"})
	if again, err := r.Again("issue", obj{"name": "database/creds/app", "ttl": "1h"}); err != nil || again["lease"] != made["lease"] {
		t.Errorf("issued again with the same key: %v, %v", again, err)
	}
	name := made["lease"].(string) + "#username"
	first := r.Must("get", obj{"name": name})
	modeltest.Is(t, "the version", first["version"], "1")
	other := r.Must("issue", obj{"name": "database/creds/app", "ttl": "2h"})["lease"].(string)
	if got := r.Must("get", obj{"name": other + "#username"}); got["value"] == first["value"] {
		t.Error("two credentials are the same")
	}
	r.Fails("get", obj{"name": other}, effect.CodeNotFound, "none is named", "#username")
	r.Fails("get", obj{"name": name, "version": "2"}, effect.CodeNotFound, "version")
	r.Fails("revoke", obj{"name": name, "version": "1"}, effect.CodeInvalid, "secrets.release")
	r.Fails("rotate", obj{"name": name}, effect.CodeInvalid, "secrets.release")
	r.Fails("release", obj{"lease": "db/password"}, effect.CodeInvalid, "no lease")
	r.Fails("release", obj{"lease": Leases + "/none"}, effect.CodeNotFound, "lease")
	if state := r.Encoded(); strings.Contains(state, "simulated") {
		t.Errorf("the state holds the value: %s", state)
	}
	r.Pass(time.Hour)
	r.Fails("get", obj{"name": name}, effect.CodeGone, "has ended")
	r.Must("release", obj{"lease": made["lease"]})
	r.Must("get", obj{"name": other + "#username"})
	for range 2 {
		r.Must("release", obj{"lease": other})
	}
	r.Fails("get", obj{"name": other + "#username"}, effect.CodeGone, "has ended")
	modeltest.Is(t, "whether it is valid", modeltest.At(r.State(), other, "valid"), false)
}
