package look

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

func (a commands) logCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "log RUN",
		Short: "Print a run's events, and follow it with -f",
		Long: "Print a run's events as they were recorded. With -f it goes on until the run ends,\n" +
			"or Ctrl-C; the run itself is not touched by that.",
		Example: "  runbook log -f latest\n  runbook log latest --json | jq 'select(.kind == \"effect.failed\")'",
		Args:    app.Exactly("RUN"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.ReadRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			if a.Flags.JSON {
				a.JSONHead("log")
			}
			tree := &view.Tree{Style: a.OutStyle, Catalog: a.Catalog(), Tails: true}
			if follow {
				tree.Answer = a.AnswersFor(cmd.Context(), db, run, nil)
			}
			ctx, release := a.UntilInterrupted(cmd.Context())
			defer release()
			return a.follow(ctx, db, run, follow, func(ev effect.Event) {
				if a.Flags.JSON {
					a.JSONEvent(run.ID, ev)
					return
				}
				for _, line := range lines(tree, ev) {
					a.Result("%s\n", line)
				}
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the run ends")
	cmd.ValidArgsFunction = a.CompleteRun
	return cmd
}

// lines prints an event of the record, changes of status too.
func lines(tree *view.Tree, ev effect.Event) []string {
	out := tree.Lines(ev)
	if ev.Kind == effect.StatusChanged {
		out = append(out, tree.Status(ev)...)
	}
	return out
}

// follow hands over a run's events, the new ones too until it ends.
func (a commands) follow(ctx context.Context, db *journal.DB, run journal.Run, on bool, each func(effect.Event)) error {
	const look = 200 * time.Millisecond
	var seen int64
	for {
		mark, err := db.Changed(ctx)
		if err != nil {
			return endOf(ctx, err)
		}
		events, err := db.Events(ctx, run.ID, seen)
		if err != nil {
			return endOf(ctx, err)
		}
		for _, ev := range events {
			each(ev)
			seen = ev.Seq
		}
		if now, err := db.Find(ctx, run.ID); err != nil {
			return endOf(ctx, err)
		} else if !on || now.Status.Terminal() && now.Seq <= seen {
			return nil
		}
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(look):
			}
			now, err := db.Changed(ctx)
			if err != nil {
				return endOf(ctx, err)
			}
			if now != mark {
				break
			}
		}
	}
}

// endOf makes the end of following no error.
func endOf(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
