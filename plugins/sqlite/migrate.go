package sqlite

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// RunMigrations implements shared.Migrator.
func (j *job) RunMigrations() *effect.Error {
	if j.database.migrate.Table != "" {
		return j.goose()
	}
	return j.database.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, "RUNBOOK_FILE="+j.file)
}

// Versions implements shared.Migrator. Before the first migration the statement
// may find no table.
func (j *job) Versions() ([]int64, *effect.Error) {
	c, e := j.open(j.file, readOnly)
	if e != nil {
		return nil, e
	}
	defer c.close()
	rows, err := c.QueryContext(j.Ctx, j.database.migrate.Versions)
	if err != nil {
		if strings.HasPrefix(err.Error(), "no such table: ") { // it has no code of its own
			return nil, nil
		}
		return nil, j.failed(j.file, "be asked for its versions", err)
	}
	defer rows.Close()
	var list []int64
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, j.failed(j.file, "be asked for its versions", err)
		}
		list = append(list, v)
	}
	if err := rows.Err(); err != nil {
		return nil, j.failed(j.file, "be asked for its versions", err)
	}
	slices.Sort(list)
	return list, nil
}

// Begun implements shared.Migrator.
func (j *job) Begun() (*shared.Begun, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return nil, e
	}
	return shared.ReadBegun(n.result)
}

// Note implements shared.Migrator.
func (j *job) Note(b *shared.Begun) *effect.Error {
	data, err := json.Marshal(b)
	if err != nil {
		return effect.Errorf(effect.CodeInternal, "note the migration: %v", err)
	}
	c, e := j.open(j.file, readWrite)
	if e != nil {
		return e
	}
	defer c.close()
	if err := j.mark(c, "migrate", string(data)); err != nil {
		return j.failed(j.file, "be changed", err)
	}
	return nil
}

func (j *job) migrate() (map[string]any, *effect.Error) {
	if j.database.migrate == nil {
		return nil, shared.Missing("sqlite")
	}
	return j.Migrate(j.database.migrate, j)
}

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	if j.database.migrate == nil {
		return "", nil, shared.Missing("sqlite")
	}
	return j.SeeMigration(j.database.migrate, j)
}
