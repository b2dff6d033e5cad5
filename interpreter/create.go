package interpreter

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/journal"
)

// create creates a run and gives it an id whose short form no other run has:
// people type that, and two runs may start in the same millisecond.
func (e *Engine) create(ctx context.Context, n journal.NewRun) (string, *journal.Writer, error) {
	for {
		id, err := uuid.NewV7FromReader(e.opts.Random)
		if err != nil {
			return "", nil, fmt.Errorf("make a run id: %w", err)
		}
		n.ID = id.String()
		if n.Forked.Kind == effect.Forked {
			n.Forked.Body.Run = n.ID
		}
		w, err := e.opts.DB.Create(ctx, n, e.opts.Owner)
		var taken *journal.ExistsError
		switch {
		case err == nil:
			return n.ID, w, nil
		case !errors.As(err, &taken) || taken.Alike == "":
			return "", nil, fmt.Errorf("create the run: %w", err)
		}
	}
}
