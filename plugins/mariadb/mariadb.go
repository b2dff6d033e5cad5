// Package mariadb carries the module db on MariaDB: it asks the server over its
// protocol, and uses MariaDB's own tools for dumps and logs.
//
// # Backups and copies
//
// A backup is a dump of the whole server in one transaction, which notes the
// place in the binary log that it is of. A restore loads one into a data
// directory of its own, by a server that only we can reach, carries out what
// the binary log has from there to a moment, and then gives the copy its name
// in one step: nothing is written to the live server.
//
// # Changes
//
// exec writes a row with the effect's key into a table, in the transaction of
// the statement. Statements that commit by themselves, and tables that have no
// transactions, are refused: there the row would tell nothing. Observe tries to
// write that row: it waits for a transaction that is still under way, and then
// knows.
package mariadb

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/stdlib"
)

// Backend takes care of MariaDB servers. New returns it; Configure makes it
// ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "mariadb", Module: "db", Version: "1.0.0",
		Doc:    "Dump, restore beside the live data, change and verify MariaDB",
		Ops:    stdlib.Carry("db", "backups", "query", "validate", "backup", "restore", "exec", "migrations", "migrate"),
		Config: shared.DatabasesField(databaseFields()),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	choice, err := shared.NewChoice("mariadb", "address", config, newDatabase)
	if err != nil {
		return err
	}
	b.settings = &settings{choice}
	return nil
}

var ops = shared.Ops[*job]{
	Backend: "mariadb", Hint: "it has backups, query, validate, backup, restore, exec, migrations and migrate",
	Do: map[string]func(*job) (map[string]any, *effect.Error){
		"backups": (*job).list, "query": (*job).query, "validate": (*job).validate, "backup": (*job).backup,
		"restore": (*job).restore, "exec": (*job).exec, "migrations": (*job).migrations, "migrate": (*job).runMigrations,
	},
	See: map[string]func(*job) (effect.Observed, map[string]any, *effect.Error){
		"backup": (*job).seeBackup, "restore": (*job).seeCopy, "exec": (*job).seeExec, "migrate": (*job).seeMigration,
	},
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	return ops.Invoke(ctx, req, b.job)
}

// Observe implements plugins.Observer: it asks the server, and looks at the
// files.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	return ops.Observe(ctx, req, b.job)
}

// Health implements plugins.Backend: each server lets us in.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured()
	}
	for _, db := range b.settings.All() {
		c, e := (&job{shared.Quiet(ctx), db}).connect()
		if e != nil {
			return e
		}
		c.close()
	}
	return nil
}

func errNotConfigured() *effect.Error {
	return effect.Errorf(effect.CodeInternal, "the mariadb backend is not configured")
}

// job is one call under way.
type job struct {
	*shared.Call
	*database
}

func (b *Backend) job(call *shared.Call) (*job, *effect.Error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	db, e := b.settings.Pick("mariadb", call.Text("db"))
	if e != nil {
		return nil, e
	}
	return &job{call, db}, nil
}
