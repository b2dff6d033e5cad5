package admin

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/script"
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

func (a commands) copyShipped(argv []string) error {
	text, err := app.ShippedText(argv[0])
	if err != nil {
		return err
	}
	path := argv[0] + ".lua"
	if len(argv) == 2 {
		path = argv[1]
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return app.Usagef("%s exists already; name another file", path)
	} else if err != nil {
		return app.Usage(err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if a.Flags.JSON {
		a.JSONHead("runbooks copy")
		a.JSONLine(copiedLine{"copied", argv[0], path})
		return nil
	}
	a.Result("%s\n", path)
	a.Advise(view.Advice{}.With("its parameters:", a.OnScript("run", path, false, "--help")))
	return nil
}
