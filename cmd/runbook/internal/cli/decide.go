package cli

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

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
		Long: short + ". A run that waits for it goes on at once; one that stopped\n" +
			"with exit code 4 goes on with `runbook resume RUN`. An answer stands: it cannot be\n" +
			"taken back.",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.findRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			who := person(as)
			q, err := a.desk(db).Answer(cmd.Context(), interpreter.Answer{Run: run.ID, Place: place, By: who, Deny: deny, Reason: why})
			said := map[bool]string{false: "approved", true: "denied"}[deny]
			if err != nil && !isAlready(err) {
				return err
			}
			switch {
			case a.flags.json:
				a.jsonHead(verb)
				a.jsonLine(decisionLine{Type: "answer", Run: run.ID, Place: q.Place, Title: q.Title, By: who, Outcome: said,
					Changed: err == nil, Carried: carried(run)})
			case err != nil:
				a.result("%s has %s %q before; nothing has changed\n", who, said, view.Clean(q.Title))
			default:
				a.result("%s %s %q\n", who, said, view.Clean(q.Title))
			}
			if carried(run) {
				return nil
			}
			events, err := db.Events(cmd.Context(), run.ID, 0)
			if err != nil {
				return err
			}
			a.note("%s\n", a.nextFor(run, events, ""))
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
		Example: "  runbook show latest\n" +
			"  runbook resolve latest --not-applied --reason \"the log of web1 shows no restart\"",
		Args:              exactly("RUN"),
		ValidArgsFunction: a.completeRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			said := 0
			var outcome replay.Outcome
			for o, is := range map[replay.Outcome]bool{replay.OutcomeApplied: applied, replay.OutcomeNotApplied: notApplied, replay.OutcomeFailed: failed} {
				if is {
					outcome = o
					said++
				}
			}
			if said != 1 {
				return usagef("say what happened, by one of --applied, --not-applied and --failed\nusage: %s", cmd.UseLine())
			}
			if strings.TrimSpace(why) == "" {
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
			if a.flags.json {
				a.jsonHead("resolve")
				a.jsonLine(decisionLine{Type: "resolution", Run: run.ID, Place: effect.Place, Op: effect.Op, By: operator(),
					Outcome: string(outcome), Changed: true})
				return nil
			}
			a.result("%s at %s (effect %s): %s\n", effect.Op, effect.Where, effect.Place, map[replay.Outcome]string{
				replay.OutcomeApplied:    "recorded as applied; it will not be done again",
				replay.OutcomeNotApplied: "recorded as not applied; the resume does it",
				replay.OutcomeFailed:     "recorded as failed; the script sees an error",
			}[outcome])
			a.note("go on with: runbook resume %s\n", a.runnable(run.ID))
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
	return cmd
}

func isAlready(err error) bool { return errors.Is(err, interpreter.ErrAlready) }
