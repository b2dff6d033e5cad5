package look

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
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
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List runs, newest first",
		Long: "List runs, newest first: where each stands, and for whom and since when those wait that\n" +
			"ask people. \"active\" stands for every status of a run that has not ended, \"ended\" for\n" +
			"the others.",
		Example: "  runbook list --status active\n  runbook list --status failed,rollback_failed --since 7d\n" +
			"  runbook list --name blue-green -n 0",
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
			if limit > 0 {
				filter.Limit = limit + 1 // which says whether there are more
			}
			runs, err := db.Runs(cmd.Context(), filter)
			if err != nil {
				return err
			}
			if limit > 0 && len(runs) > limit {
				runs = runs[:limit]
				if !cmd.Flags().Changed("limit") {
					defer a.Note("these are the newest %d; -n 0 lists all\n", limit)
				}
			}
			a.list(cmd.Context(), db, runs, len(wanted) > 0 || name != "" || since != "")
			return nil
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&status, "status", nil, "only runs in this `STATUS`, or one of several: "+strings.Join(statuses()[:4], ", ")+", …; active, ended")
	f.StringVar(&since, "since", "", "only runs in which something has happened since `TIME`: 7d (ago), 2026-09-01, RFC 3339")
	f.StringVar(&name, "name", "", "only runs of the runbook `NAME`")
	f.IntVarP(&limit, "limit", "n", 30, "at most `N` runs; 0 for all")
	app.CompleteFlag(cmd, "status", func() []string { return append(statuses(), active, ended) })
	return cmd
}

const (
	wide     = 120 // columns, in which all of a line has room
	longName = 20  // of a runbook, where it has not
)

func (a commands) list(ctx context.Context, db *journal.DB, runs []journal.Run, filtered bool) {
	if a.Flags.JSON {
		a.JSONHead("list")
		for _, r := range runs {
			ready, waits := a.waits(ctx, db, r)
			line := runLineOf(r, ready)
			line.Waits = waits
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
		if app.Carried(r) {
			until = time.Now()
		}
		ready, waits := a.waits(ctx, db, r)
		some = some || len(waits) > 0
		row := []string{journal.Short(r.ID), app.Standing(r, ready), r.Created.Local().Format("2006-01-02 15:04:05"),
			effect.FormatDuration(until.Sub(r.Created)), view.Clean(r.Name), view.Clean(r.By)}
		if !narrow {
			rows = append(rows, append(row, inWords(waits)))
			continue
		}
		row[2], row[4] = r.Created.Local().Format("01-02 15:04"), view.Fit(row[4], longName)
		rows = append(rows, row)
		if len(waits) > 0 {
			rows = append(rows, []string{"waits for " + inWords(waits)})
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

// waitingLine is what a run waits for people to say.
type waitingLine struct {
	What  string       `json:"what" doc:"the question; or the effect whose outcome is unknown"`
	Place effect.Place `json:"place"`
	Of    []string     `json:"of,omitempty" doc:"who may answer; anyone if it is left out"`
	Since time.Time    `json:"since"`
	Until *time.Time   `json:"until,omitempty" doc:"when the question expires"`
}

// waits says what people have said since a run stopped for them, and what it
// waits for now; one that is carried may wait as well.
func (a commands) waits(ctx context.Context, db *journal.DB, r journal.Run) (ready string, list []waitingLine) {
	if r.Status.Terminal() || r.Status == effect.StatusInterrupted {
		return "", nil
	}
	events, err := db.Events(ctx, r.ID, 0)
	if err != nil { // `runbook show` says it
		return "", nil
	}
	h := history.Of(events)
	if !app.Carried(r) {
		ready = app.Ready(r, h)
	}
	questions, err := interpreter.Questions(h)
	if err != nil {
		return ready, nil
	}
	for i := range questions {
		q := &questions[i]
		if q.Answered(h) || !time.Now().Before(q.Deadline) {
			continue
		}
		list = append(list, waitingLine{q.Title, q.Place, q.By, q.Asked, &q.Deadline})
	}
	if r.Status == effect.StatusUnknown {
		for _, e := range h.Open() {
			list = append(list, waitingLine{What: e.Op + ": outcome unknown", Place: e.Place, Since: e.Began})
		}
	}
	return ready, list
}

// inWords is what a run waits for, in a column.
func inWords(list []waitingLine) string {
	parts := make([]string, 0, len(list))
	for _, w := range list {
		who := "anyone"
		if len(w.Of) > 0 {
			who = strings.Join(w.Of, ", ")
		}
		parts = append(parts, fmt.Sprintf("%s, since %s: %s", view.Line(who), w.Since.Local().Format("01-02 15:04"), view.Line(w.What)))
	}
	return strings.Join(parts, "; ")
}
