package rehearsal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/interpreter/window"
	"github.com/q-ecosystem/runbook/plugins/host"
)

// PlanFlags are the flags of run that have to do with plans.
type PlanFlags struct {
	DryRun   bool
	scenario string
	out      string
	Plan     string
	anyway   bool
}

// Add declares them.
func (p *PlanFlags) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.DryRun, "dry-run", false, "read real systems, change nothing, and print the plan")
	f.StringVar(&p.scenario, "scenario", "", "with --dry-run: what the systems do not tell, from a `FILE` in Lua")
	f.StringVar(&p.out, "out", "", "with --dry-run: write the plan to a `FILE`")
	f.StringVar(&p.Plan, "plan", "", "hold the run to the plan in a `FILE`: ask before anything that it does not show")
	f.BoolVar(&p.anyway, "plan-anyway", false, "go on with a plan of another script, other parameters or another environment")
}

// Check refuses flags that do not go together.
func (p *PlanFlags) Check() error {
	switch {
	case p.DryRun && p.Plan != "":
		return app.Usagef("--dry-run makes a plan, --plan follows one: give one of them")
	case !p.DryRun && (p.out != "" || p.scenario != ""):
		return app.Usagef("--out and --scenario go with --dry-run\nto rehearse without real systems, use simulate FILE.lua --scenario S.lua")
	case p.Plan == "" && p.anyway:
		return app.Usagef("--plan-anyway goes with --plan")
	}
	return nil
}

// DryRun rehearses a run in a world that is first read from the real systems,
// and prints the plan.
func DryRun(ctx context.Context, on *app.App, path string, p PlanFlags, paramsFile string, params []string) error {
	a := commands{on}
	world := worldFlags{file: paramsFile, pairs: params, scenario: p.scenario}
	ctx, release := a.UntilInterrupted(ctx)
	defer release()
	if a.Flags.JSON {
		a.JSONHead("run")
	}
	live, err := a.openLive(ctx, path)
	if err != nil {
		return err
	}
	defer live.host.Close()
	r, err := a.rehearsal(ctx, path, world, live)
	if err != nil {
		return err
	}
	res, err := r.Run(ctx, nil)
	if err != nil {
		return err
	}
	plan, err := r.Plan(res)
	if err != nil {
		return err
	}
	if p.out != "" {
		text, err := plan.Encode()
		if err != nil {
			return err
		}
		if err := os.WriteFile(p.out, text, 0o600); err != nil {
			return fmt.Errorf("write the plan: %w", err)
		}
	}
	code := codeOf(res.Ending, plan)
	if a.Flags.JSON {
		a.jsonPlan(plan, code)
	} else {
		a.showRehearsal(r, res, plan)
	}
	a.Note("dry run: nothing was changed\n")
	if p.out != "" {
		world.scenario = "" // it is no part of the real run
		a.Advise(view.Advice{}.With("hold the run to this plan with:", a.Starting(path, append(world.told(), "--plan", app.Absolute(p.out))...)))
	}
	if code != app.ExitOK {
		return app.ExitWith(code)
	}
	return nil
}

// live is what a dry run has of the real world.
type live struct {
	host     *host.Host
	env      string
	catalog  *effect.Catalog
	backends map[string]string // by module, and by op where a module has several
	people   effect.People
	calendar interpreter.Calendars
}

// openLive starts the plugins of the modules that a script requires, as far as
// the environment names any.
func (a commands) openLive(ctx context.Context, path string) (*live, error) {
	main, loader, err := app.ReadScript(path)
	if err != nil {
		return nil, err
	}
	on, err := a.Here()
	if err != nil {
		return nil, err
	}
	env := on.Env
	configured := env.Modules()
	modules := slices.DeleteFunc(check.Requires(main, loader), func(m string) bool { return !slices.Contains(configured, m) })
	l := &live{env: env.Name, people: env.People(), calendar: func(name string) (window.Calendar, error) { return app.CalendarNamed(env, name) },
		backends: map[string]string{}}
	var specs []host.Spec
	if l.host, specs, err = a.NewHost(ctx, on, append([]string{}, modules...), func(line string) { a.Note("%s\n", line) }); err != nil {
		return nil, err
	}
	for _, spec := range specs {
		l.backends[spec.Module] = strings.TrimPrefix(l.backends[spec.Module]+", "+spec.Name, ", ")
		for _, op := range spec.Ops {
			l.backends[spec.Module+"."+op] = spec.Name
		}
	}
	if err = l.host.Open(ctx); err == nil {
		l.catalog, err = effect.NewCatalog(append(append(a.Modules(), l.host.Modules()...), effect.Control())...)
	}
	if err != nil {
		l.host.Close()
		return nil, err
	}
	return l, nil
}

// ReadPlan reads a plan file.
func ReadPlan(path string) (*simulate.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, app.Usage(err)
	}
	p, err := simulate.DecodePlan(text)
	if err != nil {
		return nil, app.Usagef("%s: %w", path, err)
	}
	return p, nil
}

// Fits reports whether a plan is one of the run that is about to start, whose
// parameters are known now. One of something else is refused, unless anyway says to go on: the
// run asks before every write that it does not show.
func (p *PlanFlags) Fits(a *app.App, plan *simulate.Plan, main script.Source, loader script.Loader, params map[string]any, env string) error {
	differ, err := rehearse.Mismatches(plan, main, loader, params, env)
	if err != nil {
		return err
	}
	if len(differ) == 0 {
		return nil
	}
	text := fmt.Sprintf("the plan %s was made for something else:", p.Plan)
	for _, d := range differ {
		text += "\n  " + view.Clean(d)
	}
	if !p.anyway {
		return app.Usagef("%s\nmake a new one with --dry-run --out %s, or go on with --plan-anyway", text, app.Quoted(p.Plan))
	}
	a.Note("%s %s\n", a.Style.Yellow("warning:"), text)
	return nil
}
