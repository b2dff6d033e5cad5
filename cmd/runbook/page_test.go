package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// example returns a block of a language on a page, after n of them.
func example(page, kind string, n int) (string, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", err
	}
	blocks := strings.Split(string(text), "\n```"+kind+"\n")[1:]
	if n >= len(blocks) {
		return "", fmt.Errorf("%s has %d examples in %s, and one after %d is wanted", page, len(blocks), kind, n)
	}
	code, _, ended := strings.Cut(blocks[n], "\n```")
	if !ended {
		return "", fmt.Errorf("%s: an example in %s does not end", page, kind)
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
		code, err := example(filepath.Join(docs, args[0]+".md"), args[1], 0)
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
