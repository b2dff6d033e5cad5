package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Writer appends to the run that this process holds. Its methods may be called
// from several goroutines. After a *FencedError it writes nothing more.
type Writer struct {
	db  *DB
	run string

	mu    sync.Mutex // taken before the connection
	state            // as this process last saw the run
	past  []effect.Event
	inbox []effect.Event // what others sent and Inbox has not returned yet

	lease    lease
	patience *patience // nil: that of SQLite
}

// Run returns the run's id.
func (w *Writer) Run() string { return w.run }

// Epoch counts the runners that this run has had; this one is the last.
func (w *Writer) Epoch() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record.epoch
}

// Past returns the run's events up to when it was acquired, which Acquire has
// verified. It returns them once.
func (w *Writer) Past() []effect.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	past := w.past
	w.past = nil
	return past
}

// Valid reports whether the lease is certainly still this process's at this
// instant. It reads a clock and not the disk: ask right before a write leaves
// for a real system.
func (w *Writer) Valid() bool { return w.lease.valid(w.db.now()) }

// Until returns the wall-clock time up to which the lease certainly holds
// unless it is renewed; zero if that is past. A request that carries it can be
// refused by whoever receives it too late.
func (w *Writer) Until() time.Time { return w.lease.until(w.db.now()) }

// Append appends events in one commit and returns them as they were recorded.
// They are on disk then, all or none. At is set by the caller; Seq and Epoch
// are filled in. Each append renews the lease. The error is a *FencedError
// when this process no longer holds the run, and a *TamperedError when the
// run's newest events are not as they were written. Cancellation of ctx does
// not stop it.
func (w *Writer) Append(ctx context.Context, events ...effect.Event) ([]effect.Event, error) {
	const op = "append to"
	events = slices.Clone(events)
	if len(events) == 0 {
		return events, nil
	}
	d := w.db
	if err := d.writable(op); err != nil {
		return events, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if gone := d.gone(ctx); gone != nil {
		done := outcomes(events)
		if len(done) > 0 {
			if err := w.append(ctx, done); err != nil {
				return events, errors.Join(gone, err)
			}
		}
		return events, d.rescue(context.WithoutCancel(ctx), gone)
	}
	return events, w.append(ctx, events)
}

// append is Append to the files that are open, wherever they are.
func (w *Writer) append(ctx context.Context, events []effect.Event) error {
	const op = "append to"
	d := w.db
	var began time.Time
	now := w.state
	var sent []effect.Event
	err := d.transact(&transaction{ctx: w.patiently(ctx), op: op, shared: true, fn: func(ctx context.Context, c *sql.Conn) error {
		now, sent = w.state, nil
		if now.record.leaseUntil == 0 {
			_, _, err := w.holding(ctx, c)
			return err
		}
		began = d.now()
		advanced, err := d.advance(ctx, &now, events, began)
		if err != nil || advanced {
			return err
		}
		// Somebody has sent in between, or has taken the run.
		held, more, err := w.holding(ctx, c)
		if err != nil {
			return err
		}
		now, sent = *held, more
		if advanced, err = d.advance(ctx, &now, events, began); err == nil && !advanced {
			err = errors.New("the run's row changed inside a transaction")
		}
		return err
	}})
	if conflict(err) { // a row stands where the next one belongs
		err = &TamperedError{w.run, []Fault{{Run: w.run, Seq: w.head.seq + 1, What: foreign(w.head.seq+1, w.head.seq+1)}}}
	}
	if err != nil {
		return err
	}
	w.state, w.inbox = now, append(w.inbox, sent...)
	w.lease.extend(began)
	return nil
}

// advance appends events behind s if the run's row is still the one that s
// has, and brings s up to date. Called inside a transaction.
func (d *DB) advance(ctx context.Context, s *state, events []effect.Event, now time.Time) (bool, error) {
	rows := make([]row, len(events))
	links := make([]link, len(events))
	head := s.head
	for i := range events {
		var err error
		if rows[i], err = d.toRow(&events[i], head.seq+1, s.record.epoch); err != nil {
			return false, fmt.Errorf("run %s: %w", s.record.id, err)
		}
		head = head.next(s.record.id, &rows[i])
		links[i] = head
	}
	r := *s.record
	r.headSeq, r.headHash, r.leaseUntil = head.seq, head.hash[:], nanos(now.Add(LeaseTTL))
	r.digest = r.digestOf(d.key, s.locks)
	result, err := d.writes.advance.ExecContext(ctx, r.headSeq, r.headHash, r.leaseUntil, r.digest, r.num, s.record.digest)
	if err != nil {
		return false, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	for i := range rows {
		if err := d.insert(ctx, r.num, &rows[i], links[i]); err != nil {
			return false, err
		}
	}
	s.record, s.head = &r, head
	return true, nil
}

// insert writes one row of the chain. Called inside a transaction.
func (d *DB) insert(ctx context.Context, num int64, r *row, l link) error {
	_, err := d.writes.extend.ExecContext(ctx, num, r.seq, r.at, r.epoch, r.kind, r.place, r.version, r.body, l.hash[:])
	return err
}

// Inbox returns the events that others have sent since the run was created
// or acquired and that Inbox has not returned before, each verified. Who reads
// Events after Acquire may meet an event again here; its Seq tells. The error
// is a *TamperedError when something else was written there.
func (w *Writer) Inbox(ctx context.Context) ([]effect.Event, error) {
	const op = "read what was sent to"
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.db
	if d.conn == nil {
		return nil, d.writable(op)
	}
	err := d.snapshot(context.WithoutCancel(ctx), op, func(tx *sql.Tx) error {
		var digest string
		err := tx.StmtContext(ctx, d.reads.digest).QueryRowContext(ctx, w.record.num).Scan(&digest)
		if err != nil || digest == w.record.digest {
			return err
		}
		now, sent, err := d.follow(ctx, tx, &w.state)
		if err != nil {
			return err
		}
		if now.record.epoch == w.record.epoch { // or the run is another's, which the next write says
			w.state = *now
		}
		w.inbox = append(w.inbox, sent...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	inbox := w.inbox
	w.inbox = nil
	return inbox, nil
}

// Unread reports whether this process has seen, by an append or a renewal, that
// somebody sent what Inbox has not returned yet.
func (w *Writer) Unread() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.inbox) > 0
}

// heldRun is a run as its runner holds it, within one transaction.
type heldRun struct {
	state
	now    time.Time
	unread bool // something was sent that Inbox has not returned
}

// update runs fn in a transaction in which the run is held by this process.
func (w *Writer) update(ctx context.Context, op string, fn func(ctx context.Context, c *sql.Conn, t *heldRun) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if gone := w.db.gone(ctx); gone != nil {
		return w.db.rescue(context.WithoutCancel(ctx), gone)
	}
	var t heldRun
	var sent []effect.Event
	err := w.db.update(w.patiently(ctx), op, func(ctx context.Context, c *sql.Conn) error {
		now, more, err := w.holding(ctx, c)
		if err != nil {
			return err
		}
		t, sent = heldRun{*now, w.db.now(), len(w.inbox)+len(more) > 0}, more
		return fn(ctx, c, &t)
	})
	if err != nil {
		return err
	}
	w.state, w.inbox = t.state, append(w.inbox, sent...)
	if t.record.leaseUntil == 0 {
		w.lease.end()
	}
	return nil
}

// holding returns the run as it is now and what was sent since it was last
// seen; the error is a *FencedError when the run is no longer this process's.
// A lease that ran out while nobody took the run is still this process's.
func (w *Writer) holding(ctx context.Context, q querier) (*state, []effect.Event, error) {
	r, err := loadRecord(ctx, q, w.run)
	if err != nil {
		return nil, nil, err
	}
	if r.epoch != w.record.epoch || r.leaseUntil == 0 {
		w.lease.end()
		e := &FencedError{Run: w.run, Epoch: w.record.epoch, Now: r.epoch}
		if by := r.heldBy(); by != nil && r.epoch != w.record.epoch {
			e.By = *by
		}
		return nil, nil, e
	}
	return w.db.follow(ctx, q, &w.state)
}
