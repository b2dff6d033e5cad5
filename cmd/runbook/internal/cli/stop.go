package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func (a *app) rollbackCommand() *cobra.Command {
	var why string
	var wait waitFlag
	cmd := &cobra.Command{
		Use:   "rollback RUN",
		Short: "Roll a run back: its rollbacks run, newest first",
		Long: "Roll a run back: the functions that it registered with on_rollback run, newest first.\n" +
			"A runner that carries the run at the moment is told, and does it. A rollback that\n" +
			"was stopped goes on; rollbacks that failed are tried again.",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			live, err := a.desk(db).RequestRollback(cmd.Context(), run.ID, operator(), why)
			a.closeDB(db)
			already := isAlready(err)
			if err != nil && !already {
				return err
			}
			if live {
				if a.flags.json {
					a.jsonHead("rollback")
					a.jsonLine(decisionLine{Type: "rollback", Run: run.ID, By: operator(), Outcome: "requested", Changed: !already, Carried: true})
					return nil
				}
				a.result("run %s is told to roll back; its runner is %s\n", shortID(run.ID), run.Holder)
				a.note("watch it with: runbook log -f %s\n", a.named(run.ID))
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
	wait.addDamaged(cmd.Flags())
	return cmd
}

func (a *app) cancelCommand() *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use:   "cancel RUN",
		Short: "End a run where it stands, without a rollback",
		Long: "End a run where it stands, without a rollback. A runner that carries it at the moment\n" +
			"is told, and ends it after the effects under way.",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
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
			if a.flags.json {
				a.jsonHead("cancel")
				a.jsonLine(decisionLine{Type: "cancellation", Run: run.ID, By: operator(),
					Outcome: map[bool]string{true: "requested", false: "canceled"}[live], Changed: true, Carried: live})
				return nil
			}
			if live {
				a.result("run %s is told to stop; its runner %s ends it after the effect under way\n", shortID(run.ID), run.Holder)
				return nil
			}
			a.result("run %s canceled\n", shortID(run.ID))
			events, err := db.Events(cmd.Context(), run.ID, 0)
			if err != nil || !slices.ContainsFunc(events, func(ev effect.Event) bool { return ev.Kind == effect.RollbackRegistered }) {
				return err
			}
			a.note("it can still be rolled back: runbook rollback %s\n", a.runnable(run.ID))
			return nil
		},
	}
	cmd.Flags().StringVar(&why, "reason", "", "`WHY`, for the record")
	return cmd
}
