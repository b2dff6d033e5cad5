package journal

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// parked reports whether a run in this status waits for somebody to take it
// up again.
func parked(st effect.Status) bool {
	return st == effect.StatusWaiting || st == effect.StatusUnknown || st == effect.StatusInterrupted
}

// SetStatus appends events and a status.changed, and changes the run's status,
// in one transaction. The status.changed is made here unless the last of
// events is one, to this status, that says more. A status that has ended or
// waits for somebody gives the lease up; one that has ended frees the locks. Either
// is refused with ErrUnread while something was sent that Inbox has not
// returned: whoever sent it was told that there is a runner to read it.
func (w *Writer) SetStatus(ctx context.Context, st effect.Status, events ...effect.Event) error {
	if st == "" {
		return fmt.Errorf("set the status of run %s: no status is named", w.run)
	}
	return w.update(ctx, "set the status of run "+w.run+" in", func(ctx context.Context, c *sql.Conn, t *heldRun) error {
		if (st.Terminal() || parked(st)) && t.unread {
			return ErrUnread
		}
		events := append([]effect.Event(nil), events...)
		if n := len(events); n == 0 || events[n-1].Kind != effect.StatusChanged || events[n-1].Body.Status != st {
			events = append(events, effect.Event{At: t.now, Kind: effect.StatusChanged, Body: effect.Body{Status: st}})
		}
		var err error
		if t.head, err = w.db.extend(ctx, t.record, t.head, events); err != nil {
			return err
		}
		t.record.status = string(st)
		if st.Terminal() || parked(st) {
			t.record.free()
		}
		if st.Terminal() {
			if _, err := c.ExecContext(ctx, "DELETE FROM locks WHERE run = ?", w.record.num); err != nil {
				return err
			}
			t.locks = nil
		}
		return w.db.store(ctx, c, t.record, t.head, t.locks)
	})
}

// AddSource records a new version of a source together with ev, whose kind is
// source.changed; its Name and Hash are filled in.
func (w *Writer) AddSource(ctx context.Context, s Source, ev effect.Event) error {
	op := "add source " + s.Name + " to run " + w.run + " in"
	if err := s.complete(); err != nil {
		return fmt.Errorf("run %s: %w", w.run, err)
	}
	if ev.Kind != effect.SourceChanged {
		return fmt.Errorf("run %s: add source %s: the event is %q, not %q", w.run, s.Name, ev.Kind, effect.SourceChanged)
	}
	ev.Body.Name, ev.Body.Hash = s.Name, s.Hash
	return w.update(ctx, op, func(ctx context.Context, c *sql.Conn, t *heldRun) error {
		var err error
		if t.head, err = w.db.extend(ctx, t.record, t.head, []effect.Event{ev}); err != nil {
			return err
		}
		if err := insertSource(ctx, c, w.record.num, t.head.seq, s); err != nil {
			return err
		}
		return w.db.store(ctx, c, t.record, t.head, t.locks)
	})
}
