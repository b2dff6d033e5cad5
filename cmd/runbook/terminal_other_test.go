//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

func terminal(ts *testscript.TestScript, neg bool, args []string) {
	ts.Fatalf("a terminal can be made on Linux only: begin the script with [!linux] skip")
}
