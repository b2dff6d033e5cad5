package rehearse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// WhatIf is another script in the world that a finished run met.
type WhatIf struct {
	Did, Would  *simulate.Plan
	Differences []simulate.Difference // in deeds, from Did to Would
	Assumed     []string              // what the record does not tell, in words
	// Independent names what is taken not to depend on the script: the answers
	// of the record that were given again as they were.
	Independent []string
	Ending      simulate.Ending // of the rehearsed script
}

// WhatIf rehearses a script in the world that the run met, which falls back to
// the models of the catalog's modules where the record does not tell. A Past
// serves one WhatIf.
func (p *Past) WhatIf(ctx context.Context, main script.Source, loader script.Loader, catalog *effect.Catalog) (*WhatIf, error) {
	h, err := script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: catalog})
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{Header: h, Scenario: &Scenario{}, live: Live{Env: p.Run.Env}}
	if r.Params, err = p.paramsFor(h); err != nil {
		return nil, err
	}
	if r.Setup, err = p.Setup(catalog); err != nil {
		return nil, err
	}
	r.Runner = &Runner{Main: main, Loader: loader, Catalog: catalog, Params: r.Params, Getenv: p.Getenv, Calendars: p.calendar, Origin: history.Origin(p.Run.ID, p.Events)}
	res, err := r.Run(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &WhatIf{Ending: res.Ending}
	if w.Would, err = r.Plan(res); err != nil {
		return nil, err
	}
	if w.Did, err = p.Plan(); err != nil {
		return nil, err
	}
	w.Differences = slices.DeleteFunc(Deeds(simulate.ComparePlans(w.Did, w.Would)),
		func(d simulate.Difference) bool { return d.Kind == simulate.DiffHead })
	w.Independent = p.Independent()
	w.Assumed = append(p.Beyond(), w.Would.Assumed...)
	return w, nil
}

// ParamsError says that the parameters of a recorded run do not fit a script.
type ParamsError struct{ Err error }

// Error says what does not fit.
func (e *ParamsError) Error() string {
	return fmt.Sprintf("the run's parameters do not fit the script: %v", e.Err)
}

// Unwrap returns the *effect.FieldError.
func (e *ParamsError) Unwrap() error { return e.Err }

// paramsFor returns the parameters of the run as another header wants them:
// those that it no longer declares are left out.
func (p *Past) paramsFor(h script.Header) (map[string]any, error) {
	given := map[string]any{}
	for i := range h.Params {
		if v, ok := p.Params[h.Params[i].Name]; ok {
			given[h.Params[i].Name] = v
		}
	}
	values, err := effect.CheckFields(h.Params, nil, given)
	if err != nil {
		return nil, &ParamsError{err}
	}
	return values, nil
}

// Deeds leaves out of the differences between a plan and a record what they
// cannot have in common: times, and what an answer rests on.
func Deeds(list []simulate.Difference) []simulate.Difference {
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

// Mismatches says, in words, in what a run that is about to start is not the
// one that a plan was made of; none if it is.
func Mismatches(plan *simulate.Plan, main script.Source, loader script.Loader, params map[string]any, env string) ([]string, error) {
	raw, err := simulate.EncodeByName(params)
	if err != nil {
		return nil, fmt.Errorf("record the parameters: %w", err)
	}
	now := &simulate.Plan{Runbook: plan.Runbook, Sources: SourceHashes(main, loader), Params: raw, Env: env,
		Status: plan.Status, Took: plan.Took, RollbackAt: plan.RollbackAt}
	bare := *plan
	bare.Effects = nil
	var differ []string
	for _, d := range simulate.ComparePlans(&bare, now) {
		differ = append(differ, d.Text)
	}
	return differ, nil
}
