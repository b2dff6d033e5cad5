package view

import (
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
)

// Stands prints what a run has set and left: a line for each write that nothing
// has followed, as [history.History.Stands] returns them.
func Stands(s Style, catalog *effect.Catalog, list []history.Stand, now time.Time) []string {
	var out []string
	for _, w := range list {
		text := clean(w.Op)
		if args := Args(catalog, w.Op, w.Args); args != "" {
			text += " " + fit(args, longest)
		}
		how, at := StandOutcome(w)
		switch how {
		case "done":
			text += ": done"
		case "failed":
			text += ": " + s.Red("failed") + " (" + opening(string(w.Err.Code)) + ")"
		default:
			text += ": " + s.Yellow("outcome unknown")
		}
		text += " " + effect.FormatDuration(max(now.Sub(at), 0).Truncate(time.Second)) + " ago"
		for i, part := range wrap(text, max(s.Width-4, 0)) {
			if i > 0 {
				part = "  " + part
			}
			out = append(out, "  "+part)
		}
	}
	return out
}

// StandOutcome says what became of a write ("done", "failed", "unknown"), and
// when; of one that has no outcome, when it was sent.
func StandOutcome(w history.Stand) (string, time.Time) {
	switch {
	case w.State != history.Closed:
		return "unknown", w.Sent
	case w.Err != nil:
		return "failed", w.Ended
	}
	return "done", w.Ended
}
