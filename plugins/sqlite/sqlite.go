// Package sqlite carries the module db on SQLite files: one database is one
// file.
//
// # Copies and backups
//
// A backup is a file of its directory, made by SQLite's online backup under a
// hidden name, synced, and renamed when it is complete. Its name holds when it
// began and which effect made it.
//
// A copy is a directory with the file data.db and a record (record.json) of
// the effects that restored it and swapped it. It appears in one step, in a
// place that must be free: live data is never written over.
//
// # Swapping
//
// The live file and that of the copy change places in one step
// (renameat2 with RENAME_EXCHANGE), while the live file is locked against
// everybody and its log is written back into it. Which of the two is live tells
// the inode, which the record names beforehand.
//
// # Changes
//
// exec writes a row with the effect's key into a table of the database, in the
// transaction of the statement. A row that is there says that the statement
// was carried out.
package sqlite

import (
	"context"
	"os"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend takes care of SQLite files. New returns it; Configure makes it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend. A file has no replicas: lag, is_primary
// and promote are not carried.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "sqlite", Module: "db", Version: "1.0.0",
		Doc:    "Back up, restore and change SQLite files on the machine of the runner",
		Ops:    stdlib.Carry("db", "backups", "query", "validate", "backup", "restore", "exec", "migrations", "migrate", "swap"),
		Config: shared.DatabasesField(databaseFields()),
	}
}

// Configure implements plugins.Backend. It opens nothing.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings(config)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

var ops = shared.Ops[*job]{
	Backend: "sqlite", Hint: "a file has no replicas; the backend has backups, query, validate, backup, restore, exec, migrations, migrate and swap",
	Do: map[string]func(*job) (map[string]any, *effect.Error){
		"backups": (*job).list, "query": (*job).query, "validate": (*job).validate, "backup": (*job).backup,
		"restore": (*job).restore, "exec": (*job).exec, "migrations": (*job).migrations, "migrate": (*job).migrate, "swap": (*job).swap,
	},
	See: map[string]func(*job) (effect.Observed, map[string]any, *effect.Error){
		"backup": (*job).seeBackup, "restore": (*job).seeCopy, "exec": (*job).seeExec, "migrate": (*job).seeMigration, "swap": (*job).seeSwap,
	},
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	return ops.Invoke(ctx, req, b.job)
}

// Observe implements plugins.Observer: it looks at the files, and at the
// table that exec and migrate note effects in.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	return ops.Observe(ctx, req, b.job)
}

// Health implements plugins.Backend: each file opens, and each directory is
// there or can be made.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, db := range b.settings.All() {
		j := &job{shared.Quiet(ctx), db}
		conn, e := j.open(db.file, readOnly)
		if e != nil {
			return e
		}
		var n int64
		err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
		conn.close()
		if err != nil {
			return j.failed(db.file, "be read", err)
		}
		if db.backups != "" {
			if _, err := os.ReadDir(db.backups); err != nil && !os.IsNotExist(err) {
				return effect.Errorf(effect.CodeUnavailable, "backups: %v", err).WithHint("create it, or mend the configuration of sqlite")
			}
		}
	}
	return nil
}

func errNotConfigured() *effect.Error {
	return effect.Errorf(effect.CodeInternal, "the sqlite backend is not configured")
}
