package look

import (
	"context"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/evidence"
	"github.com/q-ecosystem/runbook/cmd/runbook/internal/view"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// shownIn returns the files that answers in a journal name: of one run, or of all with
// the id "". Nothing is read where nothing is kept.
func shownIn(ctx context.Context, db *journal.DB, id string) (list []evidence.Shown, err error) {
	if !evidence.Of(db.Path()).There() {
		return nil, nil
	}
	ids := []string{id}
	if id == "" {
		runs, err := db.Runs(ctx, journal.Filter{})
		if err != nil {
			return nil, err
		}
		ids = ids[:0]
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
	}
	for _, id := range ids {
		events, err := db.Events(ctx, id, 0)
		if err != nil {
			return nil, err
		}
		list = append(list, evidence.ShownIn(id, events)...)
	}
	return list, nil
}

// evidenced holds kept files against what a record says of them. One that was changed
// is a fault; one that is not there may be kept elsewhere, and is told.
func (a commands) evidenced(store evidence.Store, shown []evidence.Shown) (lines []faultLine, texts []string) {
	if !store.There() {
		return nil, nil
	}
	missing := 0
	for _, s := range shown {
		err := store.Check(s.SHA256)
		if errors.Is(err, evidence.ErrMissing) {
			missing++
		} else if err != nil {
			what := fmt.Sprintf("evidence: %s of the answer, kept as %.16s…: %v", s.File, s.SHA256, err)
			lines = append(lines, faultLine{Type: "fault", Run: s.Run, Seq: s.Seq, What: what})
			texts = append(texts, fmt.Sprintf("run %s, event %d: %s", s.Run, s.Seq, what))
		}
	}
	if missing > 0 {
		a.Note("of %s shown as evidence, %d %s not in %s\n", app.Counted(len(shown), "file"), missing,
			map[bool]string{true: "is", false: "are"}[missing == 1], view.Line(store.Path("")))
	}
	return lines, texts
}
