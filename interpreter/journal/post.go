package journal

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Post appends a person's word (an answer, a cancellation, a resolution) to a
// run that somebody else may be holding, and returns it as recorded. check, if
// not nil, sees all events before it in the same transaction and may refuse;
// its error is returned as it is. An event of kind forked also names the run's
// successor.
func (d *DB) Post(ctx context.Context, run string, ev effect.Event, check func([]effect.Event) error) (effect.Event, error) {
	op := "post to run " + run + " in"
	if ev.Kind == effect.StatusChanged || ev.Kind == effect.SourceChanged || ev.Kind == effect.RunCreated {
		return ev, fmt.Errorf("post to run %s: %s is not for posting", run, ev.Kind)
	}
	var refused error
	err := d.update(ctx, op, func(ctx context.Context, c *sql.Conn) error {
		r, err := loadRecord(ctx, c, run)
		if err != nil {
			return err
		}
		events, head, err := d.since(ctx, run, r.num, link{})
		if err != nil {
			return err
		}
		if check != nil {
			if refused = check(events); refused != nil {
				return refused
			}
		}
		posted := []effect.Event{ev}
		if _, err := d.extend(ctx, r, head, posted); err != nil {
			return err
		}
		ev = posted[0]
		r.follow(&ev)
		return d.store(ctx, c, r)
	})
	if refused != nil {
		err = refused
	}
	return ev, err
}

// Delete removes a run that has ended and that nobody holds, in one
// transaction; its id never comes back. The error may be an *ActiveError or a
// *NotFoundError.
func (d *DB) Delete(ctx context.Context, run string) error {
	return d.update(ctx, "delete run "+run+" from", func(ctx context.Context, c *sql.Conn) error {
		r, err := loadRecord(ctx, c, run)
		if err != nil {
			return err
		}
		h := r.heldBy()
		if h != nil && !d.now().Before(h.Until) {
			h = nil
		}
		if st := effect.Status(r.status); !st.Terminal() || h != nil {
			return &ActiveError{run, st, h}
		}
		head, err := headOf(ctx, c, r.num)
		if err != nil {
			return err
		}
		t := tombstone{num: r.num, id: r.id, name: r.name, at: nanos(d.now()), headSeq: head.seq, headHash: head.hash[:]}
		_, err = c.ExecContext(ctx, "INSERT INTO deleted (num, id, name, at, head_seq, head_hash, seal) VALUES (?, ?, ?, ?, ?, ?, ?)",
			t.num, t.id, t.name, t.at, t.headSeq, t.headHash, t.sealed(d.key))
		for _, table := range []string{"events WHERE run", "sources WHERE run", "locks WHERE run", "runs WHERE num"} {
			if err == nil {
				_, err = c.ExecContext(ctx, "DELETE FROM "+table+" = ?", r.num)
			}
		}
		return err
	})
}

// tombstone is a row of the table deleted.
type tombstone struct {
	num      int64
	id       string
	name     string
	at       int64
	headSeq  int64
	headHash []byte
	seal     string
}

func (t *tombstone) sealed(k key) string {
	return k.seal("deleted", t.num, t.id, t.name, t.at, t.headSeq, t.headHash)
}
