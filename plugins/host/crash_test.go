package host_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins/host"
)

func TestPluginThatDiesInACall(t *testing.T) {
	h := open(t)
	first := pid(t, h)
	e := failure(t, t.Context(), h, change("exit"), effect.CodeUnknown)
	if want := "plugin lamp died (exit status 3) during lamp.change: nobody knows whether it was applied"; e.Message != want {
		t.Errorf("got  %q\nwant %q", e.Message, want)
	}
	if e.Retryable || e.Hint == "" {
		t.Errorf("an unknown outcome is %+v, want it not retryable and with a hint", e)
	}
	failure(t, t.Context(), h, call("toss", "exit"), effect.CodeUnknown)
	if e := failure(t, t.Context(), h, look("exit"), effect.CodeUnavailable); !e.Retryable {
		t.Errorf("a read that was lost is %+v, want it retryable", e)
	}
	if again := pid(t, h); again == first {
		t.Error("the dead plugin still answers")
	}
}

// underWay starts a call and returns when the plugin is at it, with what
// receives the error in the end.
func underWay(t *testing.T, ctx context.Context, h effect.Handler, c effect.Call) <-chan error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mark")
	c.Args["file"] = file
	done := make(chan error, 1)
	go func() {
		_, err := h.Do(ctx, c)
		done <- err
	}()
	eventually(t, "the plugin is at the call", func() bool { _, err := os.Stat(file); return err == nil })
	return done
}

func TestSIGKILLInACall(t *testing.T) {
	for op, code := range map[string]effect.Code{"change": effect.CodeUnknown, "toss": effect.CodeUnknown, "look": effect.CodeUnavailable} {
		t.Run(op, func(t *testing.T) {
			h := open(t)
			victim := pid(t, h)
			done := underWay(t, t.Context(), h, call(op, "wait"))
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if e := effect.AsError(<-done); e.Code != code || !strings.Contains(e.Message, "signal: killed") {
				t.Errorf("%v, want the code %s and how the plugin ended", e, code)
			}
			if again := pid(t, h); again == victim {
				t.Error("no other process serves the next call")
			}
		})
	}
}

func TestSIGKILLBetweenCalls(t *testing.T) {
	h := open(t)
	for range 3 {
		victim := pid(t, h)
		if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the plugin is gone", func() bool { return !alive(victim) })
		// Whether the host has noticed yet or not: a read may be lost, and the
		// next call is served.
		if _, err := h.Do(t.Context(), look("pid")); err != nil && effect.AsError(err).Code != effect.CodeUnavailable {
			t.Error(err)
		}
		if pid(t, h) == victim {
			t.Error("the dead plugin still answers")
		}
	}
}

func TestHang(t *testing.T) {
	t.Run("write", func(t *testing.T) {
		h := open(t)
		victim := pid(t, h)
		late := filepath.Join(t.TempDir(), "late")
		e := failure(t, t.Context(), h, brief(change("hang", "text", late)), effect.CodeUnknown)
		if !strings.Contains(e.Message, "did not answer in time") {
			t.Errorf("a hang reads %q", e.Message)
		}
		if alive(victim) {
			t.Error("the plugin that hangs was let live: it may apply the write late")
		}
		if _, err := os.Stat(late); err == nil {
			t.Error("the write was applied after its outcome had been called unknown")
		}
		if pid(t, h) == victim {
			t.Error("no other process serves the next call")
		}
	})
	t.Run("read", func(t *testing.T) {
		h := open(t)
		victim := pid(t, h)
		failure(t, t.Context(), h, brief(look("hang")), effect.CodeUnavailable)
		if alive(victim) {
			t.Error("the plugin that hangs was let live, with nothing else to do")
		}
	})
	t.Run("read beside a write", func(t *testing.T) {
		h := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := underWay(t, ctx, h, change("wait and tell"))
		failure(t, t.Context(), h, brief(look("hang")), effect.CodeUnavailable)
		cancel()
		if e := effect.AsError(<-done); e.Code != effect.CodeRefused {
			t.Errorf("a read that hung cost a write its outcome: %v", e)
		}
	})
	t.Run("the whole process", func(t *testing.T) {
		h := open(t)
		victim := pid(t, h)
		if err := syscall.Kill(victim, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "all its threads have stopped", func() bool { return stopped(t, victim) })
		failure(t, t.Context(), h, brief(change("echo")), effect.CodeUnknown)
		if alive(victim) {
			t.Error("the stopped plugin was let live")
		}
	})
}

// stopped reports whether no thread of a process runs.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, thread := range threads {
		stat, _ := os.ReadFile(thread)
		if _, after, _ := strings.Cut(string(stat), ") "); !strings.HasPrefix(after, "T") {
			return false
		}
	}
	return true
}

func TestTimeoutThatTheBackendKeeps(t *testing.T) {
	h := open(t)
	first := pid(t, h)
	failure(t, t.Context(), h, brief(change("wait")), effect.CodeUnknown)
	failure(t, t.Context(), h, brief(look("wait")), effect.CodeTimeout)
	failure(t, t.Context(), h, brief(change("wait and tell")), effect.CodeRefused)
	if pid(t, h) != first {
		t.Error("a plugin that kept its time was killed")
	}
}

func TestCancel(t *testing.T) {
	for _, test := range []struct {
		op, do string
		code   effect.Code
		lives  bool
	}{
		{"change", "wait and tell", effect.CodeRefused, true}, // it says so itself
		{"change", "wait", effect.CodeUnknown, true},
		{"change", "hang", effect.CodeUnknown, false},
		{"look", "wait", effect.CodeUnavailable, true},
		{"look", "hang", effect.CodeUnavailable, true},
	} {
		t.Run(test.op+" "+test.do, func(t *testing.T) {
			h := open(t)
			worker := pid(t, h)
			ctx, cancel := context.WithCancel(t.Context())
			done := underWay(t, ctx, h, call(test.op, test.do))
			cancel()
			if e := effect.AsError(<-done); e.Code != test.code {
				t.Errorf("%v, want the code %s", e, test.code)
			}
			if alive(worker) != test.lives {
				t.Errorf("after the cancellation the plugin lives: %v, want %v", !test.lives, test.lives)
			}
		})
	}
}

func TestPluginThatDiesAtEveryStart(t *testing.T) {
	h, err := host.New(host.Options{Specs: []host.Spec{{Name: "stillborn", Module: "lamp", Builtin: true}}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	c := change("echo")
	for range 5 {
		e := failure(t, t.Context(), h, c, effect.CodeUnavailable)
		if !strings.Contains(e.Message, "exit status 4") || !strings.Contains(e.Message, "no socket to be found") {
			t.Fatalf("the error does not say how and why it ended: %q", e.Message)
		}
	}
	e := failure(t, t.Context(), h, c, effect.CodeUnavailable)
	if !strings.Contains(e.Message, "ended 5 times in a row") || !strings.Contains(e.Message, "no socket to be found") {
		t.Errorf("after many deaths: %q", e.Message)
	}
}

func TestPluginEndsWithItsHost(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "rb") // the host cannot clear up behind itself
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"=host", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var plugin int
	if _, err := fmt.Sscanf(line, "map[said:%d] <nil>", &plugin); err != nil {
		t.Fatalf("the host said %q", line)
	}
	if !alive(plugin) {
		t.Fatal("the plugin does not run")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "the plugin "+strconv.Itoa(plugin)+" is gone", func() bool { return !alive(plugin) })
}

func TestChildrenEndWithThePlugin(t *testing.T) {
	h := open(t)
	victim := pid(t, h)
	child := int(said(t, h, look("child")).(float64))
	if !alive(child) {
		t.Fatal("the child does not run")
	}
	if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the plugin's child is gone", func() bool { return !alive(child) })
}

func TestCloseEndsThePlugin(t *testing.T) {
	h := open(t)
	worker := pid(t, h)
	begin := time.Now()
	h.Close()
	if alive(worker) {
		t.Error("the plugin outlived Close")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	failure(t, t.Context(), h, look("pid"), effect.CodeUnavailable)
}
