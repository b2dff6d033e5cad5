package main

import (
	"context"
	"database/sql"
	"path/filepath"

	_ "github.com/mattn/go-sqlite3" // as the journal has it
)

func bareContenders() []contender {
	return []contender{
		{name: "bare SQLite, FULL, one commit", durability: "power loss; outcome only", steps: 1000, work: bareWork(false)},
		{name: "bare SQLite, FULL, two commits", durability: "power loss; intent and outcome", steps: 1000, work: bareWork(true)},
	}
}

// bareWork is a loop over one table: what an engine on SQLite cannot beat.
func bareWork(intent bool) func(context.Context, string, int, func(int) error) error {
	return func(ctx context.Context, dir string, steps int, step func(int) error) error {
		db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "bare.db")+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate")
		if err != nil {
			return err
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS steps (n INTEGER NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (n, kind)) STRICT"); err != nil {
			return err
		}
		var done int
		if err := db.QueryRowContext(ctx, "SELECT coalesce(max(n), 0) FROM steps WHERE kind = 'done'").Scan(&done); err != nil {
			return err
		}
		add, err := db.PrepareContext(ctx, "INSERT OR REPLACE INTO steps VALUES (?, ?, ?)")
		if err != nil {
			return err
		}
		for n := done + 1; n <= steps; n++ {
			if intent {
				if _, err := add.ExecContext(ctx, n, "intended", `{"op":"ledger.add"}`); err != nil {
					return err
				}
			}
			if err := step(n); err != nil {
				return err
			}
			if _, err := add.ExecContext(ctx, n, "done", `{"op":"ledger.add","value":{}}`); err != nil {
				return err
			}
		}
		return nil
	}
}
