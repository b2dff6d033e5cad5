package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/config"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// worldFlags say in which world a script is rehearsed, and with which
// parameters.
type worldFlags struct {
	scenario string
	file     string
	pairs    []string
}

func (w *worldFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&w.scenario, "scenario", "s", "", "the world that the runbook meets: a `FILE` in Lua")
	f.StringArrayVarP(&w.pairs, "param", "p", nil, "a parameter as `NAME=VALUE`; secrets as NAME=env:VAR or NAME=file:PATH")
	f.StringVar(&w.file, "params", "", "parameters from a YAML `FILE`")
}

// rehearsal is a script beside the world in which it is rehearsed.
type rehearsal struct {
	path     string
	main     script.Source
	loader   script.Loader
	header   script.Header
	params   map[string]any
	env      string
	catalog  *effect.Catalog
	scenario *interpreter.Scenario // the zero one if none is given
	setup    simulate.Setup
	runner   *interpreter.Rehearsal
	backends map[string]string // by module, those of the environment
}

// rehearsal reads a script, its parameters and its scenario. A catalog of nil
// is that of the standard modules and of the plugins that the environment
// names.
func (a *app) rehearsal(ctx context.Context, path string, w worldFlags, catalog *effect.Catalog) (*rehearsal, error) {
	main, loader, err := readScript(path)
	if err != nil {
		return nil, err
	}
	r := &rehearsal{path: path, main: main, loader: loader, catalog: catalog, scenario: &interpreter.Scenario{}}
	if r.catalog == nil {
		extra, err := a.foreignModules(ctx, a.flags.env, script.Requires(main, loader))
		if err != nil {
			return nil, err
		}
		r.catalog = a.catalog(extra...)
	}
	models := stdlib.Models()
	if w.scenario != "" {
		src, beside, err := readScript(w.scenario)
		if err != nil {
			return nil, err
		}
		if r.scenario, err = interpreter.LoadScenario(ctx, src, beside, r.catalog, models); err != nil {
			return nil, err
		}
	}
	if r.header, err = script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: r.catalog}); err != nil {
		return nil, err
	}
	if r.params, err = rehearsedParams(r.header, path, w, r.scenario); err != nil {
		return nil, err
	}
	if r.setup, err = r.scenario.Setup(models, simulate.Standard()); err != nil {
		return nil, fmt.Errorf("scenario %s: %w", w.scenario, err)
	}
	r.runner = &interpreter.Rehearsal{Main: main, Loader: loader, Catalog: r.catalog, Params: r.params,
		Getenv: r.scenario.Getenv, Cache: script.NewCache()}
	return r, nil
}

// rehearsedParams reads the parameters: those of the scenario, overridden by
// the file's, overridden by the command line's. Secrets have the scenario's
// test values: the real ones are not needed, and not looked for.
func rehearsedParams(h script.Header, path string, w worldFlags, s *interpreter.Scenario) (map[string]any, error) {
	given := map[string]any{}
	maps.Copy(given, s.Params)
	if w.file != "" {
		file, err := config.LoadParams(w.file)
		if err != nil {
			return nil, usageError{err}
		}
		maps.Copy(given, file)
	}
	values, err := config.ParseParamsWith(h.Params, given, w.pairs, func(ref string) (effect.Secret, error) { return s.Secret(ref), nil })
	if err != nil {
		return nil, usagef("%w\nthe parameters: runbook run %s --help", err, path)
	}
	return values, nil
}

// plan tells what a rehearsed run did.
func (r *rehearsal) plan(w *simulate.World, end simulate.Ending, broken []simulate.Violation) (*simulate.Plan, error) {
	p := simulate.NewPlan(end.Events, w.Entries())
	p.Runbook, p.Script, p.Env, p.Unread = r.header.Name, r.main.Name, r.env, w.Unread()
	var err error
	if p.Params, err = simulate.EncodeSealed(r.params); err != nil {
		return nil, fmt.Errorf("record the parameters: %w", err)
	}
	p.Assumed = append(p.Assumed, w.Doubts()...)
	p.Sources = sourceHashes(r.main, r.loader)
	for i := range p.Touches {
		p.Touches[i].Backend = r.backends[p.Touches[i].Module]
	}
	for _, v := range broken {
		p.Broken = append(p.Broken, simulate.Broken{Invariant: v.Invariant, Message: v.Message, Place: v.Place})
	}
	return p, nil
}

// sourceHashes returns the SHA-256 of a script and of the files that it
// requires by name, in hex.
func sourceHashes(main script.Source, loader script.Loader) map[string]string {
	hash := func(text []byte) string {
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:])
	}
	hashes := map[string]string{main.Name: hash(main.Text)}
	for _, module := range script.Requires(main, loader) {
		if s, err := loader.Load(module); err == nil {
			hashes[s.Name] = hash(s.Text)
		}
	}
	return hashes
}

// carry walks the script through its world once.
func (r *rehearsal) carry(ctx context.Context, s simulate.Schedule) (*simulate.World, simulate.Ending, []simulate.Violation, error) {
	w := simulate.NewWorld(r.setup)
	if err := w.Prime(ctx); err != nil {
		return nil, simulate.Ending{}, nil, err
	}
	end, err := r.runner.Rehearse(ctx, w, s)
	if err != nil {
		return nil, end, nil, err
	}
	return w, end, w.End(end), nil
}

// schedule returns the faults that strike: those that the command line names,
// or those of the scenario.
func (r *rehearsal) schedule(ctx context.Context, id string) (simulate.Schedule, error) {
	if id != "" {
		s, err := simulate.ParseSchedule(id)
		if err != nil {
			return nil, usageError{err}
		}
		return s, nil
	}
	s, err := r.scenario.Schedule(ctx, r.runner, r.setup)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", r.scenario.Name, err)
	}
	return s, nil
}

// showRehearsal prints a rehearsed run and what it comes to, on standard output.
func (a *app) showRehearsal(r *rehearsal, w *simulate.World, end simulate.Ending, p *simulate.Plan) {
	tree := &view.Tree{Style: a.outStyle, Catalog: r.catalog}
	for _, line := range view.Timeline(tree, end.Events, w.Entries()) {
		a.result("%s\n", line)
	}
	a.result("\n")
	for _, line := range view.PlanSummary(a.outStyle, p) {
		a.result("%s\n", line)
	}
	a.explainEnding(r, end)
}

// explainEnding says, beside the result, why a rehearsed run did not succeed.
func (a *app) explainEnding(r *rehearsal, end simulate.Ending) {
	var scriptErr *script.Error
	switch {
	case errors.As(end.Err, &scriptErr):
		a.note("%s\n", view.ScriptError(a.style, r.catalog, scriptErr))
	case end.Err != nil:
		a.note("%s %s\n", a.style.Yellow("stopped:"), indented(view.Clean(end.Err.Error())))
	}
	for _, err := range end.Rollbacks {
		a.note("%s %s\n", a.style.Red("rollback failed:"), indented(view.Clean(err.Error())))
	}
}

// jsonPlan prints a plan as a stream: an effect a line, then the rest.
func (a *app) jsonPlan(p *simulate.Plan, exit int) {
	for i := range p.Effects {
		a.jsonLine(struct {
			Type string `json:"type"`
			*simulate.Planned
		}{"effect", &p.Effects[i]})
	}
	rest := *p
	rest.Effects = nil
	a.jsonLine(struct {
		Type string `json:"type"`
		*simulate.Plan
		Effects int `json:"effects"` // how many; each had its line
		Exit    int `json:"exit"`
	}{"plan", &rest, len(p.Effects), exit})
}

// codeOfEnding maps what became of a rehearsed run to the exit code that the
// run itself would have.
func codeOfEnding(end simulate.Ending) int {
	return codeOfOutcome(interpreter.Outcome{Status: end.Status, Err: end.Err})
}

// told returns the command line that rehearses the same again, without the
// name of the program's command.
func (w worldFlags) told(path string) string {
	words := []string{quoted(path)}
	if w.scenario != "" {
		words = append(words, "--scenario", quoted(w.scenario))
	}
	if w.file != "" {
		words = append(words, "--params", quoted(w.file))
	}
	for _, pair := range w.pairs {
		words = append(words, "--param", quoted(pair))
	}
	return strings.Join(words, " ")
}
