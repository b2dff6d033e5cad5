package script

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/script/internal/syntax"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestDirStaysInItsFolder(t *testing.T) {
	dir, outside := filepath.Join(t.TempDir(), "book"), t.TempDir()
	write(t, filepath.Join(dir, "lib", "slo.lua"), "return 1")
	write(t, filepath.Join(outside, "secret.lua"), "return 2")
	for link, target := range map[string]string{
		"alias.lua": "lib/slo.lua", // stays inside
		"out.lua":   filepath.Join(outside, "secret.lua"),
		"elsewhere": outside,
		"hop.lua":   "elsewhere/secret.lua",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for module, want := range map[string]string{
		"lib.slo": "", "alias": "",
		"out": "a link leads to", "hop": "a link leads to", "elsewhere.secret": "a link leads to",
	} {
		src, err := Dir(dir).Load(module)
		switch {
		case want == "" && (err != nil || string(src.Text) != "return 1"):
			t.Errorf("%s: got %q, %v", module, src.Text, err)
		case want != "" && (err == nil || len(src.Text) > 0 || errors.Is(err, fs.ErrNotExist)):
			t.Errorf("%s was read: %q, %v", module, src.Text, err)
		case want == "a link leads to" && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v does not say %q", module, err, want)
		}
	}
	if _, err := Dir(dir).Load("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestReadFileRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.lua")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join(dir, "long.lua")
	write(t, long, strings.Repeat(" ", syntax.MaxSource+1))
	good := filepath.Join(dir, "good.lua")
	write(t, good, strings.Repeat(" ", syntax.MaxSource))
	for path, want := range map[string]string{
		pipe: "is no regular file", "/dev/zero": "is no regular file", dir: "is a directory", long: "more than the",
	} {
		if _, err := ReadFile(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
		if name := filepath.Base(path); path != dir && path != "/dev/zero" {
			if _, err := ReadFS(os.DirFS(dir), name); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s in a file system: got %v, want %q", name, err, want)
			}
		}
	}
	if text, err := ReadFile(good); err != nil || len(text) != syntax.MaxSource {
		t.Errorf("a file as long as may be: %d bytes, %v", len(text), err)
	}
}
