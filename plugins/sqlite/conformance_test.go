package sqlite

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	c := config(file(t, "wal"))
	c["migrate"] = migrations(t)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: c,
		Writes: []plugins.Request{
			{Op: "backup", Args: obj{}},
			{Op: "restore", Args: obj{"copy": "c1"}},
			{Op: "swap", Args: obj{"copy": "c1"}},
			{Op: "migrate", Args: obj{"to": 2}},
			{Op: "exec", Args: obj{"sql": "UPDATE orders SET paid = ? WHERE item = ?", "params": []any{true, "pear"}}},
		},
		Reads: []plugins.Request{
			{Op: "backups"},
			{Op: "migrations"},
			{Op: "query", Args: obj{"sql": "SELECT * FROM orders"}},
			{Op: "query", Args: obj{"sql": "SELECT count(*) AS n FROM orders", "copy": "c1_before"}},
			{Op: "validate", Args: obj{"checks": obj{"orders": "SELECT count(*) > 0 FROM orders"}}},
			{Op: "validate", Args: obj{"copy": "c1_before"}},
		},
	})
}
