package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackendPages checks the runbook of each page of docs/backends with the
// page's own configuration.
func TestBackendPages(t *testing.T) {
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
			for kind, file := range map[string]string{"yaml": "runbook.yaml", "lua": "page.lua"} {
				code, err := example(page, kind)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(code), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(filepath.Join(bin, "runbook"), "check", "page.lua")
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "RUNBOOK_DB="+filepath.Join(dir, "runbook.db"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("runbook check: %v\n%s", err, out)
			} else if string(out) != "page.lua: ok\n" { // its backend carries all that it calls
				t.Errorf("runbook check: %s", out)
			}
		})
	}
}
