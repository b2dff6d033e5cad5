package main

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/dbos-inc/dbos-transact-golang/dbos"
	_ "github.com/dbos-inc/dbos-transact-golang/dbos/driver/sqlite" // the database of both settings
)

func dbosContenders() []contender {
	return []contender{
		{name: "DBOS Go, SQLite FULL", durability: "power loss; outcome only", steps: 1000, work: dbosWork("FULL")},
		{name: "DBOS Go, SQLite as shipped (NORMAL)", durability: "the process; outcome only", steps: 1000, work: dbosWork("NORMAL")},
	}
}

func dbosWork(synchronous string) func(context.Context, string, int, func(int) error) error {
	return func(ctx context.Context, dir string, steps int, step func(int) error) error {
		config := dbos.Config{AppName: "bench", ApplicationVersion: "1", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
		path := filepath.Join(dir, "dbos.db")
		if synchronous == "NORMAL" {
			config.DatabaseURL = "sqlite:" + path
		} else {
			db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=foreign_keys(ON)"+
				"&_pragma=journal_mode(WAL)&_pragma=synchronous("+synchronous+")")
			if err != nil {
				return err
			}
			defer db.Close()
			db.SetMaxOpenConns(8)
			config.SQLiteSystemDB = db
		}
		c, err := dbos.NewContext(ctx, config)
		if err != nil {
			return err
		}
		workflow := func(ctx dbos.Context, steps int) (int, error) {
			for n := 1; n <= steps; n++ {
				_, err := dbos.RunAsStep(ctx, func(context.Context) (int, error) { return n, step(n) }, dbos.WithStepName("step"))
				if err != nil {
					return n, err
				}
			}
			return steps, nil
		}
		dbos.RegisterWorkflow(c, workflow, dbos.WithWorkflowName("steps"))
		if err := dbos.Launch(c); err != nil { // takes up what a process before left
			return err
		}
		defer dbos.Shutdown(c, 5*time.Second)
		// The same id finds the workflow that was taken up.
		handle, err := dbos.RunWorkflow(c, workflow, steps, dbos.WithWorkflowID("steps"))
		if err != nil {
			return err
		}
		_, err = handle.GetResult()
		return err
	}
}
