package rfc2136

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

func TestConformance(t *testing.T) { primaries(t, checkConformance) }

func checkConformance(t *testing.T, p *server) {
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: p.system,
		Config: config(p.addr, nil),
		Reads: []plugins.Request{
			{Op: "records", Args: obj{"name": "www.example.org"}},
			{Op: "records", Args: obj{"name": "text.example.org", "type": "TXT", "resolver": "authoritative"}},
			{Op: "records", Args: obj{"name": "none.example.org"}},
		},
		Writes: []plugins.Request{
			{Op: "delete", Args: obj{"name": "alias.example.org", "type": "CNAME"}},
			{Op: "replace", Args: obj{"name": "www.example.org", "from": []any{"192.0.2.2", "192.0.2.1"}, "to": []any{"192.0.2.3"}}},
			{Op: "delete", Args: obj{"name": "www.example.org", "values": []any{"192.0.2.3"}}},
			{Op: "set", Args: obj{"name": "new.example.org", "type": "MX", "values": []any{"10 mail.example.net."}, "ttl": "1h"}},
		},
	})
}
