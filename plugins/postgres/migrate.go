package postgres

import (
	"encoding/json"
	"fmt"
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
	b, e := shared.ReadBegun(n.result)
	if e != nil || b.Value != nil {
		return b, e
	}
	return b, j.settle()
}

// title is what sessions of the team's command call themselves, if their library
// goes by PGAPPNAME.
func (j *migrating) title() string { return "runbook-" + j.ID() }

// sessions lists those of the command, idle ones included; and those of tools that
// call themselves otherwise: of the same user, begun after the migration was noted.
// Ours and those of other migrations have names of their own. Statements may hold
// secrets: their first words are shown.
const sessions = `SELECT pid, concat_ws(' ', substring(query from '^\s*(\w+(?:\s+\w+)?)'), 'of', application_name, 'for', date_trunc('second', clock_timestamp() - query_start))
 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (application_name = $1
  OR usename = current_user AND datname = current_database() AND backend_type = 'client backend' AND state <> 'idle' AND application_name !~ '^runbook(-[0-9a-f]+)?$'
   AND backend_start >= (SELECT at FROM %s WHERE key = $2))`

// settle waits for statements of an attempt that was killed.
func (j *migrating) settle() *effect.Error {
	c, e := j.connect(j.n)
	if e != nil {
		return e
	}
	defer c.close()
	return j.Settle(c.title, j.timeout, func() (list []shared.Session, e *effect.Error) {
		name := j.title()
		_, err := c.run(j.Ctx, fmt.Sprintf(sessions, j.marks), []column{&name, &j.Key}, func(r *pgconn.ResultReader) bool {
			v := r.Values()
			list = append(list, shared.Session{ID: "pid " + string(v[0]), Does: j.hide(string(v[1]))})
			return true
		})
		if err != nil {
			e = j.failed(c, "its sessions", err)
		}
		return list, e
	})
}

// RunMigrations implements shared.Migrator.
func (j *migrating) RunMigrations() *effect.Error {
	if j.migrate.Table != "" {
		return j.goose()
	}
	e := j.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, append(j.environment(j.n), "PGAPPNAME="+j.title())...)
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
	return j.Migrate(j.migrate, m)
}

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	m, e := j.onMigration()
	if e != nil {
		return "", nil, e
	}
	return j.SeeMigration(j.migrate, m)
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
