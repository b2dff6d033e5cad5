package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
	"github.com/q-ecosystem/runbook/interpreter/script"
)

func (a *app) showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show RUN",
		Short: "Show what happened in a run",
		Long: "Show what happened in a run: its parameters, its steps and effects with their places,\n" +
			"what it waits for, and how to go on.",
		Args: exactly("RUN"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.readRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			events, err := db.Events(cmd.Context(), run.ID, 0)
			if err != nil {
				return err
			}
			if a.flags.json {
				a.jsonHead("show")
				a.jsonLine(lineOf(run))
				for _, ev := range events {
					a.jsonEvent(run.ID, ev)
				}
				return nil
			}
			a.show(run, events, a.declared(cmd.Context(), db, run))
			return nil
		},
	}
	cmd.ValidArgsFunction = a.completeRun
	return cmd
}

func (a *app) show(run journal.Run, events []effect.Event, params []effect.Field) {
	s := a.outStyle
	field := func(name, value string) {
		if value != "" {
			a.result("%s %s\n", s.Dim(fmt.Sprintf("%-9s", name)), view.Clean(value))
		}
	}
	field("run", run.ID)
	field("runbook", run.Name+"  ("+run.Script+")")
	field("status", standing(run))
	field("started", run.Created.Local().Format("2006-01-02 15:04:05 MST")+" by "+run.By)
	field("env", run.Env)
	for i, line := range view.Params(params, run.Params) {
		field([]string{"params", ""}[min(i, 1)], line)
	}
	field("parent", run.Parent)
	field("successor", run.Successor)
	if carried(run) {
		field("runner", run.Holder.String())
	}
	a.result("\n")
	tree := &view.Tree{Style: s, Catalog: a.catalog(), Run: shortID(run.ID), Verbose: true}
	for _, ev := range events {
		for _, line := range lines(tree, ev) {
			a.result("%s\n", line)
		}
	}
	opens := replay.Opens(events)
	for _, open := range opens {
		state := "has no outcome"
		if carried(run) {
			state = "is under way"
		}
		what := open.Op + " " + view.Args(tree.Catalog, open.Op, open.Args)
		a.result("%s %s at %s (effect %s) was begun at %s and %s\n", s.Yellow("?"), what, open.Where, open.Place,
			open.Since.Local().Format("15:04:05"), state)
	}
	if !carried(run) {
		a.note("%s", spaced(a.nextFor(run, events, tree.Failed())))
	}
}

// declared returns the parameters that a run's recorded script declares, or
// nil if it cannot be read: a plugin's module may be missing here.
func (a *app) declared(ctx context.Context, db *journal.DB, run journal.Run) []effect.Field {
	main, files, err := recordedScript(ctx, db, run)
	if err != nil {
		return nil
	}
	header, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: files, Catalog: a.catalog()})
	if err != nil {
		return nil
	}
	return header.Params
}

// spaced sets text off from what stands above it; nothing stays nothing.
func spaced(text string) string {
	if text == "" {
		return ""
	}
	return "\n" + text + "\n"
}
