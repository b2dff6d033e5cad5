package rehearsal

import (
	"context"
	"fmt"
	"os"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Foresee makes the dry run of a run that is about to start and has no plan, and
// prints nothing: what it would do, and how long that takes. why says why that
// cannot be told, "" if it can.
func Foresee(ctx context.Context, on *app.App, path, paramsFile string, params []string) (plan *simulate.Plan, why string) {
	if paramsFile != "" {
		if info, err := os.Stat(paramsFile); err != nil || !info.Mode().IsRegular() {
			return nil, "the parameters in " + paramsFile + " can be read only once"
		}
	}
	a := commands{on}
	plan, end, err := a.foresee(ctx, path, worldFlags{file: paramsFile, pairs: params})
	switch {
	case err != nil:
		return nil, "the dry run could not be made: " + firstLine(err)
	case codeOf(end, plan) != app.ExitOK && end.Err != nil:
		return nil, fmt.Sprintf("in the dry run it is %s, not %s: %s", end.Status, effect.StatusSucceeded, firstLine(end.Err))
	case codeOf(end, plan) != app.ExitOK:
		return nil, fmt.Sprintf("the dry run does not come to a good end (it is %s)", end.Status)
	}
	return plan, ""
}

func (a commands) foresee(ctx context.Context, path string, world worldFlags) (*simulate.Plan, simulate.Ending, error) {
	live, err := a.openLive(ctx, path)
	if err != nil {
		return nil, simulate.Ending{}, err
	}
	defer live.host.Close()
	r, err := a.rehearsal(ctx, path, world, live)
	if err != nil {
		return nil, simulate.Ending{}, err
	}
	res, err := r.Run(ctx, nil)
	if err != nil {
		return nil, simulate.Ending{}, err
	}
	plan, err := r.Plan(res)
	return plan, res.Ending, err
}

// Again is the command that makes the same dry run and shows it.
func Again(on *app.App, path, paramsFile string, params []string) string {
	return on.Starting(path, append(worldFlags{file: paramsFile, pairs: params}.told(), "--dry-run")...)
}

func firstLine(err error) string {
	return view.Line(err.Error())
}
