package plugintest

import (
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
)

// Main is for TestMain of a package whose backends are killed:
//
//	func TestMain(m *testing.M) { os.Exit(plugintest.Main(m, haproxy.New())) }
//
// It runs the tests and returns the exit code. In a process that was started to
// be killed a backend of that name carries the request out, and Main does not
// return.
func Main(m *testing.M, backends ...plugins.Backend) int {
	victim(backends...)
	return m.Run()
}
