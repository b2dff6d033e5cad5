package operate

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// answering opens the run that somebody's word is for, has give record it in
// that person's name, and says how the run goes on if nobody carries it.
func (a commands) answering(cmd *cobra.Command, id string, claim app.Claim, give func(db *journal.DB, run journal.Run, who effect.Identity) error) error {
	db, run, err := a.FindRun(cmd.Context(), id)
	if err != nil {
		return err
	}
	defer a.CloseDB(db)
	who, err := a.Answerer(cmd.Context(), db, run, claim)
	if err != nil {
		return err
	}
	if err := give(db, run, who); err != nil {
		return err
	}
	if app.Carried(run) {
		return nil
	}
	return a.adviseNext(cmd.Context(), db, run)
}

// answer records one answer. outcome is what it comes to; tell says so to
// people, and whether the same was said before.
func (a commands) answer(cmd *cobra.Command, id string, claim app.Claim, said interpreter.Answer, outcome string, tell func(who, title string, before bool)) error {
	return a.answering(cmd, id, claim, func(db *journal.DB, run journal.Run, who effect.Identity) error {
		said.Run, said.By, said.Via, said.Roles = run.ID, who.Name, who.Via, who.Roles
		q, err := a.Desk(db).Answer(cmd.Context(), said)
		var changed *interpreter.SubjectError
		if errors.As(err, &changed) {
			return app.Advised(err, view.Advice{}.With("look again:", a.OnRun("show", run.ID)))
		}
		if err != nil && !isAlready(err) {
			return err
		}
		if !a.Flags.JSON {
			tell(who.Name, q.Title, err != nil)
			return nil
		}
		a.JSONHead(cmd.Name())
		a.JSONLine(decisionLine{Type: "answer", Run: run.ID, Place: q.Place, Title: q.Title, By: who.Name, Outcome: outcome,
			Changed: err == nil, Carried: app.Carried(run)})
		return nil
	})
}

func (a commands) adviseNext(ctx context.Context, db *journal.DB, run journal.Run) error {
	how, err := a.NextFor(ctx, db, run, "")
	if err != nil {
		return err
	}
	a.Advise(how)
	return nil
}

func isAlready(err error) bool { return errors.Is(err, interpreter.ErrAlready) }
