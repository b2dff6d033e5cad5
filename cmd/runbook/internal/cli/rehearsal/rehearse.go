package rehearsal

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/interpreter/window"
)

// worldFlags say in which world a script is rehearsed, and with which
// parameters.
type worldFlags struct {
	scenario string
	file     string
	pairs    []string
	// beside says that these are the flags of another run: of its parameters those
	// count that the header declares, and own come on top.
	beside bool
	own    []string
}

func (w *worldFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.scenario, "scenario", "s", "", "the world that the runbook meets: a `FILE` in Lua")
	f.StringArrayVarP(&w.pairs, "param", "p", nil, "a parameter as `NAME=VALUE`; secrets as NAME=env:VAR or NAME=file:PATH")
	f.StringVar(&w.file, "params", "", "parameters from a YAML `FILE`; - is standard input")
}

// rehearsal is a script beside the world in which it is rehearsed, and what the
// commands say of it.
type rehearsal struct {
	*rehearse.Rehearsal
	path    string
	catalog *effect.Catalog
	foreign bool // it has modules that plugins bring
}

// rehearsal reads a script, its parameters and its scenario. With live it is a
// dry run; without, its modules are the standard ones and those of the plugins
// that the environment names.
func (a commands) rehearsal(ctx context.Context, path string, w worldFlags, on *live) (*rehearsal, error) {
	main, loader, err := app.ReadScript(path)
	if err != nil {
		return nil, err
	}
	r := &rehearsal{path: path}
	o := rehearse.Options{Main: main, Loader: loader, Params: func(h script.Header, s *rehearse.Scenario) (map[string]any, error) {
		return a.rehearsedParams(h, path, w, s)
	}}
	if on != nil {
		r.catalog, o.People, o.Calendars, o.Live = on.catalog, on.people, on.calendar, &rehearse.Live{Handler: on.host, Backends: on.backends, Env: on.env,
			Now: time.Now().UTC().Truncate(time.Second), Getenv: app.Getenv}
	} else {
		here, err := a.Here()
		if err != nil {
			return nil, err
		}
		extra, err := a.ForeignModules(ctx, here, check.Requires(main, loader))
		if err != nil {
			return nil, err
		}
		r.catalog, r.foreign, o.People = a.Catalog(extra...), len(extra) > 0, here.Env.People()
		o.Calendars = func(name string) (window.Calendar, error) { return app.CalendarNamed(here.Env, name) }
	}
	o.Catalog = r.catalog
	if w.scenario != "" {
		src, beside, err := app.ReadScript(w.scenario)
		if err != nil {
			return nil, err
		}
		if o.Scenario, err = rehearse.LoadScenario(ctx, src, beside, r.catalog); err != nil {
			return nil, err
		}
	}
	r.Rehearsal, err = rehearse.New(ctx, o)
	return r, err
}

// rehearsedParams reads the parameters: those of the scenario, overridden by
// the file's, overridden by the command line's. Secrets have the scenario's
// test values: the real ones are not needed, and not looked for.
func (a commands) rehearsedParams(h script.Header, path string, w worldFlags, s *rehearse.Scenario) (map[string]any, error) {
	given := map[string]any{}
	maps.Copy(given, s.Params)
	if w.file != "" {
		file, err := config.LoadParams(w.file)
		if err != nil {
			return nil, app.Usage(err)
		}
		maps.Copy(given, file)
	}
	if w.beside {
		maps.DeleteFunc(given, func(name string, _ any) bool { return !declares(h, name) })
		w.pairs = w.pairsFor(h)
	}
	values, err := config.ParseParamsWith(h.Params, given, w.pairs, func(ref string) (effect.Secret, error) {
		value, made := s.Secrets[ref]
		name, err := config.SecretName(ref) // as a run is given it, which may be held to a plan
		switch {
		case made && err != nil: // no reference, and a word of the scenario
			return effect.NewSecret(ref, value), nil
		case err != nil:
			return effect.Secret{}, err
		case made:
			return effect.NewSecret(name, value), nil
		}
		return s.Secret(name), nil
	})
	if err != nil {
		return nil, a.WrongParams(err, path)
	}
	return values, nil
}

// pairsFor returns the pairs that count for a run of a script with that header,
// which stands beside the one that the flags are of.
func (w worldFlags) pairsFor(h script.Header) []string {
	nameOf := func(pair string) string { name, _, _ := strings.Cut(pair, "="); return name }
	own := map[string]bool{}
	for _, pair := range w.own {
		own[nameOf(pair)] = true
	}
	var pairs []string
	for _, pair := range w.pairs {
		if name := nameOf(pair); declares(h, name) && !own[name] {
			pairs = append(pairs, pair)
		}
	}
	return append(pairs, w.own...)
}

func declares(h script.Header, param string) bool {
	return slices.ContainsFunc(h.Params, func(f effect.Field) bool { return f.Name == param })
}

// schedule returns the faults that strike: those that the command line names,
// or those of the scenario.
func (r *rehearsal) schedule(ctx context.Context, id string) (simulate.Schedule, error) {
	if id != "" {
		s, err := simulate.ParseSchedule(id, r.catalog)
		if err != nil {
			return nil, app.Usage(err)
		}
		return s, nil
	}
	return r.Schedule(ctx)
}

// missed refuses a schedule of which a fault has struck nothing: what the run
// came to would not be what was asked for.
func missed(s simulate.Schedule, missed []simulate.Miss) error {
	if len(missed) == 0 {
		return nil
	}
	return app.Usagef("schedule %s: %s", s, missed[0].Why)
}

// showRehearsal prints a rehearsed run and what it comes to, on standard output.
func (a commands) showRehearsal(r *rehearsal, res *rehearse.Result, p *simulate.Plan) {
	tree := &view.Tree{Style: a.OutStyle, Catalog: r.catalog}
	for _, line := range view.Timeline(tree, res.Ending.Events, res.World.Entries()) {
		a.Result("%s\n", line)
	}
	a.Result("\n")
	for _, line := range view.PlanSummary(a.OutStyle, p) {
		a.Result("%s\n", line)
	}
	a.explainEnding(r, res.Ending)
}

// explainEnding says, beside the result, why a rehearsed run did not succeed.
func (a commands) explainEnding(r *rehearsal, end simulate.Ending) {
	var scriptErr *script.Error
	switch {
	case errors.As(end.Err, &scriptErr):
		a.Note("%s\n", view.ScriptError(a.Style, r.catalog, scriptErr))
	case end.Err != nil:
		a.Note("%s %s\n", a.Style.Yellow("stopped:"), app.Indented(view.Clean(end.Err.Error())))
	}
	a.NoteFailedRollbacks(end.Rollbacks)
}

// jsonPlan prints a plan as a stream: an effect a line, then the rest.
func (a commands) jsonPlan(p *simulate.Plan, exit int) {
	for i := range p.Effects {
		a.JSONLine(effectLine{"effect", &p.Effects[i]})
	}
	rest := *p
	rest.Effects = nil
	a.JSONLine(planLine{"plan", &rest, len(p.Effects), exit})
}

// codeOf maps what became of a rehearsed run to the exit code that the run
// itself would have, unless it broke an invariant: nobody is to take that for a
// success, however the run ended.
func codeOf(end simulate.Ending, p *simulate.Plan) int {
	if len(p.Broken) > 0 {
		return app.ExitFailed
	}
	return app.CodeOfOutcome(interpreter.Outcome{Status: end.Status, Err: end.Err})
}

// told returns the words of a command line that rehearses the same again, from
// any folder.
func (w worldFlags) told() []string {
	var words []string
	if w.scenario != "" {
		words = append(words, "--scenario", app.Absolute(w.scenario))
	}
	if w.file != "" {
		words = append(words, "--params", app.Absolute(w.file))
	}
	words = append(words, toldPairs("--param", w.pairs)...)
	return words
}

// toldPairs returns parameters as a command line gives them, from any folder.
func toldPairs(flag string, pairs []string) []string {
	var words []string
	for _, pair := range pairs {
		if name, path, ok := strings.Cut(pair, "=file:"); ok && !strings.Contains(name, "=") { // of a secret
			pair = name + "=file:" + app.Absolute(path)
		}
		words = append(words, flag, pair)
	}
	return words
}
