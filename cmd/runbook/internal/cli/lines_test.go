package cli

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/reference"
)

// printing returns the commands that print something of their own.
func printing() []string {
	var paths []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden || c.Name() == "completion" || c.Name() == "help" || c.DisableFlagParsing {
			return
		}
		if c.Runnable() && !c.HasSubCommands() {
			paths = append(paths, strings.TrimPrefix(c.CommandPath(), "runbook "))
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(app.New(strings.NewReader(""), io.Discard, io.Discard)))
	return paths
}

// TestJSONIsDocumented holds the page about --json against the lines that are
// declared, and those against the commands there are.
func TestJSONIsDocumented(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	text, err := os.ReadFile(filepath.Join(root, "docs", "reference", "json.md"))
	if err != nil || string(text) != reference.Generated+app.LinesPage(Lines()) {
		t.Errorf("docs/reference/json.md is not what the program says; run make docs (%v)", err)
	}
	script, err := os.ReadFile(filepath.Join(root, "cmd", "runbook", "testdata", "json.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	commands := printing()
	for _, path := range commands {
		if !slices.ContainsFunc(Lines(), func(l app.Line) bool { return slices.Contains(l.From, path) }) {
			t.Errorf("%s declares no lines", path)
		}
		if !strings.Contains(string(script), "runbook --json "+path+" ") && !strings.Contains(string(script), "runbook --json "+path+"\n") {
			t.Errorf("testdata/json.txtar does not run %s", path)
		}
	}
	seen := map[string]bool{}
	for _, l := range Lines() {
		for _, path := range l.From {
			if !slices.Contains(commands, path) {
				t.Errorf("a line %s comes from %s, which there is not", l.Type, path)
			}
			if seen[l.Type+" "+path] && l.Type != "backend" {
				t.Errorf("a line %s of %s is declared twice", l.Type, path)
			}
			seen[l.Type+" "+path] = true
		}
		if l.Doc == "" {
			t.Errorf("a line %s has no Doc", l.Type)
		}
	}
}
