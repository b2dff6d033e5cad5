package main

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/cschleiden/go-workflows/backend"
	"github.com/cschleiden/go-workflows/backend/monoprocess"
	"github.com/cschleiden/go-workflows/backend/sqlite"
	"github.com/cschleiden/go-workflows/client"
	"github.com/cschleiden/go-workflows/core"
	"github.com/cschleiden/go-workflows/registry"
	"github.com/cschleiden/go-workflows/worker"
	"github.com/cschleiden/go-workflows/workflow"
)

func goWorkflowsContenders() []contender {
	const kept = "power loss; outcome only"
	return []contender{
		{name: "go-workflows, SQLite as shipped", durability: kept, steps: 20, kills: 5, work: goWorkflowsWork(0)},
		{name: "go-workflows, SQLite, polling 1 ms", durability: kept, steps: 200, kills: 20, work: goWorkflowsWork(time.Millisecond)},
		{name: "go-workflows, SQLite, one process", durability: kept, steps: 200, kills: 20, work: goWorkflowsWork(-1)},
	}
}

// goWorkflowsWork runs with a polling interval: 0 is as shipped, -1 wakes the
// pollers inside the process.
func goWorkflowsWork(polling time.Duration) func(context.Context, string, int, func(int) error) error {
	return func(ctx context.Context, dir string, steps int, step func(int) error) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// A killed process leaves its locks; they end after this time, which
		// is what a resume waits for.
		var b backend.Backend = sqlite.NewSqliteBackend(filepath.Join(dir, "workflows.db"), sqlite.WithBackendOptions(
			backend.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))),
			backend.WithStickyTimeout(0),
			backend.WithWorkflowLockTimeout(time.Second), backend.WithActivityLockTimeout(time.Second)))
		if polling < 0 {
			b = monoprocess.NewMonoprocessBackend(b)
		}
		defer b.Close()
		options := worker.DefaultOptions
		if polling > 0 {
			options.WorkflowPollingInterval, options.ActivityPollingInterval = polling, polling
		}
		w := worker.New(b, &options)
		activity := func(_ context.Context, n int) (int, error) { return n, step(n) }
		flow := func(ctx workflow.Context, steps int) (int, error) {
			for n := 1; n <= steps; n++ {
				if _, err := workflow.ExecuteActivity[int](ctx, workflow.DefaultActivityOptions, "step", n).Get(ctx); err != nil {
					return n, err
				}
			}
			return steps, nil
		}
		if err := errors.Join(w.RegisterWorkflow(flow, registry.WithName("steps")), w.RegisterActivity(activity, registry.WithName("step"))); err != nil {
			return err
		}
		if err := w.Start(ctx); err != nil {
			return err
		}
		c := client.New(b)
		instance, err := c.CreateWorkflowInstance(ctx, client.WorkflowInstanceOptions{InstanceID: "steps"}, "steps", steps)
		if errors.Is(err, backend.ErrInstanceAlreadyExists) {
			instance, err = takenUp(ctx, dir)
		}
		if err != nil {
			return err
		}
		return c.WaitForWorkflowInstance(ctx, instance, time.Hour)
	}
}

// takenUp finds the workflow that a process before began.
func takenUp(ctx context.Context, dir string) (*core.WorkflowInstance, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "workflows.db")+"?mode=ro")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var execution string
	err = db.QueryRowContext(ctx, "SELECT execution_id FROM instances WHERE id = 'steps'").Scan(&execution)
	return core.NewWorkflowInstance("steps", execution), err
}
