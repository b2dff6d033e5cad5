// Package postgres carries the module db on PostgreSQL: it asks servers over
// their protocol (pgx), and uses PostgreSQL's own tools for what concerns
// files.
//
// # Nodes
//
// A database has nodes, the primary and its replicas. Which node is the
// primary nobody configures: it is the one that is not in recovery, and of
// several the one on the newest timeline.
//
// # Copies and backups
//
// A backup is a base backup with its WAL and its manifest (pg_basebackup),
// verified against it (pg_verifybackup) before it gets its name. A restore
// copies one into a directory of its own, recovers it there by a server that
// only we can reach, to a moment if one is given, and then gives it its name in
// one step: nothing starts over live data. Copies are not archived, and each
// gets a timeline that no other has.
//
// The backend pgbackrest lets pgBackRest keep backups and WAL. What it restores
// is recovered likewise, and is a copy like others: with the same directory for
// copies, postgres queries, validates and swaps it.
//
// # Swapping
//
// The live server is stopped, its data directory and that of the copy change
// places in one step, and it is started. Which of both is live tells the
// inode, which a record names beforehand.
//
// # Changes
//
// exec writes a row with the effect's key into a table, in the transaction of
// the statement. Observe tries to write that row: it waits for a transaction
// that is still under way, and then knows.
package postgres

import (
	"context"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	contract "github.com/q-ecosystem/runbook/stdlib/db"
)

// Backend takes care of PostgreSQL clusters. New returns it; Configure makes
// it ready.
type Backend struct {
	settings *settings
}

// New returns a backend that is not configured yet.
func New() *Backend { return &Backend{} }

// Describe implements plugins.Backend.
func (b *Backend) Describe() plugins.Description {
	return plugins.Description{
		Name: "postgres", Module: "db", Version: "1.0.0",
		Doc:    "Back up, restore, change and fail over PostgreSQL",
		Ops:    contract.Module().Ops,
		Config: shared.DatabasesField(databaseFields()),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *Backend) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings("postgres", config, directories)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

var ops = shared.Ops[*job]{
	Backend: "postgres", Hint: "it has those of the module db",
	Do: map[string]func(*job) (map[string]any, *effect.Error){
		"backups": (*job).list, "query": (*job).query, "lag": (*job).lag, "is_primary": (*job).isPrimary, "validate": (*job).validate,
		"backup": (*job).backup, "restore": (*job).restore, "exec": (*job).exec, "migrations": (*job).migrations, "migrate": (*job).runMigrations, "promote": (*job).promote, "swap": (*job).swap,
	},
	See: map[string]func(*job) (effect.Observed, map[string]any, *effect.Error){
		"backup": (*job).seeBackup, "restore": (*job).seeCopy, "exec": (*job).seeExec, "migrate": (*job).seeMigration, "promote": (*job).seePromotion, "swap": (*job).seeSwap,
	},
}

// Invoke implements plugins.Backend.
func (b *Backend) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	return ops.Invoke(ctx, req, b.settings.job("postgres"))
}

// Observe implements plugins.Observer: it asks the servers, and looks at the
// files.
func (b *Backend) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	return ops.Observe(ctx, req, b.settings.job("postgres"))
}

// Health implements plugins.Backend: each database has a primary that lets us
// in.
func (b *Backend) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured("postgres")
	}
	for _, db := range b.settings.All() {
		j := &job{shared.Quiet(ctx), db}
		if _, e := j.primary(j.look()); e != nil {
			return e
		}
	}
	return nil
}

func errNotConfigured(backend string) *effect.Error {
	return effect.Errorf(effect.CodeInternal, "the %s backend is not configured", backend)
}
