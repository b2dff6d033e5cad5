package exec

import (
	"bufio"
	"context"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	"github.com/q-ecosystem/runbook/plugins/plugintest"
)

// victim makes the test binary stand in for a plugin process that is killed.
const victim = "RUNBOOK_EXEC_VICTIM"

func TestMain(m *testing.M) {
	if mark := os.Getenv(victim); mark != "" {
		b := New()
		if err := b.Configure(context.Background(), map[string]any{}); err != nil {
			panic(err)
		}
		_, err := b.Invoke(context.Background(), plugins.Request{Op: "run",
			Args:     map[string]any{"argv": []any{"/bin/sh", "-c", "setsid sleep 1000 & sleep 1000 & echo $$ $!; wait"}},
			Progress: func(line string) { fmt.Println(line) }})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(plugintest.Main(m, New()))
}

func TestTimeoutKillsTheGroup(t *testing.T) {
	for _, c := range []struct {
		name  string
		line  string
		class string
		code  effect.Code
	}{
		{"a read", "sleep 1000 & echo $! > child; echo $$ > self; wait", "read", effect.CodeTimeout},
		{"a write", "sleep 1000 & echo $! > child; echo $$ > self; wait", "write", effect.CodeUnknown},
		{"class left out", "sleep 1000 & echo $! > child; echo $$ > self; wait", "", effect.CodeUnknown},
		{"a child that ignores SIGTERM", "(trap '' TERM; while :; do sleep 1; done) & echo $! > child; echo $$ > self; wait", "write", effect.CodeUnknown},
		{"one that ignores SIGTERM", "trap '' TERM; sleep 1000 & echo $! > child; echo $$ > self; while :; do sleep 1; done", "write", effect.CodeUnknown},
		{"a suspended one", "sleep 1000 & echo $! > child; echo $$ > self; kill -STOP $$", "write", effect.CodeUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := configured(t, map[string]any{"dir": dir, "grace": "200ms"})
			args := with(sh("echo began; "+c.line), map[string]any{"timeout": "1s"})
			if c.class != "" {
				args["class"] = c.class
			}
			began := time.Now()
			_, err := run(t, b, args)
			e := effect.AsError(err)
			if e == nil || e.Code != c.code || !strings.Contains(e.Message, "took longer than 1s") || !strings.Contains(e.Message, "began") {
				t.Fatalf("got %v", err)
			}
			if (e.Code == effect.CodeTimeout) != e.Retryable {
				t.Errorf("retryable: %v", e.Retryable)
			}
			if took := time.Since(began); took > plugintest.Patience {
				t.Errorf("took %s", took)
			}
			for _, name := range []string{"child", "self"} {
				if pid := readPid(t, filepath.Join(dir, name)); alive(pid) {
					t.Errorf("%s (%d) is alive after the call", name, pid)
				}
			}
		})
	}
}

func TestSigtermComesFirst(t *testing.T) {
	dir := t.TempDir()
	b := configured(t, map[string]any{"dir": dir, "grace": "20s"})
	_, err := run(t, b, with(sh(`trap 'echo cleaning up; touch cleaned; exit 0' TERM; while :; do sleep 0.05; done`),
		map[string]any{"timeout": "500ms"}))
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "cleaning up") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "cleaned")); err != nil {
		t.Error("the program had no chance to clean up")
	}
}

func TestCanceledCall(t *testing.T) {
	dir := t.TempDir()
	b := configured(t, map[string]any{"dir": dir, "grace": "1h"}) // more than the host grants
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := b.Invoke(ctx, request(t, sh("trap '' TERM; echo $$ > self; while :; do sleep 0.1; done")))
		done <- err
	}()
	pid := readPid(t, filepath.Join(dir, "self"))
	cancel()
	if e := effect.AsError(<-done); e == nil || e.Code != effect.CodeUnknown || !strings.Contains(e.Message, "was canceled") {
		t.Errorf("got %v", e)
	}
	if alive(pid) {
		t.Error("the program runs on")
	}
	if _, err := b.Invoke(ctx, request(t, sh("touch ran"))); effect.AsError(err) == nil {
		t.Error("a canceled call succeeded")
	}
	if _, err := os.Stat(filepath.Join(dir, "ran")); err == nil {
		t.Error("a call that was canceled before it began ran")
	}
}

func TestGraceEndsBeforeTheHostGivesUp(t *testing.T) {
	dir := t.TempDir()
	b := configured(t, map[string]any{"dir": dir, "grace": "1h"})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := b.Invoke(ctx, request(t, with(sh("trap '' TERM; echo $$ > self; while :; do sleep 0.1; done"), map[string]any{"timeout": "500ms"})))
	if e := effect.AsError(err); e == nil || e.Code != effect.CodeUnknown {
		t.Errorf("got %v", err)
	}
	if ctx.Err() != nil {
		t.Error("the answer came after the host's deadline")
	}
	if alive(readPid(t, filepath.Join(dir, "self"))) {
		t.Error("the program runs on")
	}
}

func TestDaemonsDoNotHoldTheCall(t *testing.T) {
	for name, line := range map[string]string{
		"silent child":  "echo before; sleep 1000 & echo $! > child; echo after",
		"session":       "echo before; setsid sleep 1000 & echo $! > child; echo after",
		"talking child": "echo before; (while sleep 0.02; do echo tick; done) & echo $! > child; echo after",
		"loud child":    "echo before; yes & echo $! > child; echo after",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			v, err := run(t, configured(t, map[string]any{"dir": dir}), with(sh(line), map[string]any{"timeout": "1h"}))
			pid := readPid(t, filepath.Join(dir, "child"))
			defer func() { _ = syscall.Kill(pid, syscall.SIGKILL) }()
			if err != nil {
				t.Fatal(err)
			}
			if quiet := name == "silent child" || name == "session"; quiet && !alive(pid) {
				t.Error("what the program left behind was killed")
			}
			if out := v["output"].(string); name != "loud child" && (!strings.Contains(out, "before\n") || !strings.Contains(out, "after\n")) {
				t.Errorf("output %q", out)
			}
		})
	}
}

func TestLastOutputIsNotLost(t *testing.T) {
	b := configured(t, nil)
	for range 20 { // the pipe is full when the program exits, and a child holds it
		v, err := run(t, b, sh("sleep 2 & seq 1 9000; echo end"))
		if err != nil {
			t.Fatal(err)
		}
		if out := v["output"].(string); !strings.HasPrefix(out, "1\n2\n") || !strings.HasSuffix(out, "9000\nend\n") {
			t.Fatalf("%d bytes, ends %q", len(out), out[max(0, len(out)-20):])
		}
	}
}

// TestProgramDiesWithThePlugin kills a process that has a program under way,
// as the host does, and everything that the program started has to end.
func TestProgramDiesWithThePlugin(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plugin := osexec.Command(self)
	plugin.Env = append(os.Environ(), victim+"=1")
	plugin.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := plugin.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := plugin.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = plugin.Wait() }()
	defer func() { _ = syscall.Kill(-plugin.Process.Pid, syscall.SIGKILL) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var program, child int
	if _, err := fmt.Sscan(line, &program, &child); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	if !alive(program) || !alive(child) {
		t.Fatal("the program does not run")
	}
	if err := syscall.Kill(-plugin.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	plugintest.Until(t, "the program's end", func() bool { return !alive(program) })
	plugintest.Until(t, "the end of its child", func() bool { return !alive(child) })
}

func TestConcurrentCalls(t *testing.T) {
	b := configured(t, nil)
	errs := make(chan error)
	const calls = 16
	for i := range calls {
		req := request(t, sh(fmt.Sprintf("echo %d; sleep 0.1", i)))
		go func() {
			v, err := b.Invoke(context.Background(), req)
			if err == nil && v.(map[string]any)["output"] != fmt.Sprintf("%d\n", i) {
				err = fmt.Errorf("call %d returned %v", i, v)
			}
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}
