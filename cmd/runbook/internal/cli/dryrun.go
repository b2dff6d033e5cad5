package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/plugins/host"
	"github.com/q-ecosystem/runbook/stdlib"
)

// planFlags are the flags of run that have to do with plans.
type planFlags struct {
	dryRun   bool
	scenario string
	out      string
	plan     string
	anyway   bool
}

func (p *planFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&p.dryRun, "dry-run", false, "read real systems, change nothing, and print the plan")
	f.StringVar(&p.scenario, "scenario", "", "with --dry-run: what the systems do not tell, from a `FILE` in Lua")
	f.StringVar(&p.out, "out", "", "with --dry-run: write the plan to a `FILE`")
	f.StringVar(&p.plan, "plan", "", "hold the run to the plan in a `FILE`: ask before anything that it does not show")
	f.BoolVar(&p.anyway, "plan-anyway", false, "go on with a plan of another script, other parameters or another environment")
}

// check refuses flags that do not go together.
func (p *planFlags) check() error {
	switch {
	case p.dryRun && p.plan != "":
		return usagef("--dry-run makes a plan, --plan follows one: give one of them")
	case !p.dryRun && (p.out != "" || p.scenario != ""):
		return usagef("--out and --scenario go with --dry-run\nto rehearse without real systems: runbook simulate FILE.lua --scenario S.lua")
	case p.plan == "" && p.anyway:
		return usagef("--plan-anyway goes with --plan")
	}
	return nil
}

// dryRun rehearses a run in a world that is first read from the real systems,
// and prints the plan.
func (a *app) dryRun(ctx context.Context, path string, p planFlags, world worldFlags) error {
	ctx, release := a.untilInterrupted(ctx)
	defer release()
	if a.flags.json {
		a.jsonHead("run")
	}
	world.scenario = p.scenario
	live, err := a.openLive(ctx, path)
	if err != nil {
		return err
	}
	defer live.host.Close()
	r, err := a.rehearsal(ctx, path, world, live.catalog)
	if err != nil {
		return err
	}
	r.env, r.backends = live.env, live.backends
	if r.setup.Start.Equal(interpreter.ScenarioStart()) { // nobody said when
		r.setup.Start = time.Now().UTC().Truncate(time.Second)
	}
	r.runner.Getenv = func(name string) (string, bool) {
		if v, ok := r.scenario.Getenv(name); ok {
			return v, true
		}
		return os.LookupEnv(name)
	}
	guard := simulate.NewReadOnly(r.catalog, live.host)
	r.setup.Preview = guard
	r.setup.Live = effect.HandlerFunc(func(ctx context.Context, call effect.Call) (effect.Result, error) {
		if r.backends[call.Op.Module] == "" {
			return effect.Result{}, simulate.ErrNotLive
		}
		return guard.Do(ctx, call)
	})
	w, end, broken, err := r.carry(ctx, nil)
	if err != nil {
		return err
	}
	plan, err := r.plan(w, end, broken)
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
	code := codeOfEnding(end)
	if a.flags.json {
		a.jsonPlan(plan, code)
	} else {
		a.showRehearsal(r, w, end, plan)
	}
	a.note("dry run: nothing was changed\n")
	if p.out != "" {
		world.scenario = "" // it is no part of the real run
		given := flagged("env", a.flags.env) + flagged("config", a.flags.config) + flagged("db", a.flags.db)
		a.note("hold the run to this plan with: runbook run %s --plan %s%s\n", world.told(path), quoted(p.out), given)
	}
	if code != exitOK {
		return exitError{code}
	}
	return nil
}

// live is what a dry run has of the real world.
type live struct {
	host     *host.Host
	env      string
	catalog  *effect.Catalog
	backends map[string]string // by module
}

// openLive starts the plugins of the modules that a script requires, as far as
// the environment names any.
func (a *app) openLive(ctx context.Context, path string) (*live, error) {
	main, loader, err := readScript(path)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Open(a.flags.config, ".")
	if err != nil {
		return nil, err
	}
	env, err := cfg.Environment(a.flags.env)
	if err != nil {
		return nil, err
	}
	configured := env.Modules()
	modules := slices.DeleteFunc(script.Requires(main, loader), func(m string) bool { return !slices.Contains(configured, m) })
	l := &live{env: env.Name, backends: map[string]string{}}
	for _, m := range modules {
		if l.backends[m], err = env.Backend(m); err != nil {
			return nil, err
		}
	}
	if l.host, err = a.newHost(ctx, cfg, env, append([]string{}, modules...), func(line string) { a.note("%s\n", line) }); err != nil {
		return nil, err
	}
	if err = l.host.Open(ctx); err == nil {
		l.catalog, err = effect.NewCatalog(append(append(stdlib.Modules(), l.host.Modules()...), effect.Control())...)
	}
	if err != nil {
		l.host.Close()
		return nil, err
	}
	return l, nil
}

// readPlan reads a plan file.
func readPlan(path string) (*simulate.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	p, err := simulate.DecodePlan(text)
	if err != nil {
		return nil, usagef("%s: %w", path, err)
	}
	return p, nil
}

// fits reports whether a plan is one of the run that is about to start, whose
// parameters are known now. One of something else is refused, unless anyway says to go on: the
// run asks before every write that it does not show.
func (a *app) fits(p planFlags, plan *simulate.Plan, main script.Source, loader script.Loader, params map[string]any, env string) error {
	raw, err := simulate.EncodeSealed(params)
	if err != nil {
		return fmt.Errorf("record the parameters: %w", err)
	}
	now := &simulate.Plan{Runbook: plan.Runbook, Sources: sourceHashes(main, loader), Params: json.RawMessage(raw), Env: env,
		Status: plan.Status, Took: plan.Took, RollbackAt: plan.RollbackAt}
	var differ []string
	bare := *plan
	bare.Effects = nil
	for _, d := range simulate.ComparePlans(&bare, now) {
		differ = append(differ, d.Text)
	}
	if len(differ) == 0 {
		return nil
	}
	text := fmt.Sprintf("the plan %s was made for something else:", p.plan)
	for _, d := range differ {
		text += "\n  " + view.Clean(d)
	}
	if !p.anyway {
		return usagef("%s\nmake a new one with --dry-run --out %s, or go on with --plan-anyway", text, quoted(p.plan))
	}
	a.note("%s %s\n", a.style.Yellow("warning:"), text)
	return nil
}
