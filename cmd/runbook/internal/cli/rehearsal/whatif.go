package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/script"
	"github.com/q-ecosystem/runbook/interpreter/script/check"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// WhatIf rehearses a script, by default that of the run itself, in the world
// that a finished run met, and tells the difference.
func WhatIf(ctx context.Context, on *app.App, db *journal.DB, run journal.Run, with *script.Source, loader script.Loader) error {
	a := commands{on}
	var also []string
	if with != nil {
		also = check.Requires(*with, loader)
	}
	engine, catalog, err := a.ReaderWith(ctx, db, run, also)
	if err != nil {
		return err
	}
	recorded, err := engine.Recorded(ctx, run.ID)
	if err != nil {
		return err
	}
	past, err := rehearse.NewPast(recorded)
	if err != nil {
		return err
	}
	main := past.Main
	if with != nil {
		main = *with
	} else {
		loader = past.Loader
	}
	w, err := past.WhatIf(ctx, main, loader, catalog)
	var misfit *rehearse.ParamsError
	if errors.As(err, &misfit) {
		return app.Usage(err)
	}
	if err != nil {
		return err
	}
	return a.tellWhatIf(catalog, run, w)
}

// tellWhatIf prints how a rehearsed script differs from a finished run.
func (a commands) tellWhatIf(catalog *effect.Catalog, run journal.Run, w *rehearse.WhatIf) error {
	did, would := w.Did, w.Would
	verdict := verdictOf(did, would)
	if a.Flags.JSON {
		a.JSONHead("replay")
		for i := range w.Differences {
			a.JSONLine(differenceLine{"difference", &w.Differences[i]})
		}
		a.JSONLine(whatIfLine{"what-if", run.ID, verdict, did.Status, would.Status, did.Took, would.Took, did.RollbackAt, would.RollbackAt, w.Assumed, w.Independent})
		return nil
	}
	s := a.OutStyle
	a.Result("run %s %s, and %s in its place:\n\n", journal.Short(run.ID), view.Clean(did.Script), view.Clean(would.Script))
	for _, line := range view.Differences(s, catalog, w.Differences) {
		a.Result("%s\n", line)
	}
	if len(w.Differences) == 0 {
		a.Result("the same effects\n")
	}
	a.Result("\n%s %s\n", s.Dim("did  "), told(did))
	a.Result("%s %s\n", s.Dim("would"), told(would))
	a.Result("%s\n", s.Bold(verdict))
	if would.Error != nil {
		a.Result("  %s\n", app.Indented(view.Clean(would.Error.Error())))
	}
	if len(w.Assumed) > 0 {
		a.Result("%s %s\n", s.Yellow("assumed, for the record does not tell:"), view.Clean(strings.Join(w.Assumed, "; ")))
	}
	if len(w.Independent) > 0 {
		a.Result("%s %s\n", s.Yellow("taken not to depend on what the script does:"), view.Clean(strings.Join(w.Independent, "; ")))
	}
	return nil
}

// told says in a line what became of a run and when.
func told(p *simulate.Plan) string {
	text := strings.ReplaceAll(string(p.Status), "_", " ") + " after " + effect.FormatDuration(effect.Seconds(p.Took))
	if p.RollbackAt != nil {
		text += ", the rollback began after " + effect.FormatDuration(effect.Seconds(*p.RollbackAt))
	}
	return text + ", " + app.Counted(len(p.Effects), "effect")
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
