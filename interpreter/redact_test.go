package interpreter

import (
	"context"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/redact"
)

// TestRedacting sends effects through the Handlers that know of secrets and
// looks at what comes out on the script's side.
func TestRedacting(t *testing.T) {
	const key = "-----BEGIN KEY-----\nQUJDREVGR0hJSktM\n-----END KEY-----"
	op := effect.Op{Module: "m", Name: "f", Class: effect.Read,
		Returns: []effect.Field{{Name: "text", Type: effect.String}, {Name: "count", Type: effect.Int}, {Name: "token", Type: effect.String, Secret: true}}}
	loose := effect.Op{Module: "m", Name: "g", Class: effect.Read} // its result is a table of names
	for _, c := range []struct {
		name     string
		params   map[string]any
		before   map[string]any // arguments of an effect that the journal answered
		op       *effect.Op
		returned any
		want     string
	}{
		{"a line of a parameter", map[string]any{"key": effect.NewSecret("key", key)}, nil, &op,
			map[string]any{"text": "x QUJDREVGR0hJSktM"}, `{"redacted":true,"text":"x [secret key]"}`},
		{"nothing to hide", map[string]any{"key": effect.NewSecret("key", key)}, nil, &op, map[string]any{"text": "plain"}, `{"text":"plain"}`},
		{"a short one is left alone", map[string]any{"pin": effect.NewSecret("pin", "1")}, nil, &op,
			map[string]any{"text": "10.1.1.17"}, `{"text":"10.1.1.17"}`},
		{"of an earlier effect", nil, map[string]any{"env": map[string]any{"K": effect.NewSecret("K", "hunter2222")}}, &op,
			map[string]any{"text": "it is hunter2222"}, `{"redacted":true,"text":"it is [secret K]"}`},
		{"one that the op returns", map[string]any{"p": effect.NewSecret("p", "hunter2222")}, nil, &op,
			map[string]any{"token": "hunter2222"}, `{"token":"hunter2222"}`},
		{"a number of a declared field is a number", map[string]any{"pin": effect.NewSecret("pin", "123456")}, nil, &op,
			map[string]any{"count": 123456.0, "text": "123456"}, `{"count":123456,"redacted":true,"text":"[secret pin]"}`},
		{"a number that nobody declared", map[string]any{"pin": effect.NewSecret("pin", "123456")}, nil, &loose,
			map[string]any{"count": 123456.0}, `{"count":"[secret pin]"}`},
		{"a table of names has none added", map[string]any{"p": effect.NewSecret("p", "hunter2222")}, nil, &loose,
			map[string]any{"blue": "hunter2222"}, `{"blue":"[secret p]"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := redact.NewKnown(redact.Collect(c.params)...)
			answered := effect.HandlerFunc(func(context.Context, effect.Call) (effect.Result, error) { return effect.Result{}, nil })
			_, _ = learning{known, answered}.Do(t.Context(), effect.Call{Op: &op, Args: c.before})
			world := effect.HandlerFunc(func(_ context.Context, call effect.Call) (effect.Result, error) {
				return effect.Result{Value: c.returned}, nil
			})
			res, err := marking{redact.Handler{Known: known, Next: world}}.Do(t.Context(), effect.Call{Op: c.op})
			if err != nil {
				t.Fatal(err)
			}
			got, err := effect.Encode(res.Value, nil)
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

func TestRedactingErrorsAndProgress(t *testing.T) {
	known := redact.NewKnown(effect.NewSecret("p", "hunter2222"))
	world := effect.HandlerFunc(func(_ context.Context, call effect.Call) (effect.Result, error) {
		call.Report("trying hunter2222")
		call.Report("cut off: hunter222")
		return effect.Result{}, effect.Errorf(effect.CodeFailed, "hunter2222 is wrong").WithHint("not %%68unter2222 but hunter2222")
	})
	var shown []string
	_, err := marking{redact.Handler{Known: known, Next: world}}.Do(t.Context(), effect.Call{Op: &effect.Op{Module: "m", Name: "f"}, Progress: func(l string) { shown = append(shown, l) }})
	e := effect.AsError(err)
	if e.Message != "[secret p] is wrong" || !strings.HasSuffix(e.Hint, "but [secret p]") {
		t.Errorf("got %q, %q", e.Message, e.Hint)
	}
	if got := strings.Join(shown, "|"); got != "trying [secret p]|cut off: [secret p]" {
		t.Errorf("shown %q", got)
	}
}
