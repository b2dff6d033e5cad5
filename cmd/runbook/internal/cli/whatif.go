package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
	"github.com/q-ecosystem/runbook/stdlib"
)

// whatIf rehearses a script, by default that of the run itself, in the world
// that a finished run met, and tells the difference.
func (a *app) whatIf(ctx context.Context, db *journal.DB, run journal.Run, with *script.Source, loader script.Loader) error {
	var also []string
	if with != nil {
		also = script.Requires(*with, loader)
	}
	engine, catalog, err := a.readerWith(ctx, db, run, also)
	if err != nil {
		return err
	}
	past, err := engine.Past(ctx, run.ID)
	if err != nil {
		return err
	}
	main := past.Main
	if with != nil {
		main = *with
	} else {
		loader = past.Loader
	}
	r := &rehearsal{main: main, loader: loader, catalog: catalog, scenario: &interpreter.Scenario{}, env: run.Env}
	if r.header, err = script.ReadHeader(ctx, script.Options{Main: main, Loader: loader, Catalog: catalog}); err != nil {
		return err
	}
	if r.params, err = pastParams(r.header, past.Params); err != nil {
		return err
	}
	if r.setup, err = past.Setup(stdlib.Models()); err != nil {
		return err
	}
	r.runner = &interpreter.Rehearsal{Main: main, Loader: loader, Catalog: catalog, Params: r.params, Getenv: past.Getenv}
	w, end, broken, err := r.carry(ctx, nil)
	if err != nil {
		return err
	}
	would, err := r.plan(w, end, broken)
	if err != nil {
		return err
	}
	did, err := past.Plan()
	if err != nil {
		return err
	}
	return a.tellWhatIf(r, run, did, would, past.Beyond())
}

// pastParams returns the parameters of a recorded run as another header wants
// them: those that it no longer declares are left out.
func pastParams(h script.Header, recorded map[string]any) (map[string]any, error) {
	given := map[string]any{}
	for i := range h.Params {
		if v, ok := recorded[h.Params[i].Name]; ok {
			given[h.Params[i].Name] = v
		}
	}
	values, err := effect.CheckFields(h.Params, nil, given)
	if err != nil {
		return nil, usagef("the run's parameters do not fit the script: %w", err)
	}
	return values, nil
}

// tellWhatIf prints how a rehearsed script differs from a finished run.
func (a *app) tellWhatIf(r *rehearsal, run journal.Run, did, would *simulate.Plan, beyond []string) error {
	list := slices.DeleteFunc(deeds(simulate.ComparePlans(did, would)), func(d simulate.Difference) bool { return d.Kind == simulate.DiffHead })
	verdict := verdictOf(did, would)
	unknown := append(append([]string{}, beyond...), would.Assumed...)
	if a.flags.json {
		a.jsonHead("replay")
		for i := range list {
			a.jsonLine(struct {
				Type string `json:"type"`
				*simulate.Difference
			}{"difference", &list[i]})
		}
		a.jsonLine(whatIfLine{"what-if", run.ID, verdict, did.Status, would.Status, did.Took, would.Took, did.RollbackAt, would.RollbackAt, unknown})
		return nil
	}
	s := a.outStyle
	a.result("run %s %s, and %s in its place:\n\n", shortID(run.ID), view.Clean(did.Script), view.Clean(r.main.Name))
	for _, line := range view.Differences(s, r.catalog, list) {
		a.result("%s\n", line)
	}
	if len(list) == 0 {
		a.result("the same effects\n")
	}
	a.result("\n%s %s\n", s.Dim("did  "), told(did))
	a.result("%s %s\n", s.Dim("would"), told(would))
	a.result("%s\n", s.Bold(verdict))
	if would.Error != nil {
		a.result("  %s\n", indented(view.Clean(would.Error.Error())))
	}
	if len(unknown) > 0 {
		a.result("%s %s\n", s.Yellow("assumed, for the record does not tell:"), view.Clean(strings.Join(unknown, "; ")))
	}
	a.note("measurements are those of the record at the same time since the start, whatever the script did in between\n")
	return nil
}

// told says in a line what became of a run and when.
func told(p *simulate.Plan) string {
	text := strings.ReplaceAll(string(p.Status), "_", " ") + " after " + effect.FormatDuration(effect.Seconds(p.Took))
	if p.RollbackAt != nil {
		text += ", the rollback began after " + effect.FormatDuration(effect.Seconds(*p.RollbackAt))
	}
	return text + ", " + counted(len(p.Effects), "effect")
}

// verdictOf says in one sentence what the other script would have come to.
func verdictOf(did, would *simulate.Plan) string {
	after := func(seconds float64) string { return effect.FormatDuration(effect.Seconds(seconds)) }
	switch {
	case did.RollbackAt != nil && would.RollbackAt != nil:
		return "it would have rolled back " + apart(*did.RollbackAt, *would.RollbackAt)
	case would.RollbackAt != nil:
		return fmt.Sprintf("it would have rolled back after %s; the run did not", after(*would.RollbackAt))
	case did.RollbackAt != nil:
		return fmt.Sprintf("it would not have rolled back, as the run did after %s: it would have %s after %s", after(*did.RollbackAt), past(would.Status), after(would.Took))
	case did.Status == would.Status:
		return fmt.Sprintf("it would have %s as well, %s", past(would.Status), apart(did.Took, would.Took))
	}
	return fmt.Sprintf("it would have %s after %s; the run %s after %s", past(would.Status), after(would.Took), past(did.Status), after(did.Took))
}

func past(s effect.Status) string {
	switch s {
	case effect.StatusSucceeded, effect.StatusFailed:
		return string(s)
	}
	return "ended " + strings.ReplaceAll(string(s), "_", " ")
}

// apart says how far two moments are from each other: "6m earlier".
func apart(did, would float64) string {
	d := would - did
	switch {
	case d > -0.5 && d < 0.5:
		return "at the same time"
	case d < 0:
		return effect.FormatDuration(effect.Seconds(-d)) + " earlier"
	}
	return effect.FormatDuration(effect.Seconds(d)) + " later"
}

// whatIfLine ends the JSON stream of a backtest.
type whatIfLine struct {
	Type            string        `json:"type"`
	Run             string        `json:"run"`
	Verdict         string        `json:"verdict"`
	Did             effect.Status `json:"did"`
	Would           effect.Status `json:"would"`
	DidTake         float64       `json:"did_take"`   // seconds
	WouldTake       float64       `json:"would_take"` // seconds
	DidRollBackAt   *float64      `json:"did_roll_back_at,omitempty"`
	WouldRollBackAt *float64      `json:"would_roll_back_at,omitempty"`
	Assumed         []string      `json:"assumed,omitempty"`
}
