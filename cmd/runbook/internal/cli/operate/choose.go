package operate

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
)

func (a commands) chooseCommand() *cobra.Command {
	var claim app.Claim
	var why, place string
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
			said := interpreter.Answer{Place: effect.Place(place), Choice: argv[1], Reason: why}
			return a.answer(cmd, argv[0], claim, said, argv[1], func(who, title string, before bool) {
				if before {
					a.Result("%s has chosen %s before; nothing has changed\n", view.Line(who), argv[1])
					return
				}
				a.Result("%s chose %s: %s\n", view.Line(who), argv[1], view.Line(title))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&why, "reason", "", "`WHY`, for the record")
	claim.Add(f)
	f.StringVar(&place, "question", "", "which question, by its `PLACE`, if the run asks several things")
	return cmd
}
