package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const smallest = "version: 1\nenvironments: { default: {} }\n"

func TestFind(t *testing.T) {
	root := t.TempDir()
	home := filepath.Join(root, "home")
	work := filepath.Join(root, "work", "deep", "er")
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv(EnvPath, "")
	find := func(flag, want string) {
		t.Helper()
		got, err := Find(flag, work)
		if err != nil || got != want {
			t.Errorf("found %q, %v; want %q", got, err, want)
		}
	}
	// Each step adds a file that counts more than those before.
	find("", "")
	if c, err := Open("", work); err != nil || c.Path != "" {
		t.Errorf("without a file: %v, %v", c, err)
	}
	find("", write(t, filepath.Join(home, "runbook", FileName), smallest, 0o644))
	find("", write(t, filepath.Join(root, "work", FileName), smallest, 0o644))
	if err := os.Mkdir(filepath.Join(root, "work", "deep", FileName), 0o755); err != nil { // a directory is no file
		t.Fatal(err)
	}
	find("", filepath.Join(root, "work", FileName))
	find("", write(t, filepath.Join(work, FileName), smallest, 0o644))
	named := write(t, filepath.Join(root, "named.yaml"), smallest, 0o644)
	t.Setenv(EnvPath, named)
	find("", named)
	flag := write(t, filepath.Join(root, "flag.yaml"), smallest, 0o644)
	find(flag, flag)
	if c, err := Open(flag, work); err != nil || c.Path != flag {
		t.Errorf("opened %v, %v", c, err)
	}
}

func TestFindRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, "home"))
	t.Setenv(EnvPath, "")
	if _, err := Find(filepath.Join(dir, "nowhere.yaml"), dir); err == nil || !strings.Contains(err.Error(), "which --config names, cannot be read: no such file") {
		t.Errorf("a named file that does not exist: %v", err)
	}
	write(t, filepath.Join(dir, FileName), smallest, 0o666)
	if _, err := Find("", dir); err == nil || !strings.Contains(err.Error(), "can be written by every user of the machine; run chmod o-w") {
		t.Errorf("a file that all can write: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a file to another user")
	}
	path := write(t, filepath.Join(dir, FileName), smallest, 0o644)
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	if _, err := Find("", dir); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("a file that someone else put there: %v", err)
	}
	if got, err := Find(path, dir); err != nil || got != path {
		t.Errorf("a named file of another user: %q, %v", got, err)
	}
}
