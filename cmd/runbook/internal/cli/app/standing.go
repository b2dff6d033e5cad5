package app

import (
	"context"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter"
	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/history"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// Standing is a run's status as it is: one that no runner carries is not
// running, whatever was recorded last. ready is what has come since,
// as [Ready] says.
func Standing(r journal.Run, ready string) string {
	text := strings.ReplaceAll(string(r.Status), "_", " ")
	switch {
	case Carried(r):
	case r.Status == effect.StatusRunning, r.Status == effect.StatusRollingBack:
		text += ", runner died"
	case ready != "":
		text += ", " + ready
	}
	return text
}

// Ready says in a word what people have said since a run stopped for them, so
// that a resume goes on: "answered", "resolved", "expired"; "" if it still waits
// for them, or never did.
func Ready(r journal.Run, h *history.History) string {
	switch r.Status {
	case effect.StatusUnknown:
		if len(h.Open()) == 0 {
			return "resolved"
		}
	case effect.StatusWaiting:
		questions, err := interpreter.Questions(h)
		if err != nil {
			return ""
		}
		said := "answered"
		for i := range questions {
			switch q := &questions[i]; {
			case q.Answered(h):
			case !time.Now().Before(q.Deadline):
				said = "expired"
			default:
				return ""
			}
		}
		return said
	}
	return ""
}

// ReadyIn is Ready, from what the journal holds.
func ReadyIn(ctx context.Context, db *journal.DB, r journal.Run) string {
	if r.Status != effect.StatusUnknown && r.Status != effect.StatusWaiting || Carried(r) {
		return ""
	}
	events, err := db.Events(ctx, r.ID, 0)
	if err != nil { // `runbook show` says it
		return ""
	}
	return Ready(r, history.Of(events))
}

// Carried reports whether a living runner holds the run.
func Carried(r journal.Run) bool {
	return r.Holder != nil && !r.Holder.Gone(journal.Self(), time.Now())
}
