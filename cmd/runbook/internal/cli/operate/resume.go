package operate

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/rehearsal"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func (a commands) resumeCommand() *cobra.Command {
	var with string
	var forget bool
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that stopped or whose runner died",
		Long: "Go on with a run: what is recorded is not done again, and the script goes on where\n" +
			"the record ends. RUN is a beginning of its id, latest, or latest:NAME.",
		Example:           "  runbook resume latest\n  runbook resume 0198c2a4 --with blue-green-fixed.lua",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			o := interpreter.ResumeOptions{By: app.Operator(), Forget: forget}
			c := carry{wait: wait, id: argv[0], what: "resume"}
			if with != "" {
				main, loader, err := app.ReadScript(with)
				if err != nil {
					return err
				}
				o.With, o.WithLoader, c.also, c.edited = &main, loader, check.Requires(main, loader), true
			}
			err := a.carryOut(cmd.Context(), c,
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					if !s.afresh {
						if err := s.warn(ctx, o.With, o.WithLoader); err != nil {
							return interpreter.Outcome{}, err
						}
						if closed := s.stillClosed(); closed != "" {
							s.say(view.Clean(closed) + "; what has begun goes on")
						}
					}
					o.Verified, o.Environment, o.Program = s.verified, s.pin, app.Executable()
					return s.engine.Resume(ctx, s.run, o)
				})
			var ended *interpreter.Ended
			if with == "" && errors.As(err, &ended) {
				return a.nothingLeft(ended)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "go on with an edited script `FILE` that agrees with everything recorded")
	cmd.Flags().BoolVar(&forget, "forget-secrets", false, "go on without secrets that cannot be asked for; results may show them, in the record as well")
	wait.add(cmd.Flags())
	wait.addDamaged(cmd.Flags())
	wait.addConfigNow(cmd.Flags())
	return cmd
}

// nothingLeft says that a run has ended before; the exit code is the one that its
// runner had.
func (a commands) nothingLeft(ended *interpreter.Ended) error {
	code := app.CodeOfStatus(ended.Status)
	if a.Flags.JSON {
		line := outcomeLine{Type: "outcome", Run: ended.Run, Status: ended.Status, Exit: code, Next: a.Hint(ended).String()}
		if code != app.ExitOK {
			line.Error = &failureLine{Message: ended.Error()}
		}
		a.JSONLine(line)
	} else {
		a.Result("run %s: %s before; nothing is left to do\n", journal.Short(ended.Run), strings.ReplaceAll(string(ended.Status), "_", " "))
	}
	a.Advise(a.Hint(ended))
	return app.ExitWith(code)
}

func (a commands) forkCommand() *cobra.Command {
	var from, emergency string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "fork RUN --from STEP|CHECKPOINT",
		Short: "Start a new run from a place in an old one",
		Long: "Start a new run whose past is an old run's record up to a step (before it) or a\n" +
			"checkpoint (after it); what follows is done again. The old run stays as it was.",
		Example:           "  runbook fork latest --from prepared\n  runbook fork latest --from 'shift 50% to green'",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if from == "" {
				return app.Usagef("say where to fork: --from STEP or --from CHECKPOINT\nusage: %s", cmd.UseLine())
			}
			if err := emergencyReason(cmd, emergency); err != nil {
				return err
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, id: argv[0], what: "fork"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					if err := s.warn(ctx, nil, nil); err != nil {
						return interpreter.Outcome{}, err
					}
					past, err := s.engine.PastOf(ctx, s.run, from)
					if err != nil {
						return interpreter.Outcome{}, err
					}
					foreseen, err := s.foreseen(ctx, nil, func(ctx context.Context) (*simulate.Plan, string) {
						return rehearsal.ForeseeFork(ctx, s.ahead(), s.run, past)
					}, "")
					if err != nil {
						return interpreter.Outcome{}, err
					}
					question, err := s.mayStart(foreseen, emergency)
					if err != nil {
						return interpreter.Outcome{}, err
					}
					return s.engine.Fork(ctx, interpreter.Fork{Run: s.run, From: from, By: app.Operator(), Environment: s.pin, Emergency: question, Ready: func(id string) { s.ready(ctx, id) }})
				})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "name (or place, as `runbook show` prints it) of a `STEP` or checkpoint")
	addEmergency(cmd, &emergency)
	wait.add(cmd.Flags())
	wait.addDamaged(cmd.Flags())
	wait.addConfigNow(cmd.Flags())
	return cmd
}
