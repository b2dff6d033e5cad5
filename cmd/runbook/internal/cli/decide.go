package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

func isAlready(err error) bool { return errors.Is(err, interpreter.ErrAlready) }

// answerCommand makes approve and deny, which differ in one word.
func (a *app) answerCommand(deny bool) *cobra.Command {
	var as, why, place string
	verb, short := "approve", "Agree to what a run asks"
	if deny {
		verb, short = "deny", "Refuse what a run asks"
	}
	cmd := &cobra.Command{
		Use:   verb + " RUN",
		Short: short,
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			who := person(as)
			q, err := a.desk(db).Answer(cmd.Context(), interpreter.Answer{Run: run.ID, Place: place, By: who, Deny: deny, Reason: why})
			said := map[bool]string{false: "approved", true: "denied"}[deny]
			switch {
			case isAlready(err):
				a.result("%s has %s %q before; nothing has changed\n", who, said, view.Clean(q.Title))
				return nil
			case err != nil:
				return err
			}
			a.result("%s %s %q\n", who, said, view.Clean(q.Title))
			if run.Holder == nil {
				a.note("go on with: runbook resume %s\n", shortID(run.ID))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&as, "as", "", "answer as `PERSON` (default: your user name)")
	f.StringVar(&why, "reason", "", "`WHY`, for the record")
	f.StringVar(&place, "question", "", "which question, by its `PLACE`, if the run asks several")
	return cmd
}

func (a *app) resolveCommand() *cobra.Command {
	var applied, notApplied, failed bool
	var why, place, value string
	cmd := &cobra.Command{
		Use:   "resolve RUN --applied|--not-applied|--failed --reason WHY",
		Short: "Say what happened to an effect whose outcome is unknown",
		Long: "Say what happened to an effect whose outcome is unknown. Look at the system first:\n" +
			"your word goes into the journal, and the run goes on by it.",
		Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			outcome := replay.OutcomeApplied
			switch {
			case notApplied:
				outcome = replay.OutcomeNotApplied
			case failed:
				outcome = replay.OutcomeFailed
			}
			if why == "" {
				return usagef("--reason is needed: say how you know what happened")
			}
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			effect, err := a.desk(db).Resolve(cmd.Context(), interpreter.Resolution{
				Run: run.ID, Place: place, Outcome: outcome, Value: json.RawMessage(value), By: operator(), Reason: why})
			if err != nil {
				return err
			}
			a.result("%s at %s (effect %s): %s\n", effect.Op, effect.Where, effect.Place, map[replay.Outcome]string{
				replay.OutcomeApplied:    "recorded as applied; it will not be done again",
				replay.OutcomeNotApplied: "recorded as not applied; the resume does it",
				replay.OutcomeFailed:     "recorded as failed; the script sees an error",
			}[outcome])
			a.note("go on with: runbook resume %s\n", shortID(run.ID))
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&applied, "applied", false, "it happened")
	f.BoolVar(&notApplied, "not-applied", false, "it did not happen; do it again")
	f.BoolVar(&failed, "failed", false, "it did not happen; the script sees an error")
	f.StringVar(&why, "reason", "", "`HOW` you know")
	f.StringVar(&place, "effect", "", "which effect, by its `PLACE`, if several are unknown")
	f.StringVar(&value, "value", "", "what the effect returned, as `JSON`, with --applied")
	cmd.MarkFlagsOneRequired("applied", "not-applied", "failed")
	cmd.MarkFlagsMutuallyExclusive("applied", "not-applied", "failed")
	return cmd
}

func (a *app) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Prove the record", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(&cobra.Command{
		Use:   "verify [RUN]",
		Short: "Recompute the hash chain of one run, or of all",
		Long:  "Recompute the hash chains. Every row that was edited, removed or moved is named; exit 1 if there is one.",
		Args:  args(cobra.MaximumNArgs(1)),
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
	return cmd
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
