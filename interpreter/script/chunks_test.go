package script

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TestChunks runs the files of testdata. A file consists of chunks, separated
// by lines of "----"; each is a script of its own, and gets a header if it has
// none. A line that ends in
//
//	--- error: REGEXP
//
// is where the chunk has to fail, with a message that matches. A chunk without
// such a line has to succeed; it checks itself with assert.
func TestChunks(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.lua")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			chunk, first := []string{}, 1
			flush := func(next int) {
				runChunk(t, filepath.Base(path), chunk, first)
				chunk, first = nil, next
			}
			for i, line := range strings.Split(string(text), "\n") {
				if line == "----" {
					flush(i + 2)
					continue
				}
				chunk = append(chunk, line)
			}
			flush(0)
		})
	}
}

func runChunk(t *testing.T, file string, lines []string, first int) {
	t.Helper()
	wantLine, want := 0, ""
	for i, line := range lines {
		if _, pattern, ok := strings.Cut(line, "--- error: "); ok {
			wantLine, want = first+i, strings.TrimSpace(pattern)
		}
	}
	text := strings.Repeat("\n", first-1) + strings.Join(lines, "\n")
	if !strings.Contains(text, "runbook {") && !strings.Contains(text, "-- no header") {
		text = header + text
	}
	opts := Options{Main: Source{Name: file, Text: []byte(text)}, Catalog: testCatalog(t), Loader: testFiles(),
		Handler: &recorder{answer: testAnswer}}
	s, err := New(opts)
	if err == nil {
		defer s.Close()
		err = run(t, s)
	}
	if want == "" {
		if err != nil {
			t.Errorf("the chunk at line %d: %v", first, err)
		}
		return
	}
	if err == nil {
		t.Errorf("%s:%d: no error, want one like %q", file, wantLine, want)
		return
	}
	e := errorOf(t, err)
	message := e.Message
	if e.Hint != "" {
		message += "; " + e.Hint
	}
	if e.Where != (effect.Position{File: file, Line: wantLine}) {
		t.Errorf("%s:%d: the error is at %s: %s", file, wantLine, e.Where, message)
	}
	if !regexp.MustCompile(want).MatchString(message) {
		t.Errorf("%s:%d: got %q, want a match of %q", file, wantLine, message, want)
	}
	if strings.Contains(e.Message, file) {
		t.Errorf("%s:%d: the message repeats its position: %q", file, wantLine, e.Message)
	}
}

// testFiles are the files that chunks may require.
func testFiles() files {
	return files{
		"lib.slo":    `local M = { p99 = "< 200ms" } function M.twice(n) return 2 * n end return M`,
		"lib.count":  `local n = 0 return function() n = n + 1 return n end`,
		"lib.none":   `local x = 1`,
		"lib.round":  `return require "lib.about"`,
		"lib.about":  `return require "lib.round"`,
		"lib.loud":   `local M = {} print "loaded" return M`,
		"lib.header": `runbook { name = "again" }`,
		"lib.broken": `local x = = 1`,
		"lib.raises": "local M = {}\nlocal x = nil + 1\nreturn M",
	}
}

// testAnswer is the world of the chunks.
func testAnswer(_ context.Context, c effect.Call) (any, error) {
	switch c.Op.String() {
	case "run.now":
		return 1700000000.5, nil
	case "run.random":
		return 0.5, nil
	case "run.uuid":
		return "0190-uuid", nil
	case "run.env":
		if c.Args["name"] == "HOME" {
			return "/home/me", nil
		}
		return nil, nil
	case "traffic.weights":
		return map[string]any{"weights": map[string]any{"blue": 90.0, "green": 10.0}}, nil
	case "traffic.split":
		if c.Args["broken"] != nil {
			return nil, effect.Errorf(effect.CodeUnavailable, "the proxy is away").WithHint("start it")
		}
		return map[string]any{"weights": c.Args}, nil
	case "vault.read":
		return effect.NewSecret("token", "s3cret"), nil
	case "exec.run":
		return nil, effect.Errorf(effect.CodeFailed, "exit code 1")
	case "health.measure":
		return map[string]any{"error_rate": 0.5}, nil
	}
	return nil, nil
}
