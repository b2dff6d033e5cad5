package postgres

import (
	"encoding/json"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// versions returns what is applied, oldest first. Before the first migration
// the statement may find no table.
func (j *job) versions(c *conn) ([]int64, *effect.Error) {
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

func (n *note) begun() (*shared.Begun, *effect.Error) {
	if !n.there {
		return nil, nil
	}
	b := &shared.Begun{}
	if err := json.Unmarshal([]byte(n.result), b); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the note of the effect cannot be read: %v", err)
	}
	return b, nil
}

func (j *job) runMigrations() (map[string]any, *effect.Error) {
	if j.migrate == nil {
		return nil, shared.Missing("postgres")
	}
	c, s, e := j.onPrimary()
	if e != nil {
		return nil, e
	}
	defer c.close()
	n, e := j.noted()
	if e != nil {
		return nil, e
	}
	b, e := n.begun()
	if e != nil {
		return nil, e
	}
	if b == nil {
		before, e := j.versions(c)
		if e != nil {
			return nil, e
		}
		b = &shared.Begun{Before: before}
		if e := j.noteMigration(c, b); e != nil {
			return nil, e
		}
	}
	if b.Value != nil {
		return b.Value, nil
	}
	if e := j.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, j.environment(s.node)...); e != nil {
		e.Message = j.hide(e.Message)
		return nil, e
	}
	now, e := j.versions(c)
	if e == nil {
		e = shared.Reached(j.Args, now)
	}
	if e != nil {
		return nil, e
	}
	b.Value = shared.Value(b.Before, now)
	if e := j.noteMigration(c, b); e != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the schema was changed, and noting that failed: %s", e.Message)
	}
	return b.Value, nil
}

// noteMigration writes how far a migration came.
func (j *job) noteMigration(c *conn, b *shared.Begun) *effect.Error {
	data, err := json.Marshal(b)
	if err != nil {
		return effect.Errorf(effect.CodeInternal, "note the migration: %v", err)
	}
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

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	if j.migrate == nil {
		return "", nil, shared.Missing("postgres")
	}
	n, e := j.noted()
	if e != nil {
		return "", nil, e
	}
	b, e := n.begun()
	if e != nil || b == nil {
		return effect.NotApplied, nil, e
	}
	c, _, e := j.onPrimary()
	if e != nil {
		return "", nil, e
	}
	defer c.close()
	now, e := j.versions(c)
	if e != nil {
		return "", nil, e
	}
	state, value := b.Outcome(j.Args, now)
	return state, value, nil
}
