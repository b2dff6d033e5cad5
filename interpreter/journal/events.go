package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

const (
	// advanceHead changes nothing when the run's row is not the one that was
	// last seen: somebody sent, or took the run over.
	advanceHead  = `UPDATE runs SET head_seq = ?, head_hash = ?, lease_until = ?, seal = ? WHERE num = ? AND seal = ?`
	extendEvents = `INSERT INTO events (run, ` + eventColumns + `, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	eventColumns = `seq, at, epoch, kind, place, version, body`
	eventsOfRun  = `SELECT ` + eventColumns + ` FROM events
		WHERE run = (SELECT num FROM runs WHERE id = ?) AND seq > ? ORDER BY seq`
	eventsAfter = `SELECT ` + eventColumns + `, hash FROM events WHERE run = ? AND seq > ? ORDER BY seq`
)

func (r *row) fields() []any {
	return []any{(*integer)(&r.seq), (*integer)(&r.at), (*integer)(&r.epoch), &r.kind, &r.place, (*integer)(&r.version), &r.body}
}

// Events returns a run's events behind seq after, oldest first, read in one
// query. The error may be a *NotFoundError or an *UnknownKindError.
func (d *DB) Events(ctx context.Context, run string, after int64) ([]effect.Event, error) {
	op := "read run " + run + " from"
	var newest int64
	if err := d.reads.newest.QueryRowContext(ctx, run).Scan(&newest); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			err = missing(ctx, d.read, run)
		}
		return nil, d.wrap(op, err)
	}
	rows, err := d.reads.events.QueryContext(ctx, run, after)
	if err != nil {
		return nil, d.wrap(op, err)
	}
	events, err := d.scan(run, rows, newest-after)
	if err == nil && len(events) == 0 {
		_, err = loadRecord(ctx, d.read, run)
	}
	if err != nil {
		return nil, d.wrap(op, err)
	}
	return events, nil
}

// scan reads rows to their end, about n of them, and closes them.
func (d *DB) scan(run string, rows *sql.Rows, n int64) ([]effect.Event, error) {
	defer func() { _ = rows.Close() }()
	events := make([]effect.Event, 0, room(n))
	var unread error
	err := sideBySide(n, func(send func(*storedRow)) error {
		var one storedRow
		dests := one.fields()
		for rows.Next() {
			if err := rows.Scan(dests...); err != nil {
				return err
			}
			send(&one)
		}
		return rows.Err()
	}, func(r *storedRow) {
		if unread != nil {
			return
		}
		events = append(events, effect.Event{})
		unread = d.toEvent(run, &r.row, &events[len(events)-1])
	})
	if err == nil {
		err = unread
	}
	if err != nil {
		return nil, err
	}
	return events, nil
}

// room is the capacity for about n events, which are large to copy. What says
// how many there are may have been changed.
func room(n int64) int64 { return min(max(n, 1), 1<<17) }

// batchRows is how many rows a reader is ahead by, at most three times.
const batchRows = 512

// sideBySide reads rows while those before are dealt with: both take about as
// long. n is about how many there are.
func sideBySide(n int64, read func(send func(*storedRow)) error, each func(*storedRow)) error {
	size := min(batchRows, max(n, 1))
	batches, done := make(chan []storedRow, 1), make(chan struct{})
	go func() {
		defer close(done)
		for batch := range batches {
			for i := range batch {
				each(&batch[i])
			}
		}
	}()
	batch := make([]storedRow, 0, size)
	err := read(func(r *storedRow) {
		if batch = append(batch, *r); len(batch) == batchRows {
			batches <- batch
			batch = make([]storedRow, 0, size)
		}
	})
	batches <- batch
	close(batches)
	<-done
	return err
}

func eventName(run string, seq int64) string { return fmt.Sprintf("%d of run %s", seq, run) }
