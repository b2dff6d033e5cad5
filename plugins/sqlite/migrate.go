package sqlite

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) runMigrations(before []int64) (map[string]any, *effect.Error) {
	e := j.database.migrate.Run(j.Ctx, j.Args, j.Key, func(line string) { j.Progress.Say("%s", line) }, "RUNBOOK_FILE="+j.file)
	if e != nil {
		return nil, e
	}
	now, e := j.versions()
	if e == nil {
		e = shared.Reached(j.Args, now)
	}
	if e != nil {
		return nil, e
	}
	return shared.Value(before, now), nil
}

// versions returns what is applied, oldest first. Before the first migration
// the statement may find no table.
func (j *job) versions() ([]int64, *effect.Error) {
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

// begun returns what is noted of this effect; nil if nothing is.
func (j *job) begun() (*shared.Begun, *effect.Error) {
	n, e := j.noted()
	if e != nil || !n.there {
		return nil, e
	}
	b := &shared.Begun{}
	if err := json.Unmarshal([]byte(n.result), b); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the note of the effect in %s cannot be read: %v", j.marks, err)
	}
	return b, nil
}

func (j *job) noteMigration(b *shared.Begun) *effect.Error {
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
	b, e := j.begun()
	if e != nil {
		return nil, e
	}
	if b == nil {
		before, e := j.versions()
		if e != nil {
			return nil, e
		}
		b = &shared.Begun{Before: before}
		if e := j.noteMigration(b); e != nil {
			return nil, e
		}
	}
	if b.Value != nil {
		return b.Value, nil
	}
	value, e := j.runMigrations(b.Before)
	if e != nil {
		return nil, e
	}
	b.Value = value
	if e := j.noteMigration(b); e != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the schema was changed, and noting that failed: %s", e.Message)
	}
	return value, nil
}

func (j *job) seeMigration() (effect.Observed, map[string]any, *effect.Error) {
	if j.database.migrate == nil {
		return "", nil, shared.Missing("sqlite")
	}
	b, e := j.begun()
	if e != nil || b == nil {
		return effect.NotApplied, nil, e
	}
	now, e := j.versions()
	if e != nil {
		return "", nil, e
	}
	state, value := b.Outcome(j.Args, now)
	return state, value, nil
}
