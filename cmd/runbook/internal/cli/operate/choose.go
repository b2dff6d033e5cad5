package operate

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func (a commands) chooseCommand() *cobra.Command {
	var as, why, place string
	cmd := &cobra.Command{
		Use:   "decide RUN CHOICE --reason WHY",
		Short: "Say how a run goes on that has failed",
		Long: "Say how a run goes on that has failed and whose runbook says on_failure = \"ask\":\n\n" +
			"  retry     carry the step out once more\n" +
			"  skip      go on behind the step, as if it had worked\n" +
			"  rollback  take back what was registered\n" +
			"  abort     end the run as failed, and change nothing\n\n" +
			"The choice and its reason go into the record. A choice stands: it cannot be taken back.",
		Example:           "  runbook decide latest retry --reason \"the disk has room again\"",
		Args:              app.Exactly("RUN", "CHOICE"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			if why == "" {
				return app.Usagef("--reason is needed: say why it is to go on so")
			}
			db, run, err := a.FindRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			who, err := a.Answerer(cmd.Context(), db, run, as)
			if err != nil {
				return err
			}
			q, err := a.Desk(db).Answer(cmd.Context(), interpreter.Answer{Run: run.ID, Place: effect.Place(place), By: who, Choice: argv[1], Reason: why})
			if err != nil && !isAlready(err) {
				return err
			}
			switch {
			case a.Flags.JSON:
				a.JSONHead("decide")
				a.JSONLine(decisionLine{Type: "answer", Run: run.ID, Place: q.Place, Title: q.Title, By: who, Outcome: argv[1],
					Changed: err == nil, Carried: app.Carried(run)})
			case err != nil:
				a.Result("%s has chosen %s before; nothing has changed\n", view.Line(who), argv[1])
			default:
				a.Result("%s chose %s: %s\n", view.Line(who), argv[1], view.Line(q.Title))
			}
			if app.Carried(run) {
				return nil
			}
			how, err := a.NextFor(cmd.Context(), db, run, "")
			if err != nil {
				return err
			}
			a.Advise(how)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&why, "reason", "", "`WHY`, for the record")
	f.StringVar(&as, "as", "", "decide as `PERSON` (default: your user name, which is recorded beside it)")
	f.StringVar(&place, "question", "", "which question, by its `PLACE`, if the run asks several things")
	return cmd
}
