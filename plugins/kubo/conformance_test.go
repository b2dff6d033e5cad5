package kubo

import (
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	b, main, backup := twoNodes(t)
	meet(t, main, backup)
	dir := t.TempDir()
	small, large := write(t, filepath.Join(dir, "site", "small"), 1, 1000), write(t, filepath.Join(dir, "site", "large"), 2, 3<<20)
	of := func(path, node string) string {
		return must(t, b, "add", obj{"path": path, "node": node})["cid"].(string)
	}
	there, elsewhere := of(small, "main"), of(large, "backup")
	archive := filepath.Join(dir, "small.car")
	must(t, b, "export", obj{"cid": there, "path": archive})
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: config(main, backup),
		Reads: []plugins.Request{
			{Op: "pins"},
			{Op: "pins", Args: obj{"type": "all", "node": "backup"}},
			{Op: "pins", Args: obj{"cid": there}},
			{Op: "providers", Args: obj{"cid": elsewhere}},
			{Op: "validate", Args: obj{"cid": there}},
			{Op: "export", Args: obj{"cid": there, "path": filepath.Join(dir, "again.car")}},
		},
		Writes: []plugins.Request{
			{Op: "pin", Args: obj{"cid": elsewhere, "name": "large", "from": []any{backup.Peer}}},
			{Op: "unpin", Args: obj{"cid": elsewhere}},
			{Op: "import", Args: obj{"path": archive, "node": "backup"}},
			{Op: "add", Args: obj{"path": filepath.Dir(small)}},
		},
	})
}
