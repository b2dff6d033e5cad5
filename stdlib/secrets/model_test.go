package secrets

import (
	"strings"
	"testing"

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
