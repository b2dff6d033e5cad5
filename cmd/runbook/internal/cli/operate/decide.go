package operate

import (
	"encoding/json"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// digests matches the beginnings of digests that are long enough to be one's own.
var digests = lazyregexp.New(`^[0-9a-fA-F]{8,64}$`)

// answerCommand makes approve and deny, which differ in one word.
func (a commands) answerCommand(deny bool) *cobra.Command {
	var claim app.Claim
	var why, place, digest string
	verb, short := "approve", "Agree to what a run asks"
	if deny {
		verb, short = "deny", "Refuse what a run asks"
	}
	cmd := &cobra.Command{
		Use:   verb + " RUN",
		Short: short,
		Long: short + ". A run that waits for it goes on at once; one that stopped\n" +
			"with exit code 4 goes on with `runbook resume RUN`. An answer stands: it cannot be\n" +
			"taken back. It is for the script, the plan and the parameters that the run has, which\n" +
			"`runbook show` prints: where they are replaced before all have agreed, people are asked\n" +
			"again.",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			outcome := map[bool]string{false: "approved", true: "denied"}[deny]
			digest = strings.TrimSuffix(digest, "…") // as show cuts it
			if cmd.Flags().Changed("digest") && !digests.MatchString(digest) {
				return app.Usagef("--digest %q is no digest: give 8 or more of the characters that show prints of the script, the plan or all", digest)
			}
			said := interpreter.Answer{Place: effect.Place(place), Deny: deny, Reason: why, Of: digest}
			return a.answer(cmd, argv[0], claim, said, outcome, func(who, title string, before bool) {
				if before {
					a.Result("%s has %s \"%s\" before; nothing has changed\n", view.Line(who), outcome, view.Line(title))
					return
				}
				a.Result("%s %s \"%s\"\n", view.Line(who), outcome, view.Line(title))
			})
		},
	}
	f := cmd.Flags()
	claim.Add(f)
	f.StringVar(&why, "reason", "", "`WHY`, for the record")
	f.StringVar(&place, "question", "", "which question, by its `PLACE`, if the run asks several")
	f.StringVar(&digest, "digest", "", "the `SHA256` of what you have looked at: script, plan or all (see show)")
	return cmd
}

func (a commands) resolveCommand() *cobra.Command {
	var applied, notApplied, failed bool
	var why, place, value string
	cmd := &cobra.Command{
		Use:   "resolve RUN --applied|--not-applied|--failed --reason WHY",
		Short: "Say what happened to an effect whose outcome is unknown",
		Long: "Say what happened to an effect whose outcome is unknown. Look at the system first:\n" +
			"your word goes into the journal, and the run goes on by it.",
		Example: "  runbook show latest\n" +
			"  runbook resolve latest --not-applied --reason \"web1 logged no restart\"",
		Args:              app.Exactly("RUN"),
		ValidArgsFunction: a.CompleteRun,
		RunE: func(cmd *cobra.Command, argv []string) error {
			said := 0
			var outcome history.Outcome
			for o, is := range map[history.Outcome]bool{history.OutcomeApplied: applied, history.OutcomeNotApplied: notApplied, history.OutcomeFailed: failed} {
				if is {
					outcome = o
					said++
				}
			}
			if said != 1 {
				return app.Usagef("say what happened, by one of --applied, --not-applied and --failed\nusage: %s", cmd.UseLine())
			}
			if strings.TrimSpace(why) == "" {
				return app.Usagef("--reason is needed: say how you know what happened")
			}
			db, run, err := a.FindRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			effect, err := a.Desk(db).Resolve(cmd.Context(), interpreter.Resolution{
				Run: run.ID, Place: effect.Place(place), Outcome: outcome, Value: json.RawMessage(value), By: app.Operator(), Reason: why})
			if err != nil {
				return err
			}
			if a.Flags.JSON {
				a.JSONHead("resolve")
				a.JSONLine(decisionLine{Type: "resolution", Run: run.ID, Place: effect.Place, Op: effect.Op, By: app.Operator(),
					Outcome: string(outcome), Changed: true})
				return nil
			}
			a.Result("%s at %s (effect %s): %s\n", effect.Op, effect.Where, effect.Place, map[history.Outcome]string{
				history.OutcomeApplied:    "recorded as applied; it will not be done again",
				history.OutcomeNotApplied: "recorded as not applied; the resume does it",
				history.OutcomeFailed:     "recorded as failed; the script sees an error",
			}[outcome])
			return a.adviseNext(cmd.Context(), db, run)
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
