package postgres

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a := l.primary("a")
	b := a.replica("b")
	c := l.config(a, b)
	c["migrate"] = migrations(t)
	c["timeout"] = "30s" // of many connections at once, on a machine that others use
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: c,
		Writes: []plugins.Request{
			{Op: "backup", Args: obj{}},
			{Op: "promote", Args: obj{"node": "b"}},
			{Op: "restore", Args: obj{"copy": "c1"}},
			{Op: "swap", Args: obj{"copy": "c1"}},
			{Op: "migrate", Args: obj{"to": 2}},
			{Op: "exec", Args: obj{"sql": "UPDATE orders SET paid = $1 WHERE item = $2", "params": []any{true, "pear"}}},
		},
		Reads: []plugins.Request{
			{Op: "backups"},
			{Op: "migrations"},
			{Op: "lag"},
			{Op: "is_primary"},
			{Op: "is_primary", Args: obj{"node": "a"}},
			{Op: "query", Args: obj{"sql": "SELECT * FROM orders"}},
			{Op: "query", Args: obj{"sql": "SELECT count(*) AS n FROM orders", "copy": "c1_before"}},
			{Op: "validate", Args: obj{"checks": obj{"orders": "SELECT count(*) > 0 FROM orders"}}},
			{Op: "validate", Args: obj{"copy": "c1_before"}},
		},
	})
}
