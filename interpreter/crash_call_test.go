package interpreter_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestKillInACall kills the plugin, the runner, or both while a call is under
// way, before and after it was applied.
func TestKillInACall(t *testing.T) {
	for _, victim := range []string{"plugin", "runner", "both"} {
		for _, op := range []string{"put_retry", "put_observe", "put_ask", "flaky", "say", "look"} {
			for _, hang := range []string{"before", "after"} {
				if op == "look" && hang == "after" {
					continue // a read is not applied
				}
				t.Run(victim+"/"+op+"/"+hang, func(t *testing.T) {
					t.Parallel()
					killInACall(t, victim, op, hang)
				})
			}
		}
	}
}

func killInACall(t *testing.T, victim, op, hang string) {
	j := newJob(t, "call.lua")
	j.Params = map[string]any{"op": op, "hang": hang}
	runner := j.start(t)
	plugin := underWay(t, j.book(), op, hang)
	if victim != "plugin" {
		if err := syscall.Kill(-runner.cmd.Process.Pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if victim != "runner" {
		if err := syscall.Kill(plugin, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	eventually(t, "the plugin is gone", func() bool { return gone(plugin) })
	j.book().openGate(t, "look")
	r, killed := runner.wait()
	if killed != (victim != "plugin") {
		t.Fatalf("the runner was killed: %v", killed)
	}
	if killed {
		r = j.again(t).must(t)
	}
	if r.Status != effect.StatusSucceeded {
		t.Errorf("the run is %s: %s", r.Status, r.Err)
	}
	wanted := []string{"before", "after"}
	if op != "say" && op != "look" {
		wanted = append(wanted, "victim")
	}
	j.book().must(t).audit(t, wanted, 1)
	if said := j.book().must(t).has(applied, "victim"); op == "say" && said != (hang == "after") {
		t.Errorf("said: %v, killed %s applying", said, hang)
	}
	_, events := j.history(t)
	tell(t, events)
}

// underWay waits until a call hangs and returns the plugin's pid.
func underWay(t *testing.T, b book, op, hang string) int {
	t.Helper()
	what := received
	if hang == "after" {
		what = applied
	}
	pid := 0
	eventually(t, "the call hangs", func() bool {
		list, err := b.read()
		if err != nil {
			return false // a line is being written
		}
		for _, e := range list {
			if e.What == what && e.Op == op && (e.Item == "victim" || op == "look") {
				pid = e.PID
			}
		}
		return pid != 0
	})
	return pid
}

// gone reports whether a process has ended. A zombie has.
func gone(pid int) bool {
	state, ok := stateOf(pid)
	return !ok || state == 'Z' || state == 'X'
}
