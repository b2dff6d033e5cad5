package look

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
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

// Words of --status that stand for several.
const (
	active = "active"
	ended  = "ended"
)

// statusesOf reads what --status was given.
func statusesOf(words []string) ([]effect.Status, error) {
	var list []effect.Status
	for _, word := range words {
		word = strings.ReplaceAll(strings.TrimSpace(word), " ", "_")
		if known := append(statuses(), active, ended); !slices.Contains(known, word) {
			return nil, app.Usagef("there is no status %q; %s", word, app.KnownOr(word, known))
		}
		for _, s := range statuses() {
			one := effect.Status(s)
			if s == word || word == active && !one.Terminal() || word == ended && one.Terminal() {
				list = append(list, one)
			}
		}
	}
	return list, nil
}

func (a commands) listCommand() *cobra.Command {
	var status []string
	var name, since string
	var limit int
	var find wanted
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, newest first",
		Long: "List runs, newest first: where each stands, and for whom and since when those wait that\n" +
			"ask people; until when those wait that sleep, for a window to open, say. \"active\" stands for every status of a run that has not ended, \"ended\" for\n" +
			"the others. --search looks for each of its words in a run's id, runbook, file, environment,\n" +
			"parameters, who started it, and what it waits for.",
		Example: "  runbook list --status active\n  runbook list --status failed,rollback_failed --since 7d\n" +
			"  runbook list --name blue-green -n 0\n  runbook list --search 'v1.2.0 prod'\n  runbook list --for ana",
		Args: app.Exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			wanted, err := statusesOf(status)
			if err != nil {
				return err
			}
			from, err := app.Moment("since", since, time.Now())
			if err != nil {
				return err
			}
			if limit < 0 {
				return app.Usagef("--limit %d: give a number of runs, or 0 for all", limit)
			}
			db, err := a.ReadDB(cmd.Context())
			if err != nil {
				return err
			}
			defer a.CloseDB(db)
			filter := journal.Filter{Statuses: wanted, Name: name, Since: from}
			if limit > 0 && !find.some() {
				filter.Limit = limit + 1 // which says whether there are more
			}
			all, err := db.Runs(cmd.Context(), filter)
			if err != nil {
				return err
			}
			var runs []listed
			for _, r := range all {
				one := a.listed(cmd.Context(), db, r)
				if find.wants(&one) {
					runs = append(runs, one)
				}
				if limit > 0 && len(runs) > limit {
					break
				}
			}
			if limit > 0 && len(runs) > limit {
				runs = runs[:limit]
				if !cmd.Flags().Changed("limit") {
					defer a.Note("these are the newest %d; -n 0 lists all\n", limit)
				}
			}
			a.list(db, runs, len(wanted) > 0 || name != "" || since != "" || find.some())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&status, "status", nil, "only runs in this `STATUS`, or one of several: "+strings.Join(statuses()[:4], ", ")+", …; active, ended")
	f.StringVar(&since, "since", "", "only runs in which something has happened since `TIME`: 7d (ago), 2026-09-01, RFC 3339")
	f.StringVar(&name, "name", "", "only runs of the runbook `NAME`")
	f.StringVar(&find.text, "search", "", "only runs in which each word of `TEXT` is found")
	f.StringVar(&find.person, "for", "", "only runs that wait for `NAME` to say something: a person, or a role")
	f.IntVarP(&limit, "limit", "n", 30, "at most `N` runs; 0 for all")
	app.CompleteFlag(cmd, "status", func() []string { return append(statuses(), active, ended) })
	return cmd
}

const (
	wide     = 120 // columns, in which all of a line has room
	longName = 20  // of a runbook, where it has not
)

func (a commands) list(db *journal.DB, runs []listed, filtered bool) {
	if a.Flags.JSON {
		a.JSONHead("list")
		for _, r := range runs {
			line := runLineOf(r.Run, r.ready)
			line.Waits, line.Sleeps = r.waits, r.sleeps
			a.JSONLine(line)
		}
		return
	}
	switch {
	case len(runs) == 0 && filtered:
		a.Note("no such runs in %s\n", db.Path())
		return
	case len(runs) == 0:
		a.Note("no runs in %s\n", db.Path())
		return
	}
	rows := [][]string{{"RUN", "STATUS", "STARTED", "TOOK", "NAME", "BY"}}
	some := false
	// On a narrow terminal what a run waits for stands below it: that is what people
	// look for, and would be cut first.
	narrow := a.OutStyle.Width > 0 && a.OutStyle.Width < wide
	for _, r := range runs {
		until := r.Updated
		if app.Carried(r.Run) {
			until = time.Now()
		}
		some = some || r.inWords() != ""
		row := []string{journal.Short(r.ID), app.Standing(r.Run, r.ready), r.Created.Local().Format("2006-01-02 15:04:05"),
			effect.FormatDuration(until.Sub(r.Created)), view.Clean(r.Name), view.Clean(r.By)}
		if !narrow {
			rows = append(rows, append(row, r.inWords()))
			continue
		}
		row[2], row[4] = r.Created.Local().Format("01-02 15:04"), view.Fit(row[4], longName)
		rows = append(rows, row)
		if what := r.inWords(); what != "" {
			if len(r.waits) > 0 {
				what = "for " + what
			}
			rows = append(rows, []string{"waits " + what})
		}
	}
	if narrow {
		view.Table(a.Stdout, a.OutStyle, rows)
		return
	}
	if some {
		rows[0] = append(rows[0], "WAITS FOR")
	} else {
		for i := range rows[1:] {
			rows[i+1] = rows[i+1][:6]
		}
	}
	view.Table(a.Stdout, a.OutStyle, rows)
}
