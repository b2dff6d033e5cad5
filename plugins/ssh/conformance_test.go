package ssh

import (
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

var (
	_ plugins.Backend   = (*Backend)(nil)
	_ plugins.Observer  = (*Backend)(nil)
	_ plugins.Previewer = (*Backend)(nil)
)

func TestConformance(t *testing.T) {
	l := startLab(t, "web-1", "web-2")
	l.unit(t, "nginx.service", "active")
	to := filepath.Join(l.Dir, "app.conf")
	write(t, filepath.Join(l.Dir, "source.conf"), "listen 80\n", 0o600)
	plugintest.Run(t, func(*testing.T) plugins.Backend { return New() }, plugintest.Cases{
		System: testedOn(t),
		Config: l.config(nil),
		Writes: []plugins.Request{
			{Op: "run", Args: obj{"on": []any{"web"}, "shell": "echo $PASSWORD", "secrets": obj{"PASSWORD": "hunter2222"}}},
			{Op: "run", Args: obj{"on": []any{"web-1"}, "shell": "exit 7", "ok": []any{7}, "class": "write", "recovery": "retry"}},
			{Op: "copy", Args: obj{"on": []any{"web"}, "from": "source.conf", "to": to, "mode": "0640"}},
			{Op: "copy", Args: obj{"on": []any{"web-2"}, "text": "", "to": to + ".d"}},
			{Op: "service", Args: obj{"on": []any{"web"}, "name": "nginx", "action": "restart"}},
			{Op: "service", Args: obj{"on": []any{"web-2"}, "name": "nginx", "action": "stop"}},
		},
		Reads: []plugins.Request{
			{Op: "list", Args: obj{}},
			{Op: "run", Args: obj{"on": []any{"all"}, "shell": `printf '\377\200'`, "class": "read"}},
			{Op: "read", Args: obj{"on": []any{"web"}, "path": to}},
			{Op: "service", Args: obj{"on": []any{"web"}, "name": "nginx", "action": "status"}},
		},
	})
}

// unit gives all hosts a service.
func (l *lab) unit(t *testing.T, name, state string) {
	t.Helper()
	for _, h := range l.Hosts {
		sub := map[string]string{"active": "running", "inactive": "dead", "failed": "failed"}[state]
		write(t, filepath.Join(h.Dir, "units", name), "ActiveState="+state+"\nSubState="+sub+"\nInvocationID=0123\nActiveEnterTimestamp=Sat 2026-01-31 12:00:00 UTC\n", 0o644)
	}
}
