package operate

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func (a commands) runCommand() *cobra.Command {
	var pairs []string
	var file string
	var wait waitFlag
	var unchecked bool
	var emergency string
	var plans rehearsal.PlanFlags
	cmd := &cobra.Command{
		Use:   "run FILE.lua",
		Short: "Start a run",
		Long: "Start a run of a runbook. Its id is printed at once; whatever happens to this\n" +
			"process, `runbook resume ID` goes on. `runbook run FILE.lua --help` lists the\n" +
			"parameters of that runbook. The name of a shipped runbook may stand for a file.\n\n" +
			"The first Ctrl-C finishes and records the effect under way, and stops; the second\n" +
			"stops at once.",
		Example: "  runbook run blue-green.lua --param version=v1.1.0\n  runbook run blue-green.lua --params release.yaml --env prod\n" +
			"  runbook run blue-green.lua --dry-run --out today.plan\n  runbook run blue-green.lua --plan today.plan\n" +
			"  runbook run blue-green.lua --help",
		Args:              app.Exactly("FILE.lua"),
		ValidArgsFunction: app.CompleteScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if err := plans.Check(); err != nil {
				return err
			}
			if err := emergencyReason(cmd, emergency); err != nil {
				return err
			}
			if plans.DryRun {
				return rehearsal.DryRun(cmd.Context(), a.App, argv[0], plans, file, pairs)
			}
			main, loader, err := app.ReadScript(argv[0])
			if err != nil {
				return err
			}
			var plan *simulate.Plan
			if plans.Plan != "" {
				if plan, err = rehearsal.ReadPlan(plans.Plan); err != nil {
					return err
				}
			}
			text := check.Read(main, loader)
			return a.carryOut(cmd.Context(), carry{wait: wait, modules: text.Requires(), script: app.ScriptFile(argv[0]), what: "run"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					if err := s.checked(text, unchecked); err != nil {
						return interpreter.Outcome{}, err
					}
					if err := s.carries(ctx, text); err != nil {
						return interpreter.Outcome{}, err
					}
					foreseen, err := s.foreseen(ctx, plan, func(ctx context.Context) (*simulate.Plan, string) {
						return rehearsal.Foresee(ctx, a.App, argv[0], file, pairs)
					}, rehearsal.Again(a.App, argv[0], file, pairs))
					if err != nil {
						return interpreter.Outcome{}, err
					}
					question, err := s.mayStart(foreseen, emergency)
					if err != nil {
						return interpreter.Outcome{}, err
					}
					return s.engine.Start(ctx, interpreter.Start{
						Emergency: question, Main: main, Loader: loader, Env: s.env, Environment: s.pin, By: app.Operator(), Ready: func(id string) { s.ready(ctx, id) }, Plan: plan,
						Params: func(h script.Header) (map[string]any, error) {
							values, err := a.params(h, argv[0], file, pairs)
							if err != nil || plan == nil {
								return values, err
							}
							return values, plans.Fits(a.App, plan, main, loader, values, s.env)
						},
					})
				})
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&pairs, "param", "p", nil, "a parameter as `NAME=VALUE`; secrets as NAME=env:VAR or NAME=file:PATH")
	f.StringVar(&file, "params", "", "parameters from a YAML `FILE`; - is standard input")
	addEmergency(cmd, &emergency)
	f.BoolVar(&unchecked, "no-check", false, "start although 'runbook check' finds an error")
	wait.add(f)
	plans.Add(cmd)
	cmd.SetHelpFunc(a.runHelp)
	return cmd
}

// runHelp prints the help of run, and the parameters of the runbook that the
// command line names.
func (a commands) runHelp(cmd *cobra.Command, _ []string) {
	cmd.Root().HelpFunc()(cmd, nil)
	names := cmd.Flags().Args()
	if len(names) == 0 {
		return
	}
	main, loader, err := app.ReadScript(names[0])
	var h script.Header
	if err == nil {
		h, err = script.ReadHeader(cmd.Context(), script.Options{Main: main, Loader: loader, Catalog: a.Catalog()})
	}
	if err != nil {
		a.Note("\nrunbook: %s\n", app.Indented(view.Clean(err.Error())))
		return
	}
	a.Result("\n%s\n", strings.TrimSuffix(view.Clean(h.Name)+": "+view.Clean(h.Summary), ": "))
	if len(h.Params) == 0 {
		a.Result("It has no parameters.\n")
		return
	}
	a.Result("\nParameters:\n")
	view.Fields(a.Stdout, a.OutStyle, h.Params)
}

// params reads the parameters that a header declares; path is what the
// runbook was called by.
func (a commands) params(h script.Header, path, file string, pairs []string) (map[string]any, error) {
	var given map[string]any
	if file != "" {
		var err error
		if given, err = config.LoadParams(file); err != nil {
			return nil, app.Usage(err)
		}
	}
	params, err := config.ParseParams(h.Params, given, pairs)
	if err != nil {
		return nil, a.WrongParams(err, path)
	}
	return params, nil
}
