package remotetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Shell returns the command line of a shell that is /bin/sh somewhere, and the
// PATH for it: that of this process, or for busybox a directory of its tools. It
// skips the test where there is none.
func Shell(t *testing.T, name string) (argv []string, path string) {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("skipped: %s is not installed", name)
	}
	if name != "busybox" {
		return []string{program}, os.Getenv("PATH")
	}
	dir := filepath.Join(t.TempDir(), "bin")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--install", "-s", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return []string{program, "sh"}, dir
}
