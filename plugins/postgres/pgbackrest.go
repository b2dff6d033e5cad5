package postgres

import (
	"context"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/plugins"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
	"github.com/q-ecosystem/runbook/stdlib"
)

// PgBackRest takes care of the backups of clusters that pgBackRest keeps.
// NewPgBackRest returns it; Configure makes it ready.
type PgBackRest struct {
	settings *settings
}

// NewPgBackRest returns a backend that is not configured yet.
func NewPgBackRest() *PgBackRest { return &PgBackRest{} }

// Describe implements plugins.Backend.
func (b *PgBackRest) Describe() plugins.Description {
	fields := slices.DeleteFunc(databaseFields(), func(f effect.Field) bool {
		return slices.Contains([]string{"backups", "wal", "marks", "migrate", "goose"}, f.Name)
	})
	for i := range fields {
		if fields[i].Name == "copies" {
			fields[i].Doc = "the directory for restored copies; the backend postgres queries, validates and swaps them if it has the same"
		}
	}
	return plugins.Description{
		Name: "pgbackrest", Module: "db", Version: "1.0.0",
		Doc:    "Back up PostgreSQL with pgBackRest, and restore beside the live data",
		Ops:    stdlib.Carry("db", "backups", "backup", "restore"),
		Config: shared.DatabasesField(append(stanzaFields(), fields...)),
	}
}

// Configure implements plugins.Backend. It asks nobody.
func (b *PgBackRest) Configure(_ context.Context, config map[string]any) error {
	s, err := newSettings("pgbackrest", config, newStanza)
	if err != nil {
		return err
	}
	b.settings = s
	return nil
}

var restOps = shared.Ops[*job]{
	Backend: "pgbackrest", Hint: "it has backups, backup and restore; the backend postgres has the others",
	Do: map[string]func(*job) (map[string]any, *effect.Error){
		"backups": (*job).list, "backup": (*job).backup, "restore": (*job).restore,
	},
	See: map[string]func(*job) (effect.Observed, map[string]any, *effect.Error){
		"backup": (*job).seeKept, "restore": (*job).seeCopy,
	},
}

// Invoke implements plugins.Backend.
func (b *PgBackRest) Invoke(ctx context.Context, req plugins.Request) (any, error) {
	return restOps.Invoke(ctx, req, b.settings.job("pgbackrest"))
}

// Observe implements plugins.Observer: it asks pgBackRest for its backups, and
// looks at copies.
func (b *PgBackRest) Observe(ctx context.Context, req plugins.Request) (plugins.Observation, error) {
	return restOps.Observe(ctx, req, b.settings.job("pgbackrest"))
}

// Health implements plugins.Backend: pgBackRest knows each stanza.
func (b *PgBackRest) Health(ctx context.Context) error {
	if b.settings == nil {
		return errNotConfigured("pgbackrest")
	}
	for _, db := range b.settings.All() {
		if _, e := (&job{shared.Quiet(ctx), db}).stored(); e != nil {
			return e
		}
	}
	return nil
}
