package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"sort"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// lockRow is a row of the table locks.
type lockRow struct {
	name  string
	run   int64
	since int64
	owner string
	seal  string
}

func (l *lockRow) sealed(k key) string { return k.seal("lock", l.name, l.run, l.since, l.owner) }

// Lock takes locks for the run, all or none; the run keeps them, across
// runners, until it has ended. Locks that it has already are fine. The error
// is a *LockedError when another run has one.
func (w *Writer) Lock(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	names = append([]string(nil), names...)
	sort.Strings(names)
	return w.update(ctx, "lock in", func(ctx context.Context, c *sql.Conn, t *turn) error {
		for _, name := range names {
			mine, err := w.lockable(ctx, c, name)
			if err != nil {
				return err
			}
			if mine {
				continue
			}
			l := lockRow{name: name, run: w.num, since: nanos(t.now), owner: t.record.holder}
			_, err = c.ExecContext(ctx, "INSERT INTO locks (name, run, since, owner, seal) VALUES (?, ?, ?, ?, ?)",
				l.name, l.run, l.since, l.owner, l.sealed(w.db.key))
			if err != nil {
				return err
			}
		}
		return w.db.store(ctx, c, t.record)
	})
}

// lockable reports whether this run has the lock already; the error is a
// *LockedError when another has.
func (w *Writer) lockable(ctx context.Context, c *sql.Conn, name string) (mine bool, err error) {
	var (
		num, since            int64
		owner                 string
		id, runName, statusOf string
	)
	err = c.QueryRowContext(ctx, `SELECT l.run, l.since, l.owner, coalesce(r.id, ''), coalesce(r.name, ''), coalesce(r.status, '')
		FROM locks l LEFT JOIN runs r ON r.num = l.run WHERE l.name = ?`, name).
		Scan(&num, &since, &owner, &id, &runName, &statusOf)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil || num == w.num {
		return err == nil, err
	}
	e := &LockedError{Name: name, Run: id, RunName: runName, Status: effect.Status(statusOf), Since: fromNanos(since)}
	_ = json.Unmarshal([]byte(owner), &e.Owner) // an unreadable owner still holds it
	return false, e
}
