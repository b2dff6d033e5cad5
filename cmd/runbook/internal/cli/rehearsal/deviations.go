package rehearsal

import (
	"context"

	"github.com/q-ecosystem/runbook/cmd/runbook/internal/cli/app"
	"github.com/q-ecosystem/runbook/interpreter/journal"
	"github.com/q-ecosystem/runbook/interpreter/rehearse"
	"github.com/q-ecosystem/runbook/interpreter/simulate"
)

// Deviations tells in what a run was not as the plan that it was held to shows,
// times apart; nothing before it has ended. planned is false if it was held to
// none.
func Deviations(ctx context.Context, on *app.App, db *journal.DB, run journal.Run) (list []simulate.Difference, planned bool, err error) {
	engine, err := on.Reader(ctx, db, run, nil)
	if err != nil {
		return nil, false, err
	}
	recorded, err := engine.Recorded(ctx, run.ID)
	if err != nil || recorded.Plan == nil || !run.Status.Terminal() {
		return nil, err == nil && recorded.Plan != nil, err
	}
	past, err := rehearse.NewPast(recorded)
	if err != nil {
		return nil, true, err
	}
	did, err := past.Plan()
	if err != nil {
		return nil, true, err
	}
	did.Sources = rehearse.SourceHashes(past.Main, past.Loader)
	return rehearse.Deeds(simulate.ComparePlans(recorded.Plan, did)), true, nil
}
