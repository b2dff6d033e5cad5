package files

import (
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	dir := tree(t, map[string]string{"logs/app.log": "fine\nerror: a\n", "logs/old/app.log": "error: b\n"})
	logs := filepath.Join(dir, "logs")
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: plugintest.System{Name: "files"},
		Config: map[string]any{"roots": []any{logs}, "archives": []any{dir}, "dir": dir, "zone": "UTC"},
		Reads: []plugins.Request{
			{Op: "hash", Args: map[string]any{"path": "logs/app.log"}},
			{Op: "hash", Args: map[string]any{"path": logs, "algorithm": "sha512"}},
			{Op: "search", Args: map[string]any{"paths": []any{"logs/*.log"}, "pattern": "^error", "since": "1h"}},
		},
		Writes: []plugins.Request{
			{Op: "archive", Key: "first", Args: map[string]any{"paths": []any{"logs"}, "to": "a.tar.gz"}},
			{Op: "archive", Key: "second", Args: map[string]any{"paths": []any{"logs/*.log"}, "to": "b.tgz", "since": "1h"}},
		},
	})
}
