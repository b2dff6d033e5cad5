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
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			o := interpreter.ResumeOptions{By: operator()}
			if with != "" {
				main, loader, err := readScript(with)
				if err != nil {
					return err
				}
				o.With, o.WithLoader = &main, loader
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, id: argv[0], what: "resume"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Resume(ctx, s.run, o)
				})
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "go on with an edited script `FILE` that agrees with everything recorded")
	wait.add(cmd.Flags())
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
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			if from == "" {
				return usagef("say where to fork: --from STEP or --from CHECKPOINT\nusage: %s", cmd.UseLine())
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, id: argv[0], what: "fork"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					s.tree.Reset()
					return s.engine.Fork(ctx, interpreter.Fork{Run: s.run, From: from, By: operator(), Ready: s.ready})
				})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "name (or place, as `runbook show` prints it) of a `STEP` or checkpoint")
	wait.add(cmd.Flags())
	return cmd
}

func (a *app) rollbackCommand() *cobra.Command {
	var why string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Roll a run back: its rollbacks run, newest first",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			engine := a.desk(db)
			live, err := engine.RequestRollback(cmd.Context(), run.ID, operator(), why)
			if closeErr := db.Close(); err == nil {
				err = closeErr
			}
			if err != nil && !isAlready(err) {
				return err
			}
			if live {
				a.result("run %s is told to roll back; its runner is %s\n", shortID(run.ID), run.Holder)
				a.note("watch it with: runbook log -f %s\n", shortID(run.ID))
				return nil
			}
			return a.carryOut(cmd.Context(), carry{wait: wait, id: run.ID, what: "rollback"},
				func(ctx context.Context, s *session) (interpreter.Outcome, error) {
					return s.engine.Resume(ctx, s.run, interpreter.ResumeOptions{By: operator()})
				})
		},
	}
	cmd.Flags().StringVar(&why, "reason", "", "`WHY`, for the record")
	wait.add(cmd.Flags())
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run where it stands, without a rollback",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			live, err := a.desk(db).Cancel(cmd.Context(), run.ID, operator(), why)
			if err != nil {
				return err
			}
			if live {
				a.result("run %s is told to stop; its runner %s ends it after the effect under way\n", shortID(run.ID), run.Holder)
				return nil
			}
			a.result("run %s canceled\n", shortID(run.ID))
			a.note("it can still be rolled back: runbook rollback %s\n", shortID(run.ID))
			return nil
		},
	}
	cmd.Flags().StringVar(&why, "reason", "", "`WHY`, for the record")
	return cmd
}

func (a *app) replayCommand() *cobra.Command {
	var with string
	cmd := &cobra.Command{
		Use:   "replay RUN",
		Short: "Walk a run's script against its record; change nothing",
		Long: "Walk a run's script (or an edited one) from the top, answered by the record. It says\n" +
			"whether they agree, and exits 7 where they part.",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			var main *script.Source
			var loader script.Loader
			if with != "" {
				m, l, err := readScript(with)
				if err != nil {
					return err
				}
				main, loader = &m, l
			}
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			engine, err := a.reader(cmd.Context(), db, run)
			if err != nil {
				return err
			}
			walked, err := engine.Replay(cmd.Context(), run.ID, main, loader)
			if err != nil {
				return err
			}
			a.replayed(walked)
			return nil
		},
	}
	cmd.Flags().StringVar(&with, "with", "", "walk this script `FILE` instead of the recorded one")
	return cmd
}

func (a *app) replayed(w interpreter.Walked) {
	if a.flags.json {
		line := map[string]any{"type": "replay", "run": w.Run.ID, "agrees": true, "replayed": w.Replayed, "status": w.Run.Status}
		if w.Next != nil {
			line["next"] = map[string]any{"op": w.Next.Op.String(), "place": w.Next.Place, "where": w.Next.Where}
		}
		a.jsonHead("replay")
		a.jsonLine(line)
		return
	}
	a.result("run %s: script and record agree on all %d effects; the run is %s\n", shortID(w.Run.ID), w.Replayed, w.Run.Status)
	if w.Next != nil {
		a.result("next would be %s (effect %s) at %s\n", w.Next.Op, w.Next.Place, w.Next.Where)
	}
}
