package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/replay"
)

func (a *app) listCommand() *cobra.Command {
	var status, name string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, newest first",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			db, err := a.readDB(cmd.Context())
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			runs, err := db.Runs(cmd.Context(), journal.Filter{Status: effect.Status(status), Name: name, Limit: limit})
			if err != nil {
				return err
			}
			if a.flags.json {
				a.jsonHead("list")
				for _, r := range runs {
					a.jsonLine(lineOf(r))
				}
				return nil
			}
			if len(runs) == 0 {
				a.note("no runs in %s; start one with: runbook run FILE.lua\n", db.Path())
				return nil
			}
			rows := [][]string{{"RUN", "STATUS", "STARTED", "TOOK", "NAME", "BY"}}
			for _, r := range runs {
				rows = append(rows, []string{shortID(r.ID), a.standing(r), r.Created.Local().Format("2006-01-02 15:04:05"),
					effect.FormatDuration(r.Updated.Sub(r.Created)), view.Clean(r.Name), view.Clean(r.By)})
			}
			view.Table(a.stdout, a.outStyle, rows)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&status, "status", "", "only runs in this `STATUS`: running, waiting, unknown, interrupted, succeeded, failed, …")
	f.StringVar(&name, "name", "", "only runs of the runbook `NAME`")
	f.IntVarP(&limit, "limit", "n", 30, "at most `N` runs; 0 for all")
	return cmd
}

// standing is a run's status as it is: one that no runner carries is not
// running, whatever was recorded last.
func (a *app) standing(r journal.Run) string {
	text := strings.ReplaceAll(string(r.Status), "_", " ")
	carried := r.Status == effect.StatusRunning || r.Status == effect.StatusRollingBack
	if carried && (r.Holder == nil || r.Holder.Gone(journal.Self(), time.Now())) {
		return text + ", runner died"
	}
	return text
}

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show RUN",
		Short: "Show what happened in a run",
		Args:  args(cobra.ExactArgs(1)),
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
			return a.show(run, events)
		},
	}
}

func (a *app) show(run journal.Run, events []effect.Event) error {
	s := a.outStyle
	field := func(name, value string) {
		if value != "" {
			a.result("%s %s\n", s.Dim(fmt.Sprintf("%-9s", name)), view.Clean(value))
		}
	}
	field("run", run.ID)
	field("runbook", run.Name+"  ("+run.Script+")")
	field("status", a.standing(run))
	field("started", run.Created.Local().Format("2006-01-02 15:04:05 MST")+" by "+run.By)
	field("env", run.Env)
	field("params", view.Plain(run.Params))
	field("parent", run.Parent)
	field("successor", run.Successor)
	if run.Holder != nil {
		field("runner", run.Holder.String())
	}
	a.result("\n")
	tree := view.Tree{Style: s, Catalog: a.catalog(), Run: shortID(run.ID), Verbose: true}
	for _, ev := range events {
		for _, line := range tree.Lines(ev) {
			a.result("%s\n", line)
		}
		if ev.Kind == effect.StatusChanged {
			a.result("%s\n", tree.Status(ev))
		}
	}
	for _, open := range replay.Opens(events) {
		a.result("%s %s at %s (effect %s) was begun at %s and has no outcome\n", s.Yellow("?"), open.Op, open.Where, open.Place,
			open.Since.Local().Format("15:04:05"))
	}
	out := interpreter.Outcome{Run: run.ID, Status: run.Status}
	if how := next(out); how != "" && run.Status != effect.StatusRolledBack {
		held := run.Holder != nil && !run.Holder.Gone(journal.Self(), time.Now())
		if !held {
			a.note("\n%s\n", how)
		}
	}
	return nil
}

func (a *app) logCommand() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use:   "log RUN",
		Short: "Print a run's events, and follow it with -f",
		Args:  args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, argv []string) error {
			db, run, err := a.readRun(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			if a.flags.json {
				a.jsonHead("log")
			}
			tree := &view.Tree{Style: a.outStyle, Catalog: a.catalog(), Run: shortID(run.ID)}
			ctx, release := a.untilInterrupted(cmd.Context())
			defer release()
			return a.follow(ctx, db, run, follow, func(ev effect.Event) {
				if a.flags.json {
					a.jsonEvent(run.ID, ev)
					return
				}
				for _, line := range tree.Lines(ev) {
					a.result("%s\n", line)
				}
				if ev.Kind == effect.StatusChanged {
					a.result("%s\n", tree.Status(ev))
				}
			})
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the run ends")
	return cmd
}

// follow hands over a run's events, the new ones too until it ends.
func (a *app) follow(ctx context.Context, db *journal.DB, run journal.Run, on bool, each func(effect.Event)) error {
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
		ended := false
		for _, ev := range events {
			each(ev)
			seen = ev.Seq
			ended = ev.Kind == effect.StatusChanged && ev.Body.Status.Terminal()
		}
		if !on || ended {
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
