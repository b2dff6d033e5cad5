package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// statuses are what `list --status` takes.
func statuses() []string {
	return []string{string(effect.StatusRunning), string(effect.StatusWaiting), string(effect.StatusUnknown),
		string(effect.StatusInterrupted), string(effect.StatusRollingBack), string(effect.StatusSucceeded), string(effect.StatusFailed),
		string(effect.StatusRolledBack), string(effect.StatusRollbackFailed), string(effect.StatusCanceled)}
}

func (a *app) listCommand() *cobra.Command {
	var status, name string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List runs, newest first",
		Example: "  runbook list --status waiting\n  runbook list --name blue-green -n 0",
		Args:    exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			status = strings.ReplaceAll(status, " ", "_")
			if status != "" && !slices.Contains(statuses(), status) {
				return usagef("there is no status %q; %s", status, knownOr(status, statuses()))
			}
			if limit < 0 {
				return usagef("--limit %d: give a number of runs, or 0 for all", limit)
			}
			db, err := a.readDB(cmd.Context())
			if err != nil {
				return err
			}
			defer a.closeDB(db)
			runs, err := db.Runs(cmd.Context(), journal.Filter{Status: effect.Status(status), Name: name, Limit: limit})
			if err != nil {
				return err
			}
			a.list(db, runs, status != "" || name != "")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&status, "status", "", "only runs in this `STATUS`: "+strings.Join(statuses()[:4], ", ")+", …")
	f.StringVar(&name, "name", "", "only runs of the runbook `NAME`")
	f.IntVarP(&limit, "limit", "n", 30, "at most `N` runs; 0 for all")
	completeFlag(cmd, "status", statuses)
	return cmd
}

func (a *app) list(db *journal.DB, runs []journal.Run, filtered bool) {
	if a.flags.json {
		a.jsonHead("list")
		for _, r := range runs {
			a.jsonLine(lineOf(r))
		}
		return
	}
	switch {
	case len(runs) == 0 && filtered:
		a.note("no such runs in %s\n", db.Path())
		return
	case len(runs) == 0:
		a.note("no runs in %s; start one with: runbook run FILE.lua\n", db.Path())
		return
	}
	rows := [][]string{{"RUN", "STATUS", "STARTED", "TOOK", "NAME", "BY"}}
	for _, r := range runs {
		until := r.Updated
		if carried(r) {
			until = time.Now()
		}
		rows = append(rows, []string{shortID(r.ID), standing(r), r.Created.Local().Format("2006-01-02 15:04:05"),
			effect.FormatDuration(until.Sub(r.Created)), view.Clean(r.Name), view.Clean(r.By)})
	}
	view.Table(a.stdout, a.outStyle, rows)
}

// standing is a run's status as it is: one that no runner carries is not
// running, whatever was recorded last.
func standing(r journal.Run) string {
	text := strings.ReplaceAll(string(r.Status), "_", " ")
	if (r.Status == effect.StatusRunning || r.Status == effect.StatusRollingBack) && !carried(r) {
		return text + ", runner died"
	}
	return text
}

// carried reports whether a living runner holds the run.
func carried(r journal.Run) bool {
	return r.Holder != nil && !r.Holder.Gone(journal.Self(), time.Now())
}
