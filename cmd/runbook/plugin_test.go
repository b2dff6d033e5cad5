package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// goPlugin builds a plugin from a Go file, as its author would, and sets
// $SHA256 to the digest of what came out:
//
//	goplugin lamp.go plugins/runbook-plugin-lamp
func goPlugin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: goplugin FILE.go EXECUTABLE")
	}
	out := ts.MkAbs(args[1])
	ts.Check(os.MkdirAll(filepath.Dir(out), 0o755))
	// Tests run in their package's folder, so in this module: the file may import package plugins.
	cmd := exec.Command("go", "build", "-o", out, ts.MkAbs(args[0]))
	if text, err := cmd.CombinedOutput(); err != nil {
		ts.Fatalf("go build %s: %v\n%s", args[0], err, text)
	}
	ts.Check(os.Chmod(out, 0o755))
	data, err := os.ReadFile(out)
	ts.Check(err)
	sum := sha256.Sum256(data)
	ts.Setenv("SHA256", hex.EncodeToString(sum[:]))
}
