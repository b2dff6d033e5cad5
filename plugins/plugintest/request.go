package plugintest

import (
	"context"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// Configure configures a backend as a host does: the configuration has to fit
// Description.Config, and secrets arrive as plain texts. It is for tests that
// ask the backend directly.
func Configure(b plugins.Backend, config map[string]any) error {
	checked, err := effect.CheckFields(b.Describe().Config, nil, config)
	if err != nil {
		return err
	}
	sent, err := overTheWire(checked)
	if err != nil {
		return err
	}
	return b.Configure(context.Background(), sent)
}

// Configured returns b, configured.
func Configured[B plugins.Backend](t testing.TB, b B, config map[string]any) B {
	t.Helper()
	if err := Configure(b, config); err != nil {
		t.Fatalf("configure %s: %v", b.Describe().Name, err)
	}
	return b
}

// Request returns a first attempt at an op of a module, with arguments as a
// host passes them: checked against the op, secrets as plain texts.
func Request(t testing.TB, m effect.Module, op, key string, args map[string]any) plugins.Request {
	t.Helper()
	for i := range m.Ops {
		if m.Ops[i].Name != op {
			continue
		}
		checked, err := m.Ops[i].Check(args)
		if err != nil {
			t.Fatalf("%s %v: %v", op, args, err)
		}
		sent, err := overTheWire(checked)
		if err != nil {
			t.Fatalf("%s %v: %v", op, args, err)
		}
		return plugins.Request{Op: op, Args: sent, Key: key, Attempt: 1, Progress: func(string) {}}
	}
	t.Fatalf("the module %s has no op %s", m.Name, op)
	return plugins.Request{}
}

// overTheWire returns values as they arrive at a plugin.
func overTheWire(values map[string]any) (map[string]any, error) {
	data, err := wire.EncodeArgs(values)
	if err != nil {
		return nil, err
	}
	return wire.DecodeArgs(data)
}
