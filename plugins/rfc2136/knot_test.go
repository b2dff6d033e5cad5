package rfc2136

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/internal/recordsettest"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// startKnot runs Debian's Knot on loopback as the primary of example.org.
func startKnot(t *testing.T) *server {
	t.Helper()
	bin := recordsettest.Program(t, "knotd", "knot")
	dir, err := os.MkdirTemp("", "rb-knot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	k := &server{addr: plugintest.FreeAddress(t), log: filepath.Join(dir, "log"), system: plugintest.Program(t, "Knot", bin, "--version")}
	host, port, _ := net.SplitHostPort(k.addr)
	for name, text := range map[string]string{
		"example.org.zone": zone,
		"knot.conf": fmt.Sprintf(`
server:
  rundir: %[1]q
  listen: %[2]s@%[3]s
  udp-workers: 1
  tcp-workers: 2
  background-workers: 1
database:
  storage: %[1]q
  journal-db-max-size: 16M
log:
  - target: stderr
    any: info
key:
  - id: runbook
    algorithm: hmac-sha256
    secret: %[4]s
  - id: reader
    algorithm: hmac-sha256
    secret: %[4]s
acl:
  - id: change
    key: runbook
    action: update
zone:
  - domain: example.org
    storage: %[1]q
    file: example.org.zone
    acl: change
`, dir, host, port, secret),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.run(t, exec.Command(bin, "-c", filepath.Join(dir, "knot.conf")))
	return k
}

// primaries are the servers that the suite runs on, with example.org.
func primaries(t *testing.T, test func(t *testing.T, p *server)) {
	t.Run("BIND", func(t *testing.T) { test(t, startPrimary(t)) })
	t.Run("Knot", func(t *testing.T) { test(t, startKnot(t)) })
}
