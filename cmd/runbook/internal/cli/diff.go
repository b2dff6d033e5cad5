package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func (a *app) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff PLAN PLAN|RUN",
		Short: "Show what changed between two plans, or from a plan to the run",
		Long: "Show what changed between two plans that `runbook run --dry-run --out PLAN` wrote:\n" +
			"effects that were added or removed, that come out differently, and times. A run that\n" +
			"has ended may stand for a plan: then it is told what it did otherwise than planned,\n" +
			"times apart. Exit 0 if nothing differs, 1 if something does.",
		Example: "  runbook diff monday.plan today.plan\n  runbook diff today.plan latest",
		Args:    exactly("PLAN", "PLAN|RUN"),
		RunE: func(cmd *cobra.Command, argv []string) error {
			before, planned, err := a.planOf(cmd.Context(), argv[0])
			if err != nil {
				return err
			}
			after, alsoPlanned, err := a.planOf(cmd.Context(), argv[1])
			if err != nil {
				return err
			}
			list := simulate.ComparePlans(before, after)
			if !planned || !alsoPlanned {
				list = deeds(list)
			}
			if a.flags.json {
				a.jsonHead("diff")
				for i := range list {
					a.jsonLine(differenceLine{"difference", &list[i]})
				}
			} else {
				for _, line := range view.Differences(a.outStyle, a.catalog(), list) {
					a.result("%s\n", line)
				}
			}
			if len(list) > 0 {
				return exitError{exitFailed}
			}
			a.note("no difference\n")
			return nil
		},
	}
}

// differenceLine is a difference as --json prints it.
type differenceLine struct {
	Type string `json:"type"`
	*simulate.Difference
}

// planOf reads a plan file, or tells the plan of a finished run where there is
// no such file. planned says that it is a file.
func (a *app) planOf(ctx context.Context, arg string) (p *simulate.Plan, planned bool, err error) {
	_, err = os.Stat(arg)
	if err == nil || !errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(arg, "/.") {
		p, err = readPlan(arg)
		return p, true, err
	}
	db, run, err := a.readRun(ctx, arg)
	if err != nil {
		return nil, false, usagef("there is no plan file %s, and no run: %w", arg, err)
	}
	defer a.closeDB(db)
	engine, err := a.reader(ctx, db, run, nil)
	if err != nil {
		return nil, false, err
	}
	past, err := engine.Past(ctx, run.ID)
	if err != nil {
		return nil, false, err
	}
	if p, err = past.Plan(); err != nil {
		return nil, false, err
	}
	p.Sources = sourceHashes(past.Main, past.Loader)
	return p, false, nil
}

// deeds leaves out of the differences what a record cannot have in common with
// a plan: times, and what an answer rests on.
func deeds(list []simulate.Difference) []simulate.Difference {
	return slices.DeleteFunc(list, func(d simulate.Difference) bool {
		switch d.Kind {
		case simulate.DiffHead:
			return strings.HasPrefix(d.Text, "takes:") || strings.HasPrefix(d.Text, "rolls back: after") && !strings.HasSuffix(d.Text, "nothing")
		case simulate.DiffChanged:
			return (d.Was.Error == nil) == (d.Is.Error == nil)
		case simulate.DiffShifted:
			return true
		}
		return false
	})
}
