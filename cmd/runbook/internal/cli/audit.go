package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Prove the record", &cobra.Command{
		Use:   "verify [RUN]",
		Short: "Recompute the hash chain of one run, or of all",
		Long: "Recompute the hash chain of one run, or of all. Every row that was edited, removed or\n" +
			"moved is named; exit 1 if there is one.",
		ValidArgsFunction: a.completeRun,
		Args:              between(0, "RUN"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, err := a.readDB(cmd.Context())
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			id := ""
			if len(argv) == 1 {
				run, err := db.Find(cmd.Context(), argv[0])
				if err != nil {
					return err
				}
				id = run.ID
			}
			report, err := db.Verify(cmd.Context(), id)
			if err != nil {
				return err
			}
			if a.flags.json {
				a.jsonHead("audit verify")
				for _, f := range report.Faults {
					a.jsonLine(map[string]any{"type": "fault", "run": f.Run, "seq": f.Seq, "what": f.What})
				}
				a.jsonLine(map[string]any{"type": "report", "runs": report.Runs, "events": report.Events, "faults": len(report.Faults)})
			} else {
				for _, f := range report.Faults {
					a.result("%s %s\n", a.outStyle.Red("✗"), f)
				}
				a.result("%s checked: %s\n", counted(report.Events, "event")+" of "+counted(report.Runs, "run"),
					map[bool]string{true: a.outStyle.Green("intact"), false: a.outStyle.Red(counted(len(report.Faults), "fault"))}[len(report.Faults) == 0])
			}
			if len(report.Faults) > 0 {
				return exitError{exitFailed}
			}
			return nil
		},
	})
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
