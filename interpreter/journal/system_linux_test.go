package journal_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/journal/journaltest"
)

// insideMode marks the process that again runs a test of this binary, under
// another user or with file systems of its own.
const insideMode = "JOURNAL_TEST_INSIDE"

// again runs the calling test in another process and reports true there. The
// first process takes over the outcome.
func again(t *testing.T, attr *syscall.SysProcAttr) (inside bool) {
	t.Helper()
	if os.Getenv(insideMode) != "" {
		return true
	}
	// Neither the binary nor the usual directory for temporary files need be
	// open to another user.
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary := filepath.Join(dir, "journal.test")
	if err := errors.Join(copyFile(binary, os.Args[0]), os.Chmod(dir, 0o777), os.Mkdir(filepath.Join(dir, "tmp"), 0o777),
		os.Chmod(filepath.Join(dir, "tmp"), 0o777)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Dir = dir
	cmd.SysProcAttr = attr
	cmd.Env = append(os.Environ(), insideMode+"=1", "TMPDIR="+filepath.Join(dir, "tmp"), "GOCOVERDIR=")
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM) || strings.Contains(string(out), "--- SKIP"):
		t.Skipf("not possible here: %v\n%s", err, out)
	case err != nil || !strings.Contains(string(out), "--- PASS"):
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func TestReadOnlyFileAndDirectory(t *testing.T) {
	attr := &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // nothing is read-only for root
		attr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	if !again(t, attr) {
		return
	}
	ctx := t.Context()
	refused := func(what, path string) {
		t.Helper()
		_, err := journal.Open(ctx, path, journal.Options{})
		if !errors.Is(err, journal.ErrReadOnly) || !strings.Contains(err.Error(), "permissions") {
			t.Errorf("%s: %v", what, err)
		}
	}
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	readable := func(what, path string) {
		t.Helper()
		db, err := journal.Open(ctx, path, journal.Options{ReadOnly: true})
		if err != nil {
			t.Errorf("%s: read: %v", what, err)
			return
		}
		defer func() { _ = db.Close() }()
		if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) > 0 || report.Runs != 3 {
			t.Errorf("%s: verify: %v, %v", what, report, err)
		}
	}

	path := smallJournal(t)
	dir := filepath.Dir(path)
	chmod(path, 0o400)
	refused("a read-only file", path)
	readable("a read-only file", path)
	chmod(dir, 0o500)
	refused("a read-only file in a read-only directory", path)
	readable("a read-only file in a read-only directory", path)
	chmod(dir, 0o700)
	chmod(path, 0o600)
	chmod(dir, 0o500)
	refused("a read-only directory", path)
	readable("a read-only directory", path)
	refused("a new file in a read-only directory", filepath.Join(dir, "new.db"))
	refused("a new directory in a read-only directory", filepath.Join(dir, "new", "new.db"))
	chmod(dir, 0o700)

	// A log that cannot be read is not passed over: it may hold the newest events.
	if err := os.WriteFile(filepath.Join(dir, "runbook.db-wal"), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(path + "-shm")
	chmod(dir, 0o500)
	if _, err := journal.Open(ctx, path, journal.Options{ReadOnly: true}); !errors.Is(err, journal.ErrReadOnly) {
		t.Errorf("a log without an index in a read-only directory: %v", err)
	}
	chmod(dir, 0o700)

	// What the reader of a read-only file had to make is read-only itself.
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Chmod(path+suffix, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	chmod(path+".key", 0)
	db := open(t, path, journal.Options{})
	if err := db.Keyed(); !errors.Is(err, journal.ErrKey) {
		t.Errorf("an unreadable key: %v", err)
	}
	chmod(path+".key", 0o600)
}

func TestFullDisk(t *testing.T) {
	if !again(t, &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}) {
		return
	}
	ctx := context.Background()
	dir := t.TempDir()
	if err := syscall.Mount("journal", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("mount a small disk: %v", err)
	}
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	db, err := journal.Open(ctx, filepath.Join(dir, "runbook.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	w := journaltest.Create(t, db, "run-a")
	filler := filepath.Join(dir, "filler")
	fill(t, filler)

	big := journaltest.Done("1")
	big.Body.Text = strings.Repeat("x", 3000)
	acknowledged := 1
	for err == nil {
		if _, err = w.Append(ctx, big); err == nil {
			acknowledged++
		}
	}
	if !errors.Is(err, journal.ErrFull) {
		t.Fatalf("full: %v", err)
	}
	for what, err := range map[string]error{
		"append again": errOf(w.Append(ctx, big)),
		"append two":   errOf(w.Append(ctx, big, big)),
		"status":       w.SetStatus(ctx, effect.StatusFailed, big, big),
		"create":       errOf(db.Create(ctx, journaltest.New("run-b"), journal.Self())),
	} {
		if !errors.Is(err, journal.ErrFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	events, err := db.Events(ctx, "run-a", 0)
	if err != nil || len(events) != acknowledged {
		t.Errorf("%d acknowledged, %d there, %v", acknowledged, len(events), err)
	}
	if _, err := journal.Open(ctx, filepath.Join(dir, "other.db"), journal.Options{}); !errors.Is(err, journal.ErrFull) {
		t.Errorf("a new journal on a full disk: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	got, err := w.Append(ctx, big)
	if err != nil || got[0].Seq != int64(acknowledged)+1 {
		t.Errorf("after room was made: %v", err)
	}
	if err := w.SetStatus(ctx, effect.StatusSucceeded); err != nil {
		t.Error(err)
	}
	if report, err := db.Verify(ctx, ""); err != nil || len(report.Faults) > 0 {
		t.Errorf("verify: %v, %v", report, err)
	}
}

// fill writes a file until its file system is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}
