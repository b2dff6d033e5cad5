package plugintest

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// triedEnv names the directory that takes what was tried, for the page that
// lists it: a file each, a Tried in JSON. Nothing is recorded without it.
const triedEnv = "RUNBOOK_TRIED"

// System is what a backend is tried on.
type System struct {
	Name    string // "HAProxy"
	Version string // "2.6.12"; "" if it has none
}

// Tried is what a suite or a walk has shown.
type Tried struct {
	Module  string // "" of a walk: that of the backend
	Backend string
	System
	Cases int // of this suite, passed
	Ops   int // carried out by the model too, which said the same
	Kills int // of a process that carried a write out; what was observed then was so
}

// Program is a system whose version its own program tells.
func Program(t testing.TB, name, program string, args ...string) System {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	version := regexp.MustCompile(`\d+(\.\d+)+`).Find(out)
	if version == nil {
		t.Fatalf("%s %v tells no version: %v\n%s", program, args, err, out)
	}
	return System{Name: name, Version: string(version)}
}

// Compared records that the model of a backend's module was held against a
// system for so many ops, unless that has failed.
func Compared(t testing.TB, backend string, on System, ops int) {
	t.Helper()
	record(t, Tried{Backend: backend, System: on, Ops: ops})
}

// Killed records that a backend was killed so often at its writes, and that what
// it observed then was held against a system, unless that has failed.
func Killed(t testing.TB, backend string, on System, times int) {
	t.Helper()
	record(t, Tried{Backend: backend, System: on, Kills: times})
}

// Sum returns how many ops a walk has counted.
func Sum(seen map[string]int) int {
	n := 0
	for _, times := range seen {
		n += times
	}
	return n
}

func record(t testing.TB, tried Tried) {
	t.Helper()
	dir := os.Getenv(triedEnv)
	if dir == "" || t.Failed() || tried.Name == "" {
		return
	}
	data, err := json.Marshal(tried)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.CreateTemp(dir, "*.json")
	if err != nil {
		t.Fatalf("%s: %v", triedEnv, err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		t.Fatalf("%s: %v", triedEnv, err)
	}
}
