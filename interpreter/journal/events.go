package journal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// insertEvent inserts nothing when the epoch has moved or the lease has
	// ended.
	insertEvent = `INSERT INTO events (run, seq, at, epoch, kind, place, version, body, hash)
		SELECT num, ?, ?, ?, ?, ?, ?, ?, ? FROM runs WHERE num = ? AND epoch = ? AND lease_until > ?`
	extendEvents = `INSERT INTO events (run, ` + eventColumns + `, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	eventColumns = `seq, at, epoch, kind, place, version, body`
	eventsOfRun  = `SELECT ` + eventColumns + ` FROM events
		WHERE run = (SELECT num FROM runs WHERE id = ?) AND seq > ? ORDER BY seq`
	eventsAfter = `SELECT ` + eventColumns + `, hash FROM events WHERE run = ? AND seq > ? ORDER BY seq`
)

func (r *row) fields() []any {
	return []any{&r.seq, &r.at, &r.epoch, &r.kind, &r.place, &r.version, &r.body}
}

// Events returns a run's events behind seq after, oldest first, read in one
// query. The error may be a *NotFoundError or an *UnknownKindError.
func (d *DB) Events(ctx context.Context, run string, after int64) ([]effect.Event, error) {
	op := "read run " + run + " from"
	rows, err := d.reads.events.QueryContext(ctx, run, after)
	if err != nil {
		return nil, d.wrap(op, err)
	}
	events, _, err := d.scan(run, rows, false)
	if err == nil && len(events) == 0 {
		_, err = loadRecord(ctx, d.read, run)
	}
	if err != nil {
		return nil, d.wrap(op, err)
	}
	return events, nil
}

// since returns a run's events behind a link, and the newest link. It reads on
// the writing connection and is called with mu held.
func (d *DB) since(ctx context.Context, run string, num int64, from link) ([]effect.Event, link, error) {
	rows, err := d.writes.after.QueryContext(ctx, num, from.seq)
	if err != nil {
		return nil, from, err
	}
	events, head, err := d.scan(run, rows, true)
	if head.seq == 0 {
		head = from
	}
	return events, head, err
}

// scan reads rows to their end and closes them. With hashes, the rows carry
// their hash and the last link is returned.
func (d *DB) scan(run string, rows *sql.Rows, hashes bool) (events []effect.Event, last link, err error) {
	defer func() { _ = rows.Close() }()
	var (
		r     row
		hash  []byte
		dests = r.fields()
	)
	if hashes {
		dests = append(dests, &hash)
	}
	for rows.Next() {
		if err := rows.Scan(dests...); err != nil {
			return nil, last, err
		}
		if len(events) == cap(events) { // double: events are large, and append grows long slices by a quarter
			events = slices.Grow(events, len(events)+64)
		}
		events = append(events, effect.Event{})
		if err := d.toEvent(run, &r, &events[len(events)-1]); err != nil {
			return nil, last, err
		}
		last.seq = r.seq
		copy(last.hash[:], hash)
	}
	return events, last, rows.Err()
}

func eventName(run string, seq int64) string { return fmt.Sprintf("%d of run %s", seq, run) }
