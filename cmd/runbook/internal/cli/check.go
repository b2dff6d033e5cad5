package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE…",
		Short: "Check runbooks without running them",
		Long: "Check runbooks without running them: syntax, unknown modules, ops and arguments,\n" +
			"parameters, undefined globals. Exit 1 if an error is found.",
		Args:              between(1, "FILE", "FILE…"),
		ValidArgsFunction: completeScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			found := 0
			if a.flags.json {
				a.jsonHead("check")
			}
			for _, path := range argv {
				main, loader, err := readScript(path)
				if err != nil {
					return err
				}
				extra, err := a.foreignModules(cmd.Context(), a.flags.env, script.Requires(main, loader))
				if err != nil {
					return err
				}
				findings := script.Check(main, loader, a.catalog(extra...))
				for _, f := range findings {
					if f.Severity == script.SeverityError {
						found++
					}
					a.finding(f)
				}
				if len(findings) == 0 && !a.flags.json {
					a.result("%s: ok\n", path)
				}
			}
			if found > 0 {
				return exitError{exitFailed}
			}
			return nil
		},
	}
}

// findingLine is a finding as --json prints it.
type findingLine struct {
	Type     string          `json:"type"`
	Where    effect.Position `json:"where"`
	Severity script.Severity `json:"severity"`
	Message  string          `json:"message"`
	Hint     string          `json:"hint,omitempty"`
}

func (a *app) finding(f script.Finding) {
	if a.flags.json {
		a.jsonLine(findingLine{"finding", f.Where, f.Severity, f.Message, f.Hint})
		return
	}
	a.result("%s\n", view.Clean(f.String()))
}

// checked refuses to start a script in which check finds an error, so that it
// does not fail half way.
func (s *session) checked(main script.Source, loader script.Loader, anyway bool) error {
	if anyway {
		return nil
	}
	var errs []error
	for _, f := range script.Check(main, loader, s.tree.Catalog) {
		if f.Severity == script.SeverityError {
			errs = append(errs, errors.New(f.String()))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	errs = append(errs, errors.New("nothing was started; start it all the same with --no-check"))
	return usageError{errors.Join(errs...)}
}
