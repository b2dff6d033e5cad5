package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackendPages checks the runbooks of each page of docs/backends with the
// page's own configuration.
func TestBackendPages(t *testing.T) {
	if testing.Short() {
		t.Skip("its processes run one after the other: nothing for what -short goes with, the race detector")
	}
	pages, err := filepath.Glob("../../docs/backends/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.Symlink(self, filepath.Join(bin, "runbook")); err != nil { // by this name it is the program
		t.Fatal(err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if _, err := os.Stat("../runbook-plugin-" + name); err == nil {
				t.Skip("skipped: it is a program and a module of its own, whose tests read its page")
			}
			dir := t.TempDir()
			write := func(kind, file string, n int) (found bool) {
				code, err := example(page, kind, n)
				if err != nil && n == 0 {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(code), 0o600); err != nil {
					t.Fatal(err)
				}
				return err == nil && (n == 0 || strings.HasPrefix(code, "runbook {")) // a part of one is none
			}
			write("yaml", "runbook.yaml", 0)
			for n := 0; write("lua", "page.lua", n); n++ {
				cmd := exec.Command(filepath.Join(bin, "runbook"), "check", "page.lua")
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "HOME="+dir, "RUNBOOK_DB="+filepath.Join(dir, "runbook.db"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("runbook check of example %d: %v\n%s", n+1, err, out)
				} else if string(out) != "page.lua: ok\n" { // its backend carries all that it calls
					t.Errorf("runbook check of example %d: %s", n+1, out)
				}
			}
		})
	}
}
