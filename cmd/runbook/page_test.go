package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// example returns the first block of a language on a page.
func example(page, kind string) (string, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut(string(text), "\n```"+kind+"\n")
	code, _, ended := strings.Cut(rest, "\n```")
	if !found || !ended {
		return "", fmt.Errorf("%s has no example in %s", page, kind)
	}
	return code + "\n", nil
}

// pageExample writes the first block of a language on a page of docs/backends into
// a file, with one text for another where both are given:
//
//	page script sh deploy.sh
//	page script yaml runbook.yaml /srv $WORK
func pageExample(docs string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 3 && len(args) != 5 {
			ts.Fatalf("usage: page NAME LANGUAGE FILE [OLD NEW]")
		}
		code, err := example(filepath.Join(docs, args[0]+".md"), args[1])
		ts.Check(err)
		if len(args) == 5 {
			if !strings.Contains(code, args[3]) {
				ts.Fatalf("the example does not hold %q", args[3])
			}
			code = strings.ReplaceAll(code, args[3], args[4])
		}
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(code), 0o700))
	}
}
