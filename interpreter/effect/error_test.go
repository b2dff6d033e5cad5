package effect_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestErrorText(t *testing.T) {
	at := effect.Position{File: "a.lua", Line: 7}
	tests := []struct {
		err  *effect.Error
		want string
	}{
		{effect.Errorf(effect.CodeRefused, "no %s", "way"), "no way (refused)"},
		{&effect.Error{Code: effect.CodeTimeout, Message: "too late", Op: "t.op", Where: at}, "a.lua:7: t.op: too late (timeout)"},
		{&effect.Error{Code: effect.CodeRaised, Message: "enough", Where: at}, "a.lua:7: enough"},
		{&effect.Error{Message: "bare"}, "bare"},
	}
	for _, test := range tests {
		if got := test.err.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestRetryable(t *testing.T) {
	for code, want := range map[effect.Code]bool{effect.CodeUnavailable: true, effect.CodeTimeout: true, effect.CodeRefused: false,
		effect.CodeUnknown: false, effect.CodeInternal: false} {
		if got := effect.Errorf(code, "x").Retryable; got != want {
			t.Errorf("%s retryable: %v", code, got)
		}
	}
}

func TestWithHintLeavesTheOriginalAlone(t *testing.T) {
	plain := effect.Errorf(effect.CodeRefused, "no")
	hinted := plain.WithHint("ask %s", "ada")
	if plain.Hint != "" || hinted.Hint != "ask ada" || hinted.Message != "no" {
		t.Errorf("%+v, %+v", plain, hinted)
	}
}

func TestErrorsThroughJSON(t *testing.T) {
	e := effect.Error{Code: effect.CodeConflict, Message: "no", Op: "t.op", Where: effect.Position{File: "a", Line: 1}, Retryable: true, Hint: "h"}
	data, err := json.Marshal(&e)
	if err != nil {
		t.Fatal(err)
	}
	var back effect.Error
	if err := json.Unmarshal(data, &back); err != nil || back != e {
		t.Errorf("%s became %+v, %v", data, back, err)
	}
	if data, _ := json.Marshal(effect.Errorf(effect.CodeRefused, "no")); string(data) != `{"code":"refused","message":"no"}` {
		t.Errorf("got %s", data)
	}
}

func TestAsErrorAndAsStop(t *testing.T) {
	e := effect.Errorf(effect.CodeRefused, "no")
	if effect.AsError(nil) != nil || effect.AsStop(nil) != nil {
		t.Error("nothing is something")
	}
	if effect.AsError(fmt.Errorf("wrapped: %w", e)) != e {
		t.Error("a wrapped error is not found")
	}
	if got := effect.AsError(errors.New("plain")); got.Code != effect.CodeInternal || got.Message != "plain" {
		t.Errorf("got %+v", got)
	}
	cause := errors.New("held by ada")
	s := &effect.Stop{Cause: effect.LockHeld, Err: cause}
	wrapped := fmt.Errorf("wrapped: %w", s)
	if effect.AsStop(wrapped) != s || !errors.Is(wrapped, cause) || s.Error() != "held by ada" {
		t.Error("a wrapped stop is not found")
	}
	if effect.AsStop(e) != nil {
		t.Error("an error is a stop")
	}
	if got := (&effect.Stop{Cause: effect.Interrupted}).Error(); got != "interrupted" {
		t.Errorf("says %q", got)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	s := effect.NewSecret("env:TOKEN", "hunter2")
	type holder struct{ S effect.Secret }
	type hidden struct{ s effect.Secret }
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T%v"} {
		args := []any{s}
		if verb == "%T%v" {
			args = []any{s, holder{s}}
		}
		if got := fmt.Sprintf(verb, args...); got == "" || strings.Contains(got, "hunter2") || strings.Contains(got, "68756e74657232") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	for _, v := range []any{s, &s, holder{s}, map[string]any{"a": s}} {
		if data, err := json.Marshal(v); err == nil {
			t.Errorf("marshals to %s", data)
		}
		if got := fmt.Sprintf("%+v %#v", v, v); strings.Contains(got, "hunter2") {
			t.Errorf("prints as %s", got)
		}
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if got := fmt.Sprintf(verb, hidden{s}); strings.Contains(got, "hunter2") || strings.Contains(got, "68756e74657232") {
			t.Errorf("%s shows %s", verb, got)
		}
	}
	if s != effect.NewSecret("env:TOKEN", strings.Clone("hunter2")) || s == effect.NewSecret("env:TOKEN", "hunter3") {
		t.Error("equal secrets differ, or others do not")
	}
	if (effect.Secret{}).Reveal() != "" {
		t.Error("the zero secret holds something")
	}
	if s.Reveal() != "hunter2" || s.Name() != "env:TOKEN" || s.String() != "[secret env:TOKEN]" {
		t.Error(s)
	}
}
