package exec

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var programs = plugintest.System{Name: "programs"}

func TestConformance(t *testing.T) {
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: programs,
		Config: map[string]any{"dir": t.TempDir(), "secrets": map[string]any{"TOKEN": "s3cr3t"}},
		Reads: []plugins.Request{
			{Op: "run", Args: map[string]any{"argv": []any{"echo", "hello"}, "class": "read"}},
			{Op: "run", Args: map[string]any{"shell": `printf '\377\000'`, "class": "read"}},
			{Op: "run", Args: map[string]any{"shell": "seq 1 100000", "class": "read"}},
		},
		Writes: []plugins.Request{
			{Op: "run", Args: map[string]any{"argv": []any{"touch", "mark"}, "class": "write", "recovery": "retry"}},
			{Op: "run", Args: map[string]any{"shell": `echo "$PASSWORD" > out`, "secrets": map[string]any{"PASSWORD": "hunter22"}}},
			{Op: "run", Args: map[string]any{"shell": "exit 7", "ok": []any{0, 7}}},
		},
	})
}
