package rehearsal

import (
	"context"
	"fmt"
	"os"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
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
	return foretold(a.foresee(ctx, path, worldFlags{file: paramsFile, pairs: params}))
}

// Ahead is where a fork is about to start.
type Ahead struct {
	Engine    *interpreter.Engine
	Catalog   *effect.Catalog
	World     effect.Handler
	Env       string
	People    effect.People
	Calendars interpreter.Calendars
}

// ForeseeFork is Foresee for a run that is about to go on as a new one, from a past
// as Engine.PastOf returns it.
func ForeseeFork(ctx context.Context, a Ahead, run string, past []effect.Event) (plan *simulate.Plan, why string) {
	recorded, err := a.Engine.Recorded(ctx, run)
	if err != nil {
		return foretold(nil, simulate.Ending{}, err)
	}
	for name, value := range recorded.Params {
		if _, secret := value.(effect.SecretDigest); secret {
			return nil, "the parameter " + view.Line(name) + " is secret, and the record does not hold it"
		}
	}
	r, err := rehearse.New(ctx, rehearse.Options{Main: recorded.Main, Loader: recorded.Loader, Catalog: a.Catalog, People: a.People, Calendars: a.Calendars, Past: past,
		Params: func(script.Header, *rehearse.Scenario) (map[string]any, error) { return recorded.Params, nil },
		Live:   &rehearse.Live{Handler: a.World, Env: a.Env, Now: past[0].At, Getenv: app.Getenv}})
	if err != nil {
		return foretold(nil, simulate.Ending{}, err)
	}
	return foretold(carried(ctx, r))
}

// foretold says why a dry run does not tell what a run will do, or returns its plan.
func foretold(plan *simulate.Plan, end simulate.Ending, err error) (*simulate.Plan, string) {
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
	return carried(ctx, r.Rehearsal)
}

// carried makes a dry run.
func carried(ctx context.Context, r *rehearse.Rehearsal) (*simulate.Plan, simulate.Ending, error) {
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
