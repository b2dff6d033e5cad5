package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) resumeCommand() *cobra.Command {
	var with string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that stopped or whose runner died",
		Long: "Go on with a run: what is recorded is not done again, and the script goes on where\n" +
			"the record ends. RUN is any unique beginning of a run's id, or \"latest\".",
		Example:           "  runbook resume latest\n  runbook resume 0198c2a4 --with blue-green-fixed.lua",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			o := interpreter.ResumeOptions{By: operator()}
			c := carry{wait: wait, id: argv[0], what: "resume"}
			if with != "" {
				main, loader, err := readScript(with)
				if err != nil {
					return err
				}
				o.With, o.WithLoader, c.also = &main, loader, script.Requires(main, loader)
			}
			return a.carryOut(cmd.Context(), c,
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Resume(ctx, s.run, o)
				})
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "go on with an edited script `FILE` that agrees with everything recorded")
	wait.add(cmd.Flags())
	wait.addDamaged(cmd.Flags())
	return cmd
}

func (a *app) forkCommand() *cobra.Command {
	var from string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "fork RUN --from STEP|CHECKPOINT",
		Short: "Start a new run from a place in an old one",
		Long: "Start a new run whose past is an old run's record up to a step (before it) or a\n" +
			"checkpoint (after it); what follows is done again. The old run stays as it was.",
		Example:           "  runbook fork latest --from prepared\n  runbook fork latest --from 'shift 50% to green'",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if from == "" {
				return usagef("say where to fork: --from STEP or --from CHECKPOINT\nusage: %s", cmd.UseLine())
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, id: argv[0], what: "fork"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Fork(ctx, interpreter.Fork{Run: s.run, From: from, By: operator(), Ready: s.ready})
				})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "name (or place, as `runbook show` prints it) of a `STEP` or checkpoint")
	wait.add(cmd.Flags())
	wait.addDamaged(cmd.Flags())
	return cmd
}
