package admin

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

// runbooksCommand deals with the runbooks that are shipped with the program.
func (a commands) runbooksCommand() *cobra.Command {
	names := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return app.Shipped(), cobra.ShellCompDirectiveNoFileComp
	}
	show := &cobra.Command{Use: "show NAME", Short: "Print a shipped runbook", Args: app.Exactly("NAME"), ValidArgsFunction: names,
		RunE: func(_ *cobra.Command, argv []string) error {
			text, err := app.ShippedText(argv[0])
			if err != nil {
				return err
			}
			if a.Flags.JSON {
				a.JSONHead("runbooks show")
				a.JSONLine(runbookLine{Type: "runbook", Name: argv[0], Text: string(text)})
				return nil
			}
			a.Result("%s", text)
			return nil
		}}
	clone := &cobra.Command{Use: "copy NAME [FILE.lua]", Short: "Copy a shipped runbook into a file, to make it yours",
		Args: app.Between(1, "NAME", "FILE.lua"), ValidArgsFunction: names,
		RunE: func(_ *cobra.Command, argv []string) error { return a.copyShipped(argv) }}
	list := &cobra.Command{Use: "list", Short: "List the shipped runbooks", Args: app.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listShipped(cmd.Context()) }}
	cmd := a.Group("runbooks", "List, print and copy the shipped runbooks", list, show, clone)
	cmd.Long = "List, print and copy the runbooks that are shipped with the program.\n" +
		"`runbook run NAME` and `runbook check NAME` take them as they are."
	return cmd
}

func (a commands) listShipped(ctx context.Context) error {
	if a.Flags.JSON {
		a.JSONHead("runbooks list")
	}
	rows := [][]string{{"NAME", "WHAT"}}
	for _, name := range app.Shipped() {
		main, loader, err := app.ShippedScript(name)
		if err != nil {
			return err
		}
		h, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: a.Catalog()})
		if err != nil {
			return err
		}
		rows = append(rows, []string{name, view.Clean(h.Summary)})
		if a.Flags.JSON {
			a.JSONLine(runbookLine{Type: "runbook", Name: name, Summary: h.Summary})
		}
	}
	if !a.Flags.JSON {
		view.Table(a.Stdout, a.OutStyle, rows)
	}
	return nil
}

// copyShipped copies a runbook, and what it requires beside it. A file that is
// there already stays as it is: it may be yours by now.
func (a commands) copyShipped(argv []string) error {
	main, loader, err := app.ShippedScript(argv[0])
	if err != nil {
		return err
	}
	path := argv[0] + ".lua"
	if len(argv) == 2 {
		path = argv[1]
	}
	if err := writeNew(path, main.Text); errors.Is(err, fs.ErrExist) {
		return app.Usagef("%s exists already; name another file", path)
	} else if err != nil {
		return app.Usage(err)
	}
	line := copiedLine{Type: "copied", Name: argv[0], Path: path}
	for _, module := range check.Requires(main, loader) {
		s, err := loader.Load(module)
		if err != nil {
			continue // a standard module
		}
		beside := filepath.Join(filepath.Dir(path), s.Name)
		switch err := writeNew(beside, s.Text); {
		case errors.Is(err, fs.ErrExist):
			line.Kept = append(line.Kept, beside)
		case err != nil:
			return err
		default:
			line.Required = append(line.Required, beside)
		}
	}
	if a.Flags.JSON {
		a.JSONHead("runbooks copy")
		a.JSONLine(line)
		return nil
	}
	for _, copied := range append([]string{path}, line.Required...) {
		a.Result("%s\n", copied)
	}
	for _, kept := range line.Kept {
		a.Note("%s was there already and stays as it is\n", kept)
	}
	a.Advise(view.Advice{}.With("its parameters:", a.OnScript("run", path, false, "--help")))
	return nil
}

// writeNew writes a file that does not exist yet, and the directories above it.
func writeNew(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}
