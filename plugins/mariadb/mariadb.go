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
// # Nodes
//
// A database may have several servers, of which one takes writes: a call that
// names no node is led to that one. A replica is promoted by statements of which
// the last makes it a primary: one that is half way is none, and goes on.
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
		Ops:    stdlib.Carry("db", "backups", "query", "validate", "backup", "restore", "exec", "migrations", "migrate", "lag", "is_primary", "promote"),
		Config: shared.DatabasesField(databaseFields()),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	field := "address"
	if _, several := config["nodes"]; several {
		field = "nodes"
	}
	choice, err := shared.NewChoice("mariadb", field, config, newDatabase)
	if err != nil {
		return err
	}
	b.settings = &settings{choice}
	return nil
}

var ops = shared.Ops[*job]{
	Backend: "mariadb", Hint: "it has backups, query, validate, backup, restore, exec, migrations, migrate, lag, is_primary and promote",
	Do: map[string]func(*job) (map[string]any, *effect.Error){
		"backups": do((*job).list), "query": (*job).query, "validate": (*job).validate, "backup": do((*job).backup),
		"restore": do((*job).restore), "exec": do((*job).exec), "migrations": do((*job).migrations), "migrate": do((*job).runMigrations),
		"lag": (*job).lag, "is_primary": (*job).isPrimary, "promote": (*job).promote,
	},
	See: map[string]func(*job) (effect.Observed, map[string]any, *effect.Error){
		"backup": see((*job).seeBackup), "restore": see((*job).seeCopy), "exec": see((*job).seeExec), "migrate": see((*job).seeMigration),
		"promote": (*job).seePromotion,
	},
}

// do and see lead an op to the node that takes writes.
func do(op func(*job) (map[string]any, *effect.Error)) func(*job) (map[string]any, *effect.Error) {
	return func(j *job) (map[string]any, *effect.Error) {
		j.onPrimary()
		return op(j)
	}
}

func see(op func(*job) (effect.Observed, map[string]any, *effect.Error)) func(*job) (effect.Observed, map[string]any, *effect.Error) {
	return func(j *job) (effect.Observed, map[string]any, *effect.Error) {
		j.onPrimary()
		return op(j)
	}
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
		j := &job{shared.Quiet(ctx), db, nil}
		for _, n := range db.all() {
			c, e := j.at(n).connect()
			if e != nil {
				return e
			}
			c.close()
		}
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
	absent *effect.Error // why there is no primary to connect to
}

func (b *Backend) job(call *shared.Call) (*job, *effect.Error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	db, e := b.settings.Pick("mariadb", call.Text("db"))
	if e != nil {
		return nil, e
	}
	return &job{call, db, nil}, nil
}
