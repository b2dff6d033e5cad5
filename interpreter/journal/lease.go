package journal

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// lease is a runner's own view of how long it may write. It has a mutex of its
// own, so that nobody waits for the disk to read it.
type lease struct {
	mu    sync.Mutex
	began time.Time // when it was last extended; zero when it has ended
}

func (l *lease) extend(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began = now
}

func (l *lease) end() { l.extend(time.Time{}) }

// valid goes by the monotonic clock, which no adjustment moves, and by the wall
// clock, which goes on while the machine sleeps: the stricter one counts.
func (l *lease) valid(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	const safe = LeaseTTL - leaseMargin
	return !l.began.IsZero() && now.Sub(l.began) < safe && now.Round(0).Sub(l.began.Round(0)) < safe
}

// until is when valid ends, by the wall clock; zero if it has.
func (l *lease) until(now time.Time) time.Time {
	if !l.valid(now) {
		return time.Time{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began.Round(0).Add(LeaseTTL - leaseMargin)
}

// Acquire takes a run up: its epoch rises by one, and whoever held it before
// can write nothing more. The error is a *HeldError while another process
// holds it (or this one does already), or a *NotFoundError. A holder whose
// process has ended on this machine loses the run at once; any other when its
// lease has run out. The whole record is verified before: the error is a
// *TamperedError when it is not as it was written. A run that has ended can be
// acquired too, to be rolled back.
func (d *DB) Acquire(ctx context.Context, run string, owner Owner) (*Writer, error) {
	return d.acquire(ctx, run, owner, d.intact)
}

// AcquireVerified is Acquire for a record that was verified just before: only
// what has been written since is verified now.
func (d *DB) AcquireVerified(ctx context.Context, before *Verified, owner Owner) (*Writer, error) {
	return d.acquire(ctx, before.record.id, owner, func(ctx context.Context, q querier, _ string) (*state, []effect.Event, error) {
		now, since, err := d.follow(ctx, q, &before.state)
		if len(since) == 0 {
			return now, before.past, err
		}
		return now, slices.Concat(before.past, since), err
	})
}

// acquire takes a run up whose record verified holds against its chain.
func (d *DB) acquire(ctx context.Context, run string, owner Owner,
	verified func(ctx context.Context, q querier, run string) (*state, []effect.Event, error)) (*Writer, error) {
	w := &Writer{db: d, run: run}
	var began time.Time
	err := d.update(ctx, "acquire run "+run+" in", func(ctx context.Context, c *sql.Conn) error {
		r, err := loadRecord(ctx, c, run)
		if err != nil {
			return err
		}
		began = d.now()
		if h := r.heldBy(); h != nil && !h.Gone(owner, began) {
			return &HeldError{Run: run, Holder: h.Owner, Since: h.Since, Until: h.Until}
		}
		s, past, err := verified(ctx, c, run)
		if err != nil {
			return err
		}
		if err := s.record.take(owner, began); err != nil {
			return err
		}
		w.state, w.past = *s, past
		return d.store(ctx, c, s.record, s.head, s.locks)
	})
	if err != nil {
		return nil, err
	}
	w.lease.extend(began)
	return w, nil
}

// Renew extends the lease to LeaseTTL from now. Call it every few seconds:
// it also verifies what others have sent, and that nothing else was written.
// A lease that ran out and that nobody took since is renewed like any other.
// The error is a *FencedError when the run was taken over.
func (w *Writer) Renew(ctx context.Context) error {
	var now time.Time
	err := w.update(ctx, "renew the lease in", func(ctx context.Context, c *sql.Conn, t *heldRun) error {
		now = t.now
		t.record.leaseUntil = nanos(now.Add(LeaseTTL))
		return w.db.store(ctx, c, t.record, t.head, t.locks)
	})
	if err == nil {
		w.lease.extend(now)
	}
	return err
}

// Close gives the run up, if it is still held, so that the next runner need
// not wait. It may be called more than once.
func (w *Writer) Close(ctx context.Context) error {
	err := w.update(ctx, "give up run "+w.run+" in", func(ctx context.Context, c *sql.Conn, t *heldRun) error {
		t.record.free()
		return w.db.store(ctx, c, t.record, t.head, t.locks)
	})
	var gone *NotFoundError
	if errors.Is(err, ErrFenced) || errors.As(err, &gone) {
		return nil
	}
	return err
}
