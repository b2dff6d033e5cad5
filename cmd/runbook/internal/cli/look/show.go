package look

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a commands) showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show what happened in a run",
		Long: "Show what happened in a run: its parameters, its steps and effects with their places,\n" +
			"what it waits for, and how to go on.",
		Args: app.Exactly("RUN"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.ReadRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			events, err := db.Events(cmd.Context(), run.ID, 0)
			if err != nil {
				return err
			}
			if a.Flags.JSON {
				a.JSONHead("show")
				a.JSONLine(runLineOf(run, app.Ready(run, history.Of(events))))
				for _, ev := range events {
					a.JSONEvent(run.ID, ev)
				}
				return nil
			}
			sources, err := db.Sources(cmd.Context(), run.ID)
			if err != nil {
				return err
			}
			failed := a.show(run, events, a.declared(cmd.Context(), db, run), interpreter.SubjectOf(run, sources))
			if app.Carried(run) {
				return nil
			}
			how, err := a.NextFor(cmd.Context(), db, run, failed)
			if here := a.OnRun("show", run.ID); err == nil {
				how = slices.DeleteFunc(how, func(t view.Tip) bool { return t.Command == here })
			}
			if len(how) > 0 {
				a.Note("\n")
				a.Advise(how)
			}
			return err
		},
	}
	cmd.ValidArgsFunction = a.CompleteRun
	return cmd
}

// show prints a run, and returns the step in which it failed.
func (a commands) show(run journal.Run, events []effect.Event, params []effect.Field, of interpreter.Subject) (failed string) {
	s := a.OutStyle
	field := func(name, value string) {
		if value != "" {
			a.Result("%s %s\n", s.Dim(fmt.Sprintf("%-9s", name)), view.Clean(value))
		}
	}
	field("run", run.ID)
	field("runbook", run.Name+"  ("+run.Script+")")
	field("status", app.Standing(run, app.Ready(run, history.Of(events))))
	field("started", run.Created.Local().Format("2006-01-02 15:04:05 MST")+" by "+run.By)
	field("env", run.Env)
	field("script", fmt.Sprintf("sha256 %.32s…", of.Script))
	if of.Plan != "" {
		field("plan", fmt.Sprintf("sha256 %.32s…", of.Plan))
	}
	for i, line := range view.Params(params, run.Params) {
		field([]string{"params", ""}[min(i, 1)], line)
	}
	field("all", fmt.Sprintf("sha256 %.32s…", of.All))
	field("parent", run.Parent)
	field("successor", run.Successor)
	if app.Carried(run) {
		field("runner", run.Holder.String())
	}
	a.Result("\n")
	tree := &view.Tree{Style: s, Catalog: a.Catalog(), Verbose: true, Tails: true}
	for _, ev := range events {
		for _, line := range lines(tree, ev) {
			a.Result("%s\n", line)
		}
	}
	opens := history.Of(events).Open()
	for _, open := range opens {
		state := "has no outcome"
		if app.Carried(run) {
			state = "is under way"
		}
		what := open.Op + " " + view.Args(tree.Catalog, open.Op, open.Args)
		a.Result("%s %s at %s (effect %s) was begun at %s and %s\n", s.Yellow("?"), what, open.Where, open.Place,
			open.Began.Local().Format("15:04:05"), state)
	}
	return tree.Failed()
}

// declared returns the parameters that a run's recorded script declares, or
// nil if it cannot be read: a plugin's module may be missing here.
func (a commands) declared(ctx context.Context, db *journal.DB, run journal.Run) []effect.Field {
	main, files, err := app.RecordedScript(ctx, db, run)
	if err != nil {
		return nil
	}
	header, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: files, Catalog: a.Catalog()})
	if err != nil {
		return nil
	}
	return header.Params
}
