package interpreter_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// ownMounts marks the process in which a test has file systems of its own.
const ownMounts = "RUNBOOK_TEST_MOUNTS"

// mounted runs the calling test in a process with file systems of its own and
// reports true there.
func mounted(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownMounts) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), ownMounts+"=1", "GOCOVERDIR=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM) || strings.Contains(string(out), "--- SKIP"):
		t.Skipf("not possible here: %v\n%s", err, out)
	case err != nil || !strings.Contains(string(out), "--- PASS"):
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// TestDiskFillsUnderARun: the run stops and says why and what to do; nothing
// that was done is lost or done again when it goes on.
func TestDiskFillsUnderARun(t *testing.T) {
	if !mounted(t) {
		return
	}
	for _, put := range []string{"put_retry", "put_observe", "put_ask"} {
		t.Run(put, func(t *testing.T) { fillUnder(t, put) })
	}
}

func fillUnder(t *testing.T, put string) {
	r := newRig(t)
	small := filepath.Join(r.dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("small", small, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) })
	db, err := journal.Open(t.Context(), filepath.Join(small, "rb.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		whole(t, db)
		_ = db.Close()
	})
	r.db, r.opts.DB = db, db
	filler, world := filepath.Join(small, "filler"), r.opts.World
	full := func(o *interpreter.Options) {
		o.Owner = ended(t) // as the runner is, when somebody resumes
		o.World = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
			if call.Place == "4" {
				fill(t, filler)
			}
			return world.Do(ctx, call)
		})
	}
	// Whole pages have to be written: texts that fill some each.
	out := r.begin(r.engine(full), patient(t), preamble+`
local note = string.rep("x", 9000)
for i = 1, 8 do ledger.`+put+` { item = "item " .. i, note = note } end`, nil)
	r.ends(out, effect.StatusInterrupted)
	s := effect.AsStop(out.Err)
	if s == nil || s.Cause != effect.Unwritable || !errors.Is(s.Err, journal.ErrFull) {
		t.Fatalf("stopped for %v", out.Err)
	}
	for _, want := range []string{"ledger." + put + " at test.lua:", "was carried out, but its outcome could not be recorded",
		"make room on its file system and resume the run"} {
		if !strings.Contains(s.Error(), want) {
			t.Errorf("says %q, want %q in it", s, want)
		}
	}
	if n := len(r.book.must(t).pick(applied, "")); n != 4 {
		t.Errorf("%d items were applied, want 4: nothing may leave any more", n)
	}
	if _, err := r.engine().Resume(patient(t), out.Run, interpreter.ResumeOptions{}); !errors.Is(err, journal.ErrFull) {
		t.Errorf("a resume on the full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	out = r.resume(r.engine(), out.Run)
	if put == "put_ask" {
		r.ends(out, effect.StatusUnknown)
		r.operate(out.Run)
		out = r.resume(r.engine(), out.Run)
	}
	r.ends(out, effect.StatusSucceeded)
	items := make([]string, 8)
	for i := range items {
		items[i] = "item " + string(rune('1'+i))
	}
	r.book.must(t).audit(t, items, 1)
}

// ended is a process that was here and is no more.
func ended(t *testing.T) journal.Owner {
	t.Helper()
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	o := journal.Self()
	o.PID, o.Started = cmd.Process.Pid, ""
	return o
}

// fill writes a file until its file system is full.
func fill(t *testing.T, path string) {
	f, err := os.Create(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
}
