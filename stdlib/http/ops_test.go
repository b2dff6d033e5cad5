package http

import (
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func TestClassByMethod(t *testing.T) {
	op := &Module().Ops[0]
	for _, c := range []struct {
		args     map[string]any
		class    effect.Class
		recovery effect.Recovery
	}{
		{map[string]any{}, effect.Read, effect.Retry},
		{map[string]any{"method": "PUT"}, effect.Write, effect.Retry},
		{map[string]any{"method": "PATCH"}, effect.Write, effect.Ask},
		{map[string]any{"method": "DELETE"}, effect.Irreversible, effect.Retry},
		{map[string]any{"method": "POST"}, effect.Irreversible, effect.Ask},
		{map[string]any{"method": "POST", "class": "read"}, effect.Read, effect.Ask},
		{map[string]any{"method": "POST", "key_header": "Idempotency-Key", "recovery": "retry"}, effect.Irreversible, effect.Retry},
		{map[string]any{"method": "GET", "class": "write"}, effect.Write, effect.Ask}, // a GET that writes need not be safe to repeat
	} {
		c.args["url"] = "https://example.org/"
		args, err := op.Check(c.args)
		if err != nil {
			t.Fatalf("%v: %v", c.args, err)
		}
		if op.ClassFor(args) != c.class || op.RecoveryFor(args) != c.recovery {
			t.Errorf("%v: %s, %s; want %s, %s", c.args, op.ClassFor(args), op.RecoveryFor(args), c.class, c.recovery)
		}
	}
	for _, args := range []map[string]any{
		{"url": "ftp://example.org"}, {"url": "https://a b"}, {"url": "https://x", "body": "a"},
		{"url": "https://x", "method": "POST", "body": "a", "json": true},
	} {
		if _, err := op.Check(args); err == nil {
			t.Errorf("%v passed", args)
		}
	}
}
