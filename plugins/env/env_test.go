package env

import (
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	t.Setenv("TEST_PASSWORD", "hunter22")
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: plugintest.System{Name: "its environment"},
		Config: map[string]any{"variables": map[string]any{"db/password": "TEST_PASSWORD"}},
		Reads:  []plugins.Request{{Op: "get", Args: map[string]any{"name": "db/password"}}},
	})
}

func TestGet(t *testing.T) {
	t.Setenv("TEST_GOOD", "hunter22")
	t.Setenv("TEST_EMPTY", "")
	t.Setenv("TEST_BYTES", "\xffhunter22")
	b := New()
	variables := map[string]any{"good": "TEST_GOOD", "empty": "TEST_EMPTY", "bytes": "TEST_BYTES", "unset": "TEST_UNSET"}
	if err := b.Configure(t.Context(), map[string]any{"variables": variables}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, version string
		code          effect.Code
		says          string
	}{
		{"good", "", "", ""},
		{"good", "2", effect.CodeNotFound, "without versions"},
		{"godo", "", effect.CodeNotFound, `did you mean "good"?`},
		{"empty", "", effect.CodeNotFound, "TEST_EMPTY is empty"},
		{"unset", "", effect.CodeNotFound, "TEST_UNSET is not set"},
		{"bytes", "", effect.CodeInvalid, "holds no text"},
	} {
		v, err := b.Invoke(t.Context(), plugins.Request{Op: "get", Args: map[string]any{"name": c.name, "version": c.version}})
		e := effect.AsError(err)
		if c.code == "" && (e != nil || v.(map[string]any)["value"] != "hunter22") {
			t.Errorf("%s: %v, %v", c.name, v, err)
		}
		if c.code != "" && (e == nil || e.Code != c.code || !strings.Contains(e.Message+e.Hint, c.says) || strings.Contains(e.Message+e.Hint, "hunter22")) {
			t.Errorf("%s: %v, want %s, %q", c.name, err, c.code, c.says)
		}
	}
	if err := b.Health(t.Context()); err == nil || !strings.Contains(err.Error(), "TEST_BYTES") {
		t.Errorf("health: %v", err)
	}
	if err := New().Configure(t.Context(), map[string]any{"variables": map[string]any{}}); err == nil {
		t.Error("no variables pass")
	}
}
