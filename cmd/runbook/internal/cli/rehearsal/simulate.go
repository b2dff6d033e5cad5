package rehearsal

import (
	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
)

func (a commands) simulateCommand() *cobra.Command {
	var world worldFlags
	var schedule string
	cmd := &cobra.Command{
		Use:   "simulate FILE.lua",
		Short: "Rehearse a runbook in a simulated world",
		Long: "Rehearse a runbook in a simulated world: nothing is read from real systems and nothing\n" +
			"is changed; time is virtual. A scenario says what the world is like; what it leaves\n" +
			"open is assumed, and marked so. The exit code is that of the run, or 1 if an invariant\n" +
			"was broken.",
		Example: "  runbook simulate blue-green.lua --param version=v1.2.0\n" +
			"  runbook simulate blue-green.lua --scenario slow.lua\n" +
			"  runbook simulate blue-green.lua --param version=v1.2.0 --schedule 5:timeout",
		Args:              app.Exactly("FILE.lua"),
		ValidArgsFunction: app.CompleteScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			ctx, release := a.UntilInterrupted(cmd.Context())
			defer release()
			if a.Flags.JSON {
				a.JSONHead("simulate")
			}
			r, err := a.rehearsal(ctx, argv[0], world, nil)
			if err != nil {
				return err
			}
			faults, err := r.schedule(ctx, schedule)
			if err != nil {
				return err
			}
			res, err := r.Run(ctx, faults)
			if err != nil {
				return err
			}
			if err := missed(faults, res.World.Missed(faults)); err != nil {
				return err
			}
			p, err := r.Plan(res)
			if err != nil {
				return err
			}
			code := codeOf(res.Ending, p)
			if a.Flags.JSON {
				a.jsonPlan(p, code)
			} else {
				a.showRehearsal(r, res, p)
			}
			if code != app.ExitOK {
				return app.ExitWith(code)
			}
			return nil
		},
	}
	world.add(cmd)
	cmd.Flags().StringVar(&schedule, "schedule", "", "faults that strike: `ID` of a schedule, as explore prints it (PLACE:FAULT,…)")
	return cmd
}
