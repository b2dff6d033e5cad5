package postgres

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// migrating is a migration of a primary.
type migrating struct {
	*job
	n *node
}

// Versions implements shared.Migrator. Before the first migration the statement
// may find no table.
func (j *migrating) Versions() ([]int64, *effect.Error) {
	c, e := j.connect(j.n)
	if e != nil {
		return nil, e
	}
	defer c.close()
	var list []int64
	var bad error
	_, err := c.run(j.Ctx, j.migrate.Versions, nil, func(r *pgconn.ResultReader) bool {
		var v int64
		if v, bad = strconv.ParseInt(string(r.Values()[0]), 10, 64); bad != nil {
			return false
		}
		list = append(list, v)
		return true
	})
	switch {
	case state(err) == undefinedTable:
		return nil, nil
	case err != nil:
		return nil, j.failed(c, "the versions of the schema", err)
	case bad != nil:
		return nil, effect.Errorf(effect.CodeInvalid, "migrate.versions returns what is no version: %v", bad).WithHint("it returns one whole number a row; mend it in the configuration of postgres")
	}
	slices.Sort(list)
	return list, nil
}

// Begun implements shared.Migrator.
func (j *migrating) Begun() (*shared.Begun, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return nil, e
	}
	return shared.ReadBegun(n.result)
}

// RunMigrations implements shared.Migrator.
func (j *migrating) RunMigrations() *effect.Error {
	e := j.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, j.environment(j.n)...)
	if e != nil {
		e.Message = j.hide(e.Message)
	}
	return e
}

// onMigration begins one.
func (j *job) onMigration() (*migrating, *effect.Error) {
	if j.migrate == nil {
		return nil, shared.Missing("postgres")
	}
	c, s, e := j.onPrimary()
	if e != nil {
		return nil, e
	}
	c.close()
	return &migrating{j, s.node}, nil
}

func (j *job) runMigrations() (map[string]any, *effect.Error) {
	m, e := j.onMigration()
	if e != nil {
		return nil, e
	}
	return j.Migrate(m)
}

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	m, e := j.onMigration()
	if e != nil {
		return "", nil, e
	}
	return j.SeeMigration(m)
}

// Note implements shared.Migrator.
func (j *migrating) Note(b *shared.Begun) *effect.Error {
	data, err := json.Marshal(b)
	if err != nil {
		return effect.Errorf(effect.CodeInternal, "note the migration: %v", err)
	}
	c, e := j.connect(j.n)
	if e != nil {
		return e
	}
	defer c.close()
	text, op := string(data), "migrate"
	for made := false; ; made = true {
		_, err := c.run(j.Ctx, "INSERT INTO "+j.marks+" AS m (key, op, result) VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET result = excluded.result", []column{&j.Key, &op, &text}, nil)
		if state(err) == undefinedTable && !made {
			if e := j.makeTable(c); e != nil {
				return e
			}
			continue
		}
		if err != nil {
			return j.failed(c, "noting the migration", err)
		}
		return nil
	}
}
