package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/runbooks"
)

// runbooksCommand deals with the runbooks that are shipped with the program.
func (a *app) runbooksCommand() *cobra.Command {
	names := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return shipped(), cobra.ShellCompDirectiveNoFileComp
	}
	show := &cobra.Command{Use: "show NAME", Short: "Print a shipped runbook", Args: exactly("NAME"), ValidArgsFunction: names,
		RunE: func(_ *cobra.Command, argv []string) error {
			text, err := shippedText(argv[0])
			if err != nil {
				return err
			}
			a.result("%s", text)
			return nil
		}}
	clone := &cobra.Command{Use: "copy NAME [FILE.lua]", Short: "Copy a shipped runbook into a file, to make it yours",
		Args: between(1, "NAME", "FILE.lua"), ValidArgsFunction: names,
		RunE: func(_ *cobra.Command, argv []string) error { return a.copyShipped(argv) }}
	list := &cobra.Command{Use: "list", Short: "List the shipped runbooks", Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listShipped(cmd.Context()) }}
	cmd := group("runbooks", "List, print and copy the shipped runbooks", list, show, clone)
	cmd.Long = "List, print and copy the runbooks that are shipped with the program.\n" +
		"`runbook run NAME` and `runbook check NAME` take them as they are."
	return cmd
}

func (a *app) listShipped(ctx context.Context) error {
	if a.flags.json {
		a.jsonHead("runbooks list")
	}
	rows := [][]string{{"NAME", "WHAT"}}
	for _, name := range shipped() {
		main, loader, err := shippedScript(name)
		if err != nil {
			return err
		}
		h, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: a.catalog()})
		if err != nil {
			return err
		}
		rows = append(rows, []string{name, view.Clean(h.Summary)})
		if a.flags.json {
			a.jsonLine(map[string]any{"type": "runbook", "name": name, "summary": h.Summary})
		}
	}
	if !a.flags.json {
		view.Table(a.stdout, a.outStyle, rows)
	}
	return nil
}

func (a *app) copyShipped(argv []string) error {
	text, err := shippedText(argv[0])
	if err != nil {
		return err
	}
	path := argv[0] + ".lua"
	if len(argv) == 2 {
		path = argv[1]
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return usagef("%s exists already; name another file", path)
	} else if err != nil {
		return usageError{err}
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if a.flags.json {
		a.jsonHead("runbooks copy")
		a.jsonLine(map[string]any{"type": "copied", "name": argv[0], "path": path})
		return nil
	}
	a.result("%s\n", path)
	a.note("its parameters: runbook run %s --help\n", path)
	return nil
}

// shipped returns the names of the shipped runbooks, in order.
func shipped() []string {
	files, err := fs.Glob(runbooks.Files, "*.lua")
	if err != nil {
		return nil
	}
	var names []string
	for _, f := range files {
		if name := strings.TrimSuffix(f, ".lua"); !strings.HasSuffix(name, "_test") {
			names = append(names, name)
		}
	}
	return names
}

func shippedText(name string) ([]byte, error) {
	text, err := fs.ReadFile(runbooks.Files, strings.TrimSuffix(name, ".lua")+".lua")
	if err != nil {
		return nil, usagef("there is no shipped runbook %q; %s", name, knownOr(name, shipped()))
	}
	return text, nil
}

// shippedScript returns a shipped runbook as run and check want it.
func shippedScript(name string) (script.Source, script.Loader, error) {
	text, err := shippedText(name)
	return script.Source{Name: name + ".lua", Text: text}, shippedFiles{}, err
}

// shippedFiles finds the files that shipped runbooks require.
type shippedFiles struct{}

// Load finds one.
func (shippedFiles) Load(module string) (script.Source, error) {
	name := script.FileName(module)
	text, err := fs.ReadFile(runbooks.Files, filepath.ToSlash(name))
	return script.Source{Name: name, Text: text}, err
}
