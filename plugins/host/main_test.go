package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// roleEnv makes the test binary run as something else than the tests.
const roleEnv = "RUNBOOK_TEST_ROLE"

// TestMain lets the test binary be its own plugin, as runbook is, and a host
// that can be killed.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "plugin" {
		switch os.Args[2] {
		case "lamp":
			plugins.Serve(&lamp{})
		case "bulb":
			plugins.Serve(&bulb{})
		case "liar":
			plugins.Serve(&liar{})
		case "quarter":
			plugins.Serve(&quarter{})
		case "crooked":
			plugins.Serve(&crooked{})
		case "half":
			plugins.Serve(&half{})
		case "stillborn":
			fmt.Fprintln(os.Stderr, "no socket to be found")
			os.Exit(4)
		}
		return
	}
	switch os.Getenv(roleEnv) {
	case "host":
		beHost()
		return
	case "grpc":
		beGRPC(os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// beHost starts a plugin, prints its pid, and waits to be killed.
func beHost() {
	h, err := host.New(host.Options{Specs: []host.Spec{lampSpec()}})
	if err == nil {
		err = h.Open(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	res, err := h.Do(context.Background(), look("pid"))
	fmt.Println(res.Value, err)
	select {}
}

// startSelf runs the test binary in another role until the test ends.
func startSelf(t testing.TB, role string, args ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
}
