package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// lockRow is a row of the table locks. Its env is that of its run, which the
// run's digest covers.
type lockRow struct {
	env    string
	name   string
	run    int64
	since  int64
	owner  string
	digest string // column seal
}

const lockColumns = "env, name, run, since, owner, seal"

func (l *lockRow) fields() []any {
	return []any{&l.env, &l.name, &l.run, &l.since, &l.owner, &l.digest}
}

func (l *lockRow) digestOf(k key) string { return k.digest("lock", l.name, l.run, l.since, l.owner) }

// Lock takes locks for the run, all or none; the run keeps them, across
// runners, until it has ended. A lock belongs to the run's environment: runs on
// other systems may have one of the same name. Locks that the run has already
// are fine. The error is a *LockedError when another run has one.
func (w *Writer) Lock(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return w.update(ctx, "lock in", func(ctx context.Context, c *sql.Conn, t *heldRun) (err error) {
		if t.locks, err = w.db.lock(ctx, c, t.record, t.locks, names, t.now); err != nil {
			return err
		}
		return w.db.store(ctx, c, t.record, t.head, t.locks)
	})
}

// lock takes what a run has not yet of names, and returns all that it has then.
// Called inside a transaction that holds the run.
func (d *DB) lock(ctx context.Context, c *sql.Conn, r *record, held, names []string, now time.Time) ([]string, error) {
	names = slices.Clone(names)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if slices.Contains(held, name) {
			continue
		}
		if err := d.lockable(ctx, c, r, name, now); err != nil {
			return nil, err
		}
		l := lockRow{env: r.env, name: name, run: r.num, since: nanos(now), owner: r.holder}
		_, err := c.ExecContext(ctx, "INSERT INTO locks ("+lockColumns+") VALUES (?, ?, ?, ?, ?, ?)",
			l.env, l.name, l.run, l.since, l.owner, l.digestOf(d.key))
		if err != nil {
			return nil, err
		}
		held = append(slices.Clone(held), name)
	}
	slices.Sort(held)
	return held, nil
}

// lockable returns a *LockedError when another run has the lock.
func (d *DB) lockable(ctx context.Context, c *sql.Conn, r *record, name string, now time.Time) error {
	var (
		num, since int64
		owner, id  string
	)
	err := c.QueryRowContext(ctx, `SELECT l.run, l.since, l.owner, coalesce(r.id, '')
		FROM locks l LEFT JOIN runs r ON r.num = l.run WHERE l.env = ? AND l.name = ?`, r.env, name).
		Scan(&num, &since, &owner, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	e := &LockedError{Name: name, Env: r.env, Run: id, Since: fromNanos(since)}
	_ = json.Unmarshal([]byte(owner), &e.Owner) // an unreadable owner still holds it
	if other, err := loadRecord(ctx, c, id); err == nil {
		e.RunName, e.Status = other.name, effect.Status(other.status)
		var self Owner
		_ = json.Unmarshal([]byte(r.holder), &self) // written by this process
		if h := other.heldBy(); h != nil {
			e.Holder, e.Died = h, h.Gone(self, now)
			e.Heard = h.Until.Add(-LeaseTTL)
		}
	}
	return e
}
