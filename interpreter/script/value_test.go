package script

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestValuesRoundTrip sends values into the script and back out.
func TestValuesRoundTrip(t *testing.T) {
	values := []any{true, false, 0.0, -1.5, 1e300, "", "text", "\xff\x00bytes", []any{1.0, "a", []any{true}},
		[]any{}, []any{nil, 1.0, nil},
		map[string]any{"a": 1.0, "b": map[string]any{"c": []any{"d"}}}, map[string]any{},
		effect.NewSecret("n", "v"), effect.SecretDigest{Name: "n", Digest: "d"}}
	s := newScript(t, "", &recorder{})
	for _, v := range values {
		got, err := s.toGo(s.toLua(v))
		if err != nil {
			t.Errorf("%v: %v", v, err)
			continue
		}
		digest := func(s effect.Secret) string { return s.Reveal() }
		want, _ := effect.Encode(v, digest)
		back, err := effect.Encode(got, digest)
		if err != nil || string(back) != string(want) {
			t.Errorf("%s came back as %s (%v)", want, back, err)
		}
	}
	if v, err := s.toGo(s.toLua(nil)); v != nil || err != nil {
		t.Errorf("nil came back as %v, %v", v, err)
	}
	if _, err := s.toGo(s.toLua(math.Inf(1))); err == nil {
		t.Error("infinity left the script")
	}
}

// TestSecretsStayShut looks for a secret's value in everything that a script
// can do with it.
func TestSecretsStayShut(t *testing.T) {
	r := &recorder{answer: testAnswer}
	err := run(t, newScript(t, `
local vault = require "vault"
local s = vault.read()
print(s, tostring(s), string.format("%s %q", s, tostring(s)), pcall(function() return s.value end))
print(pcall(function() return s .. "" end)) print(pcall(function() return #s end))
log.info { text = "t", field = tostring(s) }
for _, f in ipairs { function() s.x = 1 end, function() setmetatable(s, {}) end, function() return s < s end } do
  assert(not pcall(f))
end
vault.use { token = s }
vault.use { token = "plain" }
fail("with " .. tostring(s))`, r))
	if e := errorOf(t, err); e.Message != "with [secret token]" {
		t.Errorf("the message is %q", e.Message)
	}
	if all := strings.Join(r.seen(), "\n"); strings.Contains(all, "s3cret") || strings.Contains(all, "plain") {
		t.Errorf("a secret shows in\n%s", all)
	}
	for _, c := range r.calls {
		if c.Op.String() == "vault.use" {
			if _, ok := c.Args["token"].(effect.Secret); !ok {
				t.Errorf("the token is a %T", c.Args["token"])
			}
		}
	}
}

// TestArgsOfAnErrorHoldDigests: the arguments beside an error hold no secret in
// clear.
func TestArgsOfAnErrorHoldDigests(t *testing.T) {
	r := &recorder{answer: func(context.Context, effect.Call) (any, error) {
		return nil, effect.Errorf(effect.CodeRefused, "no")
	}}
	e := errorOf(t, run(t, newScript(t, `require "vault".use { token = "plain", data = 1 }`, r)))
	if _, ok := e.Args["token"].(effect.Secret); !ok || e.Args["data"] != 1.0 {
		t.Errorf("the arguments are %v", e.Args)
	}
	if e.Effect == nil || e.Effect.Code != effect.CodeRefused || e.Effect.Op != "vault.use" {
		t.Errorf("the effect is %+v", e.Effect)
	}
}
