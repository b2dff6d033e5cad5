package journal

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Writer appends to the run that this process holds. Its methods may be called
// from several goroutines. After a *FencedError it writes nothing more.
type Writer struct {
	db    *DB
	run   string
	num   int64
	epoch int64

	mu   sync.Mutex // taken before db.mu
	head link
	news []effect.Event // what others posted and News has not returned yet

	lease lease
}

// Run returns the run's id.
func (w *Writer) Run() string { return w.run }

// Epoch counts the runners that this run has had; this one is the last.
func (w *Writer) Epoch() int64 { return w.epoch }

// Valid reports whether the lease is certainly still this process's at this
// instant. It reads a clock and not the disk: ask right before a write leaves
// for a real system.
func (w *Writer) Valid() bool { return w.lease.valid(w.db.now()) }

// Until returns the wall-clock time up to which the lease certainly holds
// unless it is renewed; zero if that is past. A request that carries it can be
// refused by whoever receives it too late.
func (w *Writer) Until() time.Time { return w.lease.until(w.db.now()) }

// Append appends events and returns them as they were recorded. They are on
// disk then, all or none. At is set by the caller; Seq and Epoch are filled
// in. The error is a *FencedError when this process no longer holds the run.
// Cancellation of ctx does not stop it.
func (w *Writer) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	events = append([]effect.Event(nil), events...)
	switch len(events) {
	case 0:
		return events, nil
	case 1:
		return events, w.appendOne(context.WithoutCancel(ctx), &events[0])
	}
	return events, w.update(ctx, "append to", func(ctx context.Context, c *sql.Conn, t *turn) (err error) {
		t.head, err = w.db.extend(ctx, t.record, t.head, events)
		return err
	})
}

// appendOne is one statement, committed by itself, which checks epoch and
// lease on its way.
func (w *Writer) appendOne(ctx context.Context, e *effect.Event) error {
	const op = "append to"
	d := w.db
	if err := d.writable(op); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		r, err := d.toRow(e, w.head.seq+1, w.epoch)
		if err != nil {
			return fmt.Errorf("run %s: %w", w.run, err)
		}
		next := w.head.next(w.run, &r)
		stale, err := w.insert(ctx, &r, next)
		if err != nil {
			return d.wrap(op, err)
		}
		if !stale {
			w.head = next
			return nil
		}
	}
}

// insert reports stale when somebody has posted in between; head and news are
// brought up to date then.
func (w *Writer) insert(ctx context.Context, r *row, next link) (stale bool, err error) {
	d := w.db
	d.mu.Lock()
	defer d.mu.Unlock()
	result, err := d.writes.insert.ExecContext(ctx, r.seq, r.at, r.epoch, r.kind, r.place, r.version, r.body, next.hash[:],
		w.num, w.epoch, nanos(d.now()))
	if conflict(err) {
		before := w.head.seq
		if err := w.catchUp(ctx); err != nil {
			return false, err
		}
		if w.head.seq == before {
			return false, err // a row that cannot be seen is in the way
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		_, err = w.holding(ctx, d.conn)
		if err == nil {
			return true, nil // the clock was set back in this instant
		}
	}
	return false, err
}

// News returns the events that others have posted since the run was created
// or acquired and that News has not returned before. Who reads Events after
// Acquire may meet an event again here; its Seq tells.
func (w *Writer) News(ctx context.Context) ([]effect.Event, error) {
	const op = "read what was posted to"
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.db.conn == nil {
		return nil, w.db.writable(op)
	}
	w.db.mu.Lock()
	err := w.catchUp(context.WithoutCancel(ctx))
	w.db.mu.Unlock()
	if err != nil {
		return nil, w.db.wrap(op, err)
	}
	news := w.news
	w.news = nil
	return news, nil
}

// catchUp reads what others have posted. Called with both mutexes held.
func (w *Writer) catchUp(ctx context.Context) error {
	news, head, err := w.db.since(ctx, w.run, w.num, w.head)
	if err == nil {
		w.head, w.news = head, append(w.news, news...)
	}
	return err
}

// turn is what a writer's transaction works on.
type turn struct {
	record *record
	head   link
	now    time.Time
}

// update runs fn in a transaction in which the run is held by this process.
func (w *Writer) update(ctx context.Context, op string, fn func(ctx context.Context, c *sql.Conn, t *turn) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var t turn
	var news []effect.Event
	err := w.db.update(ctx, op, func(ctx context.Context, c *sql.Conn) (err error) {
		t.now = w.db.now()
		if t.record, err = w.holding(ctx, c); err != nil {
			return err
		}
		if news, t.head, err = w.db.since(ctx, w.run, w.num, w.head); err != nil {
			return err
		}
		return fn(ctx, c, &t)
	})
	if err != nil {
		return err
	}
	w.head, w.news = t.head, append(w.news, news...)
	if t.record.leaseUntil == 0 {
		w.lease.end()
	}
	return nil
}

// holding loads the run's row; the error is a *FencedError when the run is no
// longer this process's.
func (w *Writer) holding(ctx context.Context, q querier) (*record, error) {
	r, err := loadRecord(ctx, q, w.run)
	if err != nil {
		return nil, err
	}
	if r.epoch == w.epoch && r.leaseUntil > nanos(w.db.now()) {
		return r, nil
	}
	w.lease.end()
	e := &FencedError{Run: w.run, Epoch: w.epoch, Now: r.epoch}
	if by := r.heldBy(); by != nil && r.epoch != w.epoch {
		e.By = *by
	}
	return nil, e
}
