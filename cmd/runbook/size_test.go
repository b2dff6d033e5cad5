package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// most is what the stripped program may take at most, in bytes: less than 45 MB,
// of a million bytes each. What it gets beyond that belongs into a program of its
// own, as the backend kubernetes does.
const most = 45_000_000 - 1

// shipped is the program as it is shipped, built once: stripped, and without the
// race detector that the tests may run with.
var shipped struct {
	once         sync.Once
	dir, program string
	err          error
}

// build returns where the program is.
func build(t *testing.T) string {
	t.Helper()
	shipped.once.Do(func() {
		if shipped.dir, shipped.err = os.MkdirTemp("", "rb-shipped"); shipped.err != nil {
			return
		}
		shipped.program = filepath.Join(shipped.dir, "runbook")
		if said, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", shipped.program, ".").CombinedOutput(); err != nil {
			shipped.err = fmt.Errorf("go build: %w: %s", err, said)
		}
	})
	if shipped.err != nil {
		t.Fatal(shipped.err)
	}
	return shipped.program
}

// suite removes what build made when all tests have run.
type suite struct{ *testing.M }

func (s suite) Run() int {
	code := s.M.Run()
	if shipped.dir != "" {
		_ = os.RemoveAll(shipped.dir)
	}
	return code
}

// TestSize: the program stays small enough to be copied to a host in an emergency.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("what it looks at is built anew, without what -short goes with: the race detector")
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skipf("skipped: the limit is for linux/amd64, and this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	info, err := os.Stat(build(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > most {
		t.Errorf("the stripped program has %d bytes, %d more than it may: see what came in (go tool nm -size -sort size) and whether the linker keeps methods "+
			"that nobody calls, as it does of every type in a value that becomes an interface", info.Size(), info.Size()-most)
	}
}
