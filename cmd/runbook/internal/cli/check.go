package cli

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE.lua…",
		Short: "Check runbooks without running them",
		Long: "Check runbooks without running them: syntax, unknown modules, ops and arguments,\n" +
			"parameters, undefined globals. Exit 1 if an error is found.",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			extra, err := a.foreignModules(cmd.Context(), a.flags.env)
			if err != nil {
				return err
			}
			catalog, errors := a.catalog(extra...), 0
			if a.flags.json {
				a.jsonHead("check")
			}
			for _, path := range argv {
				main, loader, err := readScript(path)
				if err != nil {
					return err
				}
				findings := script.Check(main, loader, catalog)
				for _, f := range findings {
					if f.Severity == script.SeverityError {
						errors++
					}
					a.finding(f)
				}
				if len(findings) == 0 && !a.flags.json {
					a.result("%s: ok\n", path)
				}
			}
			if errors > 0 {
				return exitError{exitFailed}
			}
			return nil
		},
	}
}

func (a *app) finding(f script.Finding) {
	if a.flags.json {
		a.jsonLine(map[string]any{"type": "finding", "where": f.Where, "severity": f.Severity, "message": f.Message, "hint": f.Hint})
		return
	}
	a.result("%s\n", f)
}
