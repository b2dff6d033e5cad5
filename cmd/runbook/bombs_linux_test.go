package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a script may cost beyond one that does nothing: memory in KiB, and time
// on the processor. The bounds that stop it stand far below: 128 MiB, 1.5 s.
const (
	mostMemory = 300 << 10
	mostTime   = 4 * time.Second // beside other tests that take a while longer for the same
)

// bombs are scripts that take what they can get, and what is said of each.
var bombs = []struct{ name, text, want string }{
	{"concat", `local s = "x" while true do s = s .. s end`, "longer than 16 MiB"},
	{"shared tables", `local t = { "x" } for i = 1, 40 do t = { t, t } end log.info { text = "x", t = t }`, "more than 100000 values|nested deeper"},
	{"gsub", `local s = string.rep("x", 1e6) s = s:gsub(".*", ("%0"):rep(1000))`, "longer than 16 MiB"},
	{"rep", `local t = {} for i = 1, 1e6 do t[i] = ("x"):rep(1e6) end`, "more than 128 MiB"},
	{"table.concat", `local s, t = ("x"):rep(1e6), {} for i = 1, 1e5 do t[i] = s end table.concat(t)`, "longer than 16 MiB"},
	{"format", `local s = "x" while true do s = ("%s%s"):format(s, s) end`, "longer than 16 MiB"},
	{"time.format", `time.format(0, ("%F"):rep(5e6))`, "format: |4 MiB"},
	{"now", `for i = 1, 1e6 do now() end`, "never ends|more than 100000 effects"},
	{"uuid", `for i = 1, 1e7 do uuid() end`, "never ends|more than 100000 effects"},
	{"rollbacks", `for i = 1, 1e6 do on_rollback("r" .. i, function() end) end`, "more than 5000 rollbacks"},
	{"endless rollbacks", `for i = 1, 5000 do on_rollback("r" .. i, function() while true do end end) end fail "no"`, "the same function took too much"},
	{"prints", `local s = ("x"):rep(1e6) for i = 1, 1e5 do print(s) end`, "more than 32 MiB in all"},
	{"steps", `for i = 1, 1e5 do step(("x"):rep(4000) .. i, function() end) end`, "more than 32 MiB in all"},
	{"deep table", `local t = {} for i = 1, 1e7 do t = { t } end`, "more than 128 MiB|computed for more than"},
	{"pattern", `string.find(("a"):rep(3e4), ("a-"):rep(30) .. "b")`, "computed for more than"},
	{"json text", `json.encode(("\1"):rep(1.6e7))`, "MiB|computed for more than"},
	{"json depth", `json.decode(("["):rep(1e7))`, "deeper than"},
	{"sort", `local t = {} for i = 1, 1e6 do t[i] = i end table.sort(t, function() return true end)`, "computed for more than|invalid order"},
	{"error", `error(("x"):rep(1.6e7))`, "bytes more"},
	{"coroutines", `local t = {} for i = 1, 1e7 do t[i] = coroutine.create(function() coroutine.yield() end) coroutine.resume(t[i]) end`, "more than 128 MiB|computed for more than"},
	{"coroutines inside each other", `local function f() return coroutine.wrap(f)() end f()`, "inside each other"},
	{"branches", `local t = {} for i = 1, 1e5 do t["b" .. i] = function() sleep(1) end end parallel(t)`, "at most 500 branches|computed for more than|more than 128 MiB"},
	{"branches inside each other", `local function f() parallel { f, f } end f()`, "at work at once|stack overflow"},
	{"endless", `while true do pcall(function() while true do end end) end`, "computed for more than"},
	{"endless sleep", `while true do sleep(1) end`, "never ends"},
	{"require", `require "zero"`, "zero"},
	{"joined without end", `local s = "x" s = ` + strings.Repeat("s .. ", 1e5) + "s", "nested too deeply"},
	{"blocks without end", strings.Repeat("do ", 1.5e5), "nested too deeply"},
}

// TestBombs: whatever a script does, it ends at its line, in bounded memory and
// time, whichever command carries it out. The rehearsals take turns.
func TestBombs(t *testing.T) {
	if testing.Short() {
		t.Skip("what it runs is built anew, without what -short goes with: the race detector")
	}
	program := build(t) // without the race detector, which takes several times as much
	run := func(t *testing.T, text string, args ...string) (said string, peak int64, took time.Duration) {
		t.Helper()
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "b.lua"), []byte("runbook { name = \"b\" }\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", filepath.Join(dir, "zero.lua")); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
		cmd.Env = append(os.Environ(), "RUNBOOK_DB="+filepath.Join(dir, "rb.db"), "HOME="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait() // what it says counts
			close(ended)
		}()
		peak = peakMemory(cmd.Process.Pid, ended)
		usage, _ := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if usage == nil || !cmd.ProcessState.Exited() {
			t.Fatalf("%v ended by %s", args, cmd.ProcessState)
		}
		return out.String(), peak, time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	_, base, _ := run(t, "", "simulate", "b.lua")
	rehearsals := [][]string{{"simulate", "b.lua"}, {"run", "--dry-run", "b.lua"}, {"explore", "--limit", "3", "b.lua"}}
	for i, bomb := range bombs {
		every := [][]string{{"run", "b.lua"}, rehearsals[i%len(rehearsals)]}
		if os.Getenv("RUNBOOK_SWEEP") == "all" {
			every = append(rehearsals, every[0])
		}
		t.Run(bomb.name, func(t *testing.T) {
			t.Parallel()
			for _, args := range every {
				if bomb.name == "endless sleep" && args[0] == "run" && len(args) == 2 {
					continue // it sleeps, and that is no harm
				}
				said, peak, took := run(t, bomb.text, args...)
				if memory := peak - base; memory > mostMemory {
					t.Errorf("%v took %d MiB more than a script that does nothing", args, memory>>10)
				}
				if took > mostTime {
					t.Errorf("%v took %s", args, took)
				}
				if !strings.Contains(said, "b.lua:2") || !mentions(said, bomb.want) {
					t.Errorf("%v said %q, which does not speak of b.lua:2 and %s", args, said[max(0, len(said)-600):], bomb.want)
				}
			}
		})
	}
	if said, _, _ := run(t, "", "run", "/dev/zero"); !strings.Contains(said, "/dev/zero") {
		t.Errorf("a device as a script: %s", said)
	}
}

// peakMemory returns the most memory that a process had, in KiB. Its ru_maxrss
// would begin with that of the test, which started it.
func peakMemory(pid int, ended <-chan struct{}) (peak int64) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, rest, ok := bytes.Cut(status, []byte("VmHWM:")); ok {
			var now int64
			if _, err := fmt.Sscan(string(rest), &now); err == nil {
				peak = max(peak, now)
			}
		}
		select {
		case <-ended:
			return peak
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// mentions reports whether a text contains one of words that are separated by
// bars.
func mentions(text, words string) bool {
	for word := range strings.SplitSeq(words, "|") {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
