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
	ts.Setenv("SHA256", digestOf(ts, out))
}

func digestOf(ts *testscript.TestScript, file string) string {
	data, err := os.ReadFile(file)
	ts.Check(err)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// examplePlugin builds the example of docs/plugins.md as its author does, a plugin
// and a program with the module built in, and sets $DIGEST to the plugin's:
//
//	exampleplugin bin
func examplePlugin(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: exampleplugin DIR")
	}
	const dir = "../../examples/plugin"
	plugin := filepath.Join(ts.MkAbs(args[0]), "runbook-plugin-flagdir")
	for out, pkg := range map[string]string{plugin: ".", filepath.Join(ts.MkAbs(args[0]), "runbook"): "./runbook"} {
		cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, pkg)
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			ts.Fatalf("go build %s: %v\n%s", pkg, err, text)
		}
	}
	for _, name := range []string{"rollout.lua", "rollout_test.lua", "runbook.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), text, 0o600))
	}
	ts.Setenv("DIGEST", digestOf(ts, plugin))
}
