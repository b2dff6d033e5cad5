package mariadb

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	c := l.config()
	c["migrate"] = migrations(t)
	p := newPair(t)
	c["databases"] = obj{"pair": p.config()}
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: c,
		Writes: []plugins.Request{
			{Op: "backup", Args: obj{}},
			{Op: "restore", Args: obj{"copy": "c1"}},
			{Op: "migrate", Args: obj{"to": 2}},
			{Op: "exec", Args: obj{"sql": "UPDATE orders SET paid = ? WHERE item = ?", "params": []any{true, "pear"}}},
			{Op: "exec", Args: obj{"db": "pair", "sql": "INSERT INTO orders (item) VALUES ('kiwi')"}},
			{Op: "promote", Args: obj{"db": "pair", "node": "b"}},
		},
		Reads: []plugins.Request{
			{Op: "lag", Args: obj{"db": "pair"}},
			{Op: "is_primary", Args: obj{"db": "pair", "node": "b"}},
			{Op: "query", Args: obj{"db": "pair", "node": "a", "sql": "SELECT * FROM orders"}},
			{Op: "backups"},
			{Op: "migrations"},
			{Op: "query", Args: obj{"sql": "SELECT * FROM orders"}},
			{Op: "query", Args: obj{"sql": "SELECT count(*) AS n FROM orders", "copy": "c1"}},
			{Op: "validate", Args: obj{"checks": obj{"orders": "SELECT count(*) > 0 FROM orders"}}},
		},
	})
}
