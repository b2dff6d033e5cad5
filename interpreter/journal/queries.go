package journal

import (
	"context"
	"math"
	"strings"
)

// runsQuery adds the newest event to each run.
const runsQuery = `SELECT ` + recordColumns + `,
	coalesce((SELECT max(seq) FROM events WHERE run = num), 0),
	coalesce((SELECT at FROM events WHERE run = num ORDER BY seq DESC LIMIT 1), created) FROM runs`

// newest reports whether a word stands for the newest run.
func newest(word string) bool { return word == "latest" || word == "last" }

// Find returns the run whose id begins with prefix; "latest" and "last" are
// the newest run. The error may be a *NotFoundError or an *AmbiguousError.
func (d *DB) Find(ctx context.Context, prefix string) (Run, error) {
	const op, most = "look for a run in", 10
	prefix = strings.ToLower(strings.TrimSpace(prefix))
	var (
		runs []Run
		err  error
	)
	switch {
	case prefix == "":
	case newest(prefix):
		runs, err = d.list(ctx, `WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'runs'
			AND seq NOT IN (SELECT num FROM runs) AND seq NOT IN (SELECT num FROM deleted)) ORDER BY num DESC LIMIT 1`)
	default:
		runs, err = d.list(ctx, "WHERE substr(lower(id), 1, length(?1)) = ?1 ORDER BY num DESC LIMIT ?2", prefix, most)
	}
	if err != nil {
		return Run{}, d.wrap(op, err)
	}
	for _, r := range runs {
		if len(runs) == 1 || strings.ToLower(r.ID) == prefix {
			return r, nil
		}
	}
	if len(runs) > 1 {
		return Run{}, &AmbiguousError{prefix, runs}
	}
	return Run{}, d.wrap(op, missing(ctx, d.read, prefix))
}

// Runs returns the runs that pass the filter, newest first.
func (d *DB) Runs(ctx context.Context, f Filter) ([]Run, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = -1 // SQLite's word for all
	}
	any, since, before := "", int64(math.MinInt64), int64(math.MaxInt64)
	for _, s := range f.Statuses {
		any += "," + string(s) + ","
	}
	if !f.Since.IsZero() {
		since = nanos(f.Since)
	}
	if !f.Before.IsZero() {
		before = nanos(f.Before)
	}
	runs, err := d.list(ctx, `WHERE (?1 = '' OR status = ?1) AND (?2 = '' OR name = ?2) AND (?4 = '' OR instr(?4, ',' || status || ','))
		AND coalesce((SELECT at FROM events WHERE run = num ORDER BY seq DESC LIMIT 1), created) BETWEEN ?5 AND ?6 - 1 ORDER BY num DESC LIMIT ?3`,
		string(f.Status), f.Name, limit, any, since, before)
	return runs, d.wrap("list the runs of", err)
}

func (d *DB) list(ctx context.Context, where string, args ...any) ([]Run, error) {
	rows, err := d.read.QueryContext(ctx, runsQuery+" "+where, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var runs []Run
	for rows.Next() {
		var r record
		var seq, at int64
		if err := rows.Scan(append(r.fields(), &seq, &at)...); err != nil {
			return nil, err
		}
		run := r.run()
		run.Seq, run.Updated = seq, fromNanos(at)
		runs = append(runs, run)
	}
	return runs, rows.Err()
}

// Sources returns the newest version of each of a run's sources, the main
// script first, the others by name.
func (d *DB) Sources(ctx context.Context, run string) ([]Source, error) {
	op := "read the sources of run " + run + " from"
	rows, err := d.read.QueryContext(ctx, `SELECT s.name, s.hash, s.text FROM runs r JOIN sources s ON s.run = r.num
		WHERE r.id = ? AND s.seq = (SELECT max(seq) FROM sources WHERE run = s.run AND name = s.name)
		ORDER BY s.name <> r.script, s.name`, run)
	if err != nil {
		return nil, d.wrap(op, err)
	}
	defer func() { _ = rows.Close() }()
	var sources []Source
	for rows.Next() {
		var s Source
		if err := rows.Scan(&s.Name, &s.Hash, &s.Text); err != nil {
			return nil, d.wrap(op, err)
		}
		sources = append(sources, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.wrap(op, err)
	}
	if len(sources) == 0 {
		_, err = loadRecord(ctx, d.read, run)
	}
	return sources, d.wrap(op, err)
}
