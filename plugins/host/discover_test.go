package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/plugins/host"
)

func TestDiscover(t *testing.T) {
	base := t.TempDir()
	one, two, open := filepath.Join(base, "one"), filepath.Join(base, "two"), filepath.Join(base, "open")
	for _, dir := range []string{one, two, open, filepath.Join(one, "deep")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		chmod(t, dir, 0o755)
	}
	file := func(path string, mode os.FileMode) string {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), mode); err != nil {
			t.Fatal(err)
		}
		chmod(t, path, mode)
		return path
	}
	link := func(target, path string) {
		t.Helper()
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	file(filepath.Join(one, "runbook-plugin-good"), 0o755)
	file(filepath.Join(one, "runbook-plugin-loose"), 0o757)
	file(filepath.Join(one, "runbook-plugin-text"), 0o644)
	file(filepath.Join(one, "runbook-plugin-Bad Name"), 0o755)
	file(filepath.Join(one, "README"), 0o644)
	inside := file(filepath.Join(one, "deep", "tool"), 0o755)
	link(inside, filepath.Join(one, "runbook-plugin-inside"))
	link(file(filepath.Join(base, "elsewhere"), 0o755), filepath.Join(one, "runbook-plugin-outside"))
	link("nowhere", filepath.Join(one, "runbook-plugin-dangling"))
	if err := os.Mkdir(filepath.Join(one, "runbook-plugin-folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	file(filepath.Join(two, "runbook-plugin-good"), 0o755)
	file(filepath.Join(two, "runbook-plugin-loose"), 0o755)
	file(filepath.Join(open, "runbook-plugin-shared"), 0o755)
	chmod(t, open, 0o775)

	found, err := host.Discover([]string{one, filepath.Join(base, "missing"), two, open})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, f := range found {
		problem := "none"
		if f.Problem != nil {
			problem = f.Problem.Error()
		} else if len(f.SHA256) != 64 {
			t.Errorf("%s has the digest %q", f.Path, f.SHA256)
		}
		dir := "elsewhere"
		for _, d := range []string{one, two, open} {
			if strings.HasPrefix(f.Path, d+"/") {
				dir = filepath.Base(d)
			}
		}
		got[dir+"/"+f.Name] = problem
	}
	want := map[string]string{
		"one/good": "none", "one/inside": "none", "one/loose": "mode 0757", "one/text": "not executable",
		"one/Bad Name": "lower-case", "elsewhere/outside": "lies outside", "one/dangling": "no such file",
		"one/folder": "is not a file", "two/good": "is hidden by", "two/loose": "none", "open/shared": "mode 0775",
	}
	for key, problem := range want {
		if !strings.Contains(got[key], problem) {
			t.Errorf("%s: problem %q, want %q", key, got[key], problem)
		}
	}
	if len(got) != len(want) {
		t.Errorf("found %v", got)
	}
}

func TestDiscoverForeignOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file away")
	}
	dir := t.TempDir()
	chmod(t, dir, 0o755)
	path := filepath.Join(dir, "runbook-plugin-lamp")
	if err := os.WriteFile(path, []byte("x"), 0o755); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, 0o755)
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
	found, err := host.Discover([]string{dir})
	if err != nil || len(found) != 1 || found[0].Problem == nil || !strings.Contains(found[0].Problem.Error(), "belongs to user 12345") {
		t.Errorf("found %+v, %v", found, err)
	}
}
