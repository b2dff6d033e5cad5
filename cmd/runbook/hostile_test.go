package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"
)

// hostile is what names are made of that are to take a terminal over: it clears
// the screen, turns the direction of writing, paints, begins the line anew.
const hostile = "\x1b[2J\x07\u202e\u009b1m\u200b\u2028\x1b[31m\r\x1b[K"

// sweep runs the program with each line of a file as arguments, in which % stands
// for hostile, and wants that nothing of it comes through. A line that begins
// with ! may not be refused as usage: it is to get further than to flags.
//
//	sweep commands
func sweep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sweep FILE")
	}
	ran := 0
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		argv := strings.Fields(line)
		if len(argv) == 0 {
			continue
		}
		further := argv[0] == "!"
		if further {
			argv = argv[1:]
		}
		for i := range argv {
			argv[i] = strings.ReplaceAll(argv[i], "%", hostile)
		}
		var out, errs strings.Builder
		cmd := exec.Command(lookPath(ts, "runbook"), argv...)
		cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = ts.Getenv("WORK"), environ(ts), &out, &errs
		err := cmd.Run()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			ts.Fatalf("%q: %v", argv, err)
		}
		if exit != nil && (exit.ExitCode() < 0 || further && exit.ExitCode() == 2) {
			ts.Fatalf("%q ended with %v:\n%s%s", argv, exit, out.String(), errs.String())
		}
		for _, text := range []string{out.String(), errs.String()} {
			if at := strings.IndexFunc(text, takesOver); at >= 0 || !utf8.ValidString(text) {
				ts.Fatalf("%q prints %q", argv, text[max(at-80, 0):min(max(at, 0)+40, len(text))])
			}
		}
		ran++
	}
	if ran == 0 {
		ts.Fatalf("%s holds no commands", args[0])
	}
}

// takesOver reports whether a terminal does something else with a character
// than to show it.
func takesOver(r rune) bool {
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// hostileFile writes a file in whose name and content % stands for hostile:
//
//	hostile run.lua %.lua
func hostileFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: hostile FROM TO")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), "%", `\27[2J\7\226\128\174\194\1551m\226\128\139\27[31m\r\27[K`)
	ts.Check(os.WriteFile(ts.MkAbs(strings.ReplaceAll(args[1], "%", hostile)), []byte(text), 0o600))
}
