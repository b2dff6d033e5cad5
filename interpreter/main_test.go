package interpreter_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
)

// jobEnv makes the test binary a runner that carries out the job in it.
const jobEnv = "RUNBOOK_TEST_JOB"

// hasty is the GORACE by which a process under the race detector does not
// linger for a second at its end.
const hasty = "atexit_sleep_ms=0"

// TestMain lets the test binary be, besides the tests, the plugins that the
// tests run against, a runner that can be killed and a bare server.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		switch os.Args[2] {
		case "ledger":
			plugins.Serve(&ledger{})
		case "idle":
			plugins.Serve(idle{})
		default:
			fmt.Fprintf(os.Stderr, "there is no backend %q here\n", os.Args[2])
			os.Exit(2)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "grpc" {
		os.Exit(beGRPC(os.Args[2]))
	}
	if text := os.Getenv(jobEnv); text != "" {
		os.Exit(beRunner(text))
	}
	os.Exit(tests(m))
}

// tests runs the tests with a directory of their own for the sockets of
// plugins, which a runner that is killed cannot clear up. Its path is short.
func tests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "rb")
	if err == nil {
		err = errors.Join(os.Setenv("TMPDIR", dir), os.Setenv("GORACE", hasty))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	return m.Run()
}
