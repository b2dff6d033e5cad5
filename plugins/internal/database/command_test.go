//go:build linux

package database

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleEnv makes this binary a runner without rights, or the program that it runs
// and cannot kill.
const roleEnv = "RUNBOOK_TEST_ROLE"

func TestMain(m *testing.M) {
	role, program, _ := strings.Cut(os.Getenv(roleEnv), " ")
	switch role {
	case "runner":
		runner(program)
	case "stubborn":
		stubborn()
	default:
		os.Exit(m.Run())
	}
}

// runner runs the program, cancels it once it has said its number, and tells both.
func runner(program string) {
	ctx, cancel := context.WithCancelCause(context.Background())
	c := Command{Argv: []string{program}, Env: []string{roleEnv + "=stubborn"}, Line: func(line string) {
		fmt.Println(line)
		cancel(errors.New("the time is up"))
	}}
	said, err := c.Run(ctx)
	fmt.Println("returned", err, said)
}

// stubborn becomes root, as sudo does, and goes on for a minute unless somebody kills
// it who can.
func stubborn() {
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		fmt.Println("cannot become root:", err)
		os.Exit(1)
	}
	fmt.Println(os.Getpid())
	time.Sleep(time.Minute)
}

// TestProgramThatCannotBeKilled: Run returns although what it runs, which has become
// root, goes on.
func TestProgramThatCannotBeKilled(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can make a program that becomes root")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "rb-command")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the runner is somebody else
		t.Fatal(err)
	}
	program, unprivileged := filepath.Join(dir, "program"), filepath.Join(dir, "runner")
	copyTo(t, program, self, 0o755|os.ModeSetuid)
	copyTo(t, unprivileged, self, 0o755)
	cmd := exec.Command(unprivileged)
	cmd.Env = append(os.Environ(), roleEnv+"=runner "+program)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanln(out, &pid); err != nil {
		t.Fatalf("the program says no number: %v", err)
	}
	defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
	rest, err := io.ReadAll(out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Error(err)
	}
	if want := fmt.Sprintf("returned the time is up %d\n", pid); string(rest) != want {
		t.Errorf("%q, want %q", rest, want)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Errorf("the program has ended: %v", err)
	}
}

// copyTo copies a program to where everybody can run it.
func copyTo(t *testing.T, to, from string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err := errors.Join(err, os.WriteFile(to, data, 0o700), os.Chmod(to, mode)); err != nil {
		t.Fatal(err)
	}
}
