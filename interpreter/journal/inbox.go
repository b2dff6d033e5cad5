package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Send appends a person's word (an answer, a cancellation, a resolution) to a
// run that somebody else may be holding, and returns it as recorded. check, if
// not nil, sees all events before it in the same transaction and may refuse;
// its error is returned as it is. The error is a *TamperedError when the run's
// record is not as it was written. An event of kind forked also names the run's
// successor.
func (d *DB) Send(ctx context.Context, run string, ev effect.Event, check func([]effect.Event) error) (effect.Event, error) {
	op := "send to run " + run + " in"
	if ev.Kind == effect.StatusChanged || ev.Kind == effect.SourceChanged || ev.Kind == effect.RunCreated {
		return ev, fmt.Errorf("send to run %s: %s is not for sending", run, ev.Kind)
	}
	var refused error
	err := d.update(ctx, op, func(ctx context.Context, c *sql.Conn) error {
		s, events, err := d.intact(ctx, c, run)
		if err != nil {
			return err
		}
		if check != nil {
			if refused = check(events); refused != nil {
				return refused
			}
		}
		sent := []effect.Event{ev}
		head, err := d.extend(ctx, s.record, s.head, sent)
		if err != nil {
			return err
		}
		ev = sent[0]
		s.record.follow(&ev)
		return d.store(ctx, c, s.record, head, s.locks)
	})
	if refused != nil {
		err = refused
	}
	return ev, err
}

// Delete removes a run that has ended and that nobody holds, in one
// transaction; its id never comes back. The error may be an *ActiveError or a
// *NotFoundError.
func (d *DB) Delete(ctx context.Context, run string) error { return d.DeleteAt(ctx, Head{Run: run}) }

// DeleteAt is Delete for a run that was looked at before: where its newest event is
// another one by now, the error is ErrMoved, and nothing is deleted. A Head without
// a hash takes any.
func (d *DB) DeleteAt(ctx context.Context, at Head) error {
	run := at.Run
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
		if at.Hash != "" && (head.seq != at.Seq || hex.EncodeToString(head.hash[:]) != at.Hash) {
			return ErrMoved
		}
		t := tombstone{num: r.num, id: r.id, name: r.name, at: nanos(d.now()), headSeq: head.seq, headHash: head.hash[:]}
		_, err = c.ExecContext(ctx, "INSERT INTO deleted (num, id, name, at, head_seq, head_hash, seal) VALUES (?, ?, ?, ?, ?, ?, ?)",
			t.num, t.id, t.name, t.at, t.headSeq, t.headHash, t.digestOf(d.key))
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
	digest   string // column seal
}

func (t *tombstone) digestOf(k key) string {
	return k.digest("deleted", t.num, t.id, t.name, t.at, t.headSeq, t.headHash)
}
