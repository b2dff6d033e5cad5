package plugins_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/internal/wire"
)

// bell is the smallest backend.
type bell struct{}

func (bell) Describe() plugins.Description {
	return plugins.Description{Name: "bell", Module: "sound", Doc: "Ring a bell.",
		Ops: []effect.Op{{Module: "sound", Name: "ring", Class: effect.Irreversible}}}
}
func (bell) Configure(context.Context, map[string]any) error      { return nil }
func (bell) Invoke(context.Context, plugins.Request) (any, error) { return nil, nil }
func (bell) Health(context.Context) error                         { return nil }

// TestMain lets the test binary be the plugin.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "bell" {
		plugins.Serve(bell{})
		return
	}
	os.Exit(m.Run())
}

func TestStartedByAPerson(t *testing.T) {
	cmd := exec.Command(os.Args[0], "bell")
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 2 {
		t.Errorf("exit status %d, want 2", code)
	}
	for _, want := range []string{"the backend bell", "the module sound", "Ring a bell.", "runbook-plugin-bell"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("it says %q, want %q in it", stderr.String(), want)
		}
	}
	if stdout.Len() > 0 {
		t.Errorf("it wrote %q to its standard output", stdout.String())
	}
}

// startBell starts the plugin as a host does, but for what the kernel would do
// at the host's end, and returns the pipe that stands for the host's life.
func startBell(t *testing.T) (cmd *exec.Cmd, life *os.File) {
	t.Helper()
	theirs, life, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	handshake := wire.Handshake()
	cmd = exec.Command(os.Args[0], "bell")
	cmd.Env = []string{handshake.MagicCookieKey + "=" + handshake.MagicCookieValue, "PLUGIN_PROTOCOL_VERSIONS=1",
		wire.LifeEnv + "=3", "TMPDIR=" + os.TempDir()}
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = theirs.Close()
	t.Cleanup(func() { _ = life.Close(); _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("read the handshake: %v", err)
	}
	parts := strings.Split(strings.TrimSpace(line), "|")
	if len(parts) < 5 || parts[1] != "1" || parts[4] != "grpc" {
		t.Fatalf("the handshake is %q", line)
	}
	t.Cleanup(func() { _ = os.Remove(parts[3]) })
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return cmd, life
}

func TestEndsWithThePipe(t *testing.T) {
	cmd, life := startBell(t)
	_ = life.Close()
	ended(t, cmd)
}

func TestOutlivesSignals(t *testing.T) {
	cmd, life := startBell(t)
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	// A plugin that had died of a signal would say so in its status.
	_ = life.Close()
	if state := ended(t, cmd); state.ExitCode() != 1 {
		t.Errorf("ended with %v, want exit status 1, at the end of the pipe", state)
	}
}

func ended(t *testing.T, cmd *exec.Cmd) *os.ProcessState {
	t.Helper()
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the plugin goes on without its host")
	}
	return cmd.ProcessState
}
