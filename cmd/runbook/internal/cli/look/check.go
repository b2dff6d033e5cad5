package look

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/booktest"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
)

func (a commands) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE…",
		Short: "Check runbooks without running them",
		Long: "Check runbooks without running them: syntax, unknown modules, ops and arguments,\n" +
			"parameters, undefined globals. Where there is a configuration, ops that no backend of\n" +
			"the environment carries, and metrics and calendars that it does not declare, are\n" +
			"warned of. Exit 1 if an error is found.",
		Args:              app.Between(1, "FILE", "FILE…"),
		ValidArgsFunction: app.CompleteScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			found := 0
			if a.Flags.JSON {
				a.JSONHead("check")
			}
			for _, path := range argv {
				if strings.HasSuffix(path, booktest.Suffix) {
					carryOut := a.OnScript("test", path, false)
					if len(argv) == 1 {
						return app.Usagef("%s is a test of runbooks, and not checked\ncarry it out with: %s", path, carryOut)
					}
					a.Note("%s: a test, not checked; carry it out with: %s\n", view.Line(path), carryOut)
					continue
				}
				main, loader, err := app.ReadScript(path)
				if err != nil {
					return err
				}
				on, err := a.Here()
				if err != nil {
					return err
				}
				text := check.Read(main, loader)
				extra, err := a.ForeignModules(cmd.Context(), on, text.Requires())
				if err != nil {
					return err
				}
				catalog := a.Catalog(extra...)
				findings := text.Run(catalog)
				lacking, unknown := a.Lacking(cmd.Context(), on, text.Uses(catalog), catalog)
				findings = append(findings, lacking...)
				findings = append(findings, a.Undeclared(cmd.Context(), on, text.Names(catalog), catalog)...)
				findings = append(findings, app.NoCalendars(on.Env, text.Calendars(catalog))...)
				findings = append(findings, text.Strangers(catalog, on.Env.People())...)
				for _, err := range unknown {
					a.Note("%s %s\n", a.Style.Yellow("warning:"), app.Indented(view.Clean(err.Error())))
				}
				for _, f := range findings {
					if f.Severity == check.SeverityError {
						found++
					}
					a.finding(f)
				}
				if len(findings) == 0 && !a.Flags.JSON {
					a.Result("%s: ok\n", view.Line(path))
				}
			}
			if found > 0 {
				return app.ExitWith(app.ExitFailed)
			}
			return nil
		},
	}
}

// findingLine is a finding as --json prints it.
type findingLine struct {
	Type     string          `json:"type"`
	Where    effect.Position `json:"where"`
	Severity check.Severity  `json:"severity" doc:"error or warning"`
	Message  string          `json:"message"`
	Hint     string          `json:"hint,omitempty" doc:"how it is mended"`
}

func (a commands) finding(f check.Finding) {
	if a.Flags.JSON {
		a.JSONLine(findingLine{"finding", f.Where, f.Severity, f.Message, f.Hint})
		return
	}
	a.Result("%s\n", view.Clean(f.String()))
}
