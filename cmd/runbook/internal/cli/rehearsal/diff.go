package rehearsal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

func (a commands) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff PLAN PLAN|RUN",
		Short: "Show what changed between two plans, or from a plan to the run",
		Long: "Show what changed between two plans that `runbook run --dry-run --out PLAN` wrote:\n" +
			"effects that were added or removed, that come out differently, and times. A run that\n" +
			"has ended may stand for a plan: then it is told what it did otherwise than planned,\n" +
			"times apart. Exit 0 if nothing differs, 1 if something does.",
		Example: "  runbook diff monday.plan today.plan\n  runbook diff today.plan latest",
		Args:    app.Exactly("PLAN", "PLAN|RUN"),
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
				list = rehearse.Deeds(list)
			}
			if a.Flags.JSON {
				a.JSONHead("diff")
				for i := range list {
					a.JSONLine(differenceLine{"difference", &list[i]})
				}
			} else {
				for _, line := range view.Differences(a.OutStyle, a.Catalog(), list) {
					a.Result("%s\n", line)
				}
			}
			if len(list) > 0 {
				return app.ExitWith(app.ExitFailed)
			}
			a.Note("no difference\n")
			return nil
		},
	}
}

// planOf reads a plan file, or tells the plan of a finished run where there is
// no such file. planned says that it is a file.
func (a commands) planOf(ctx context.Context, arg string) (p *simulate.Plan, planned bool, err error) {
	_, err = os.Stat(arg)
	if err == nil || !errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(arg, "/.") {
		p, err = ReadPlan(arg)
		return p, true, err
	}
	db, run, err := a.ReadRun(ctx, arg)
	if err != nil {
		return nil, false, app.Usagef("there is no plan file %s, and no run: %w", arg, err)
	}
	defer a.CloseDB(db)
	engine, err := a.Reader(ctx, db, run, nil)
	if err != nil {
		return nil, false, err
	}
	recorded, err := engine.Recorded(ctx, run.ID)
	if err != nil {
		return nil, false, err
	}
	past, err := rehearse.NewPast(recorded)
	if err != nil {
		return nil, false, err
	}
	if p, err = past.Plan(); err != nil {
		return nil, false, err
	}
	p.Sources = rehearse.SourceHashes(past.Main, past.Loader)
	return p, false, nil
}
