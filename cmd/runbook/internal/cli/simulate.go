package cli

import (
	"github.com/spf13/cobra"
)

func (a *app) simulateCommand() *cobra.Command {
	var world worldFlags
	var schedule string
	cmd := &cobra.Command{
		Use:   "simulate FILE.lua",
		Short: "Rehearse a runbook in a simulated world",
		Long: "Rehearse a runbook in a simulated world: nothing is read from real systems and nothing\n" +
			"is changed; time is virtual. A scenario says what the world is like; what it leaves\n" +
			"open is assumed, and marked so. The exit code is that of the run.",
		Example: "  runbook simulate blue-green.lua --param version=v1.2.0\n" +
			"  runbook simulate blue-green.lua --scenario slow.lua\n" +
			"  runbook simulate blue-green.lua --param version=v1.2.0 --schedule 5:timeout",
		Args:              exactly("FILE.lua"),
		ValidArgsFunction: completeScript,
		RunE: func(cmd *cobra.Command, argv []string) error {
			ctx, release := a.untilInterrupted(cmd.Context())
			defer release()
			if a.flags.json {
				a.jsonHead("simulate")
			}
			r, err := a.rehearsal(ctx, argv[0], world, nil)
			if err != nil {
				return err
			}
			faults, err := r.schedule(ctx, schedule)
			if err != nil {
				return err
			}
			w, end, broken, err := r.carry(ctx, faults)
			if err != nil {
				return err
			}
			p, err := r.plan(w, end, broken)
			if err != nil {
				return err
			}
			code := codeOfEnding(end)
			if a.flags.json {
				a.jsonPlan(p, code)
			} else {
				a.showRehearsal(r, w, end, p)
			}
			if code != exitOK {
				return exitError{code}
			}
			return nil
		},
	}
	world.add(cmd)
	cmd.Flags().StringVar(&schedule, "schedule", "", "faults that strike: `ID` of a schedule, as explore prints it (PLACE:FAULT,…)")
	return cmd
}
