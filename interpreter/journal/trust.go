package journal

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// TamperedError refuses a run whose record is not as it was written. Nothing
// is appended to it: what follows would vouch for what came before.
type TamperedError struct {
	Run    string
	Faults []Fault // at least one
}

// Error names the first fault.
func (e *TamperedError) Error() string {
	more := ""
	if n := len(e.Faults) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	first := e.Faults[0]
	if first.Run == e.Run {
		first.Run = ""
	}
	return fmt.Sprintf("the record of run %s is not as it was written: %s%s; nothing was written to it",
		e.Run, first, more)
}

// Unwrap returns ErrCorrupt.
func (e *TamperedError) Unwrap() error { return ErrCorrupt }

// state is a run as it was last seen and found to be as it was written.
type state struct {
	record *record
	locks  []string // that it holds, by name
	head   link     // the newest event; the record names the same
}

// intact reads a whole run on the writing connection and holds everything that
// belongs to it against its chain. The error is a *TamperedError where they
// part. Called inside a transaction, before anything is appended for somebody
// who has not held the run so far.
func (d *DB) intact(ctx context.Context, q querier, id string) (*state, []effect.Event, error) {
	r, err := loadRecord(ctx, q, id)
	if err != nil {
		return nil, nil, err
	}
	v := verifier{db: d, q: q, key: true}
	p, err := v.checkRun(ctx, r, true)
	if err != nil {
		return nil, nil, err
	}
	if faults := v.standing(); len(faults) > 0 {
		return nil, nil, &TamperedError{id, faults}
	}
	if p.unread != nil {
		return nil, nil, p.unread
	}
	return &state{r, p.locks, p.head}, p.events, nil
}

// Verified is a run's whole record, held against its chain at one moment.
type Verified struct {
	state
	past []effect.Event
}

// Run returns the run as it was then.
func (v *Verified) Run() Run { return v.record.run() }

// Events returns the run's events up to then.
func (v *Verified) Events() []effect.Event { return v.past }

// Verified reads a run's whole record and holds it against its chain, for an
// Acquire soon after. The error is a *TamperedError where they part, and may be
// a *NotFoundError. id is complete.
func (d *DB) Verified(ctx context.Context, id string) (*Verified, error) {
	var found *Verified
	err := d.key.check()
	if err == nil {
		err = d.snapshot(context.WithoutCancel(ctx), "verify run "+id+" in", func(tx *sql.Tx) error {
			s, past, err := d.intact(ctx, tx, id)
			if err == nil {
				found = &Verified{*s, past}
			}
			return err
		})
	}
	return found, err
}

// follow brings a state that was intact up to date: it returns the run as it is
// now and the events behind the state's own newest, each of which has to follow
// from the one before, up to the one that the row names. The error is a
// *TamperedError otherwise. Called inside a transaction.
func (d *DB) follow(ctx context.Context, q querier, old *state) (*state, []effect.Event, error) {
	r, err := loadRecord(ctx, q, old.record.id)
	if err != nil {
		return nil, nil, err
	}
	tampered := func(seq int64, what string) (*state, []effect.Event, error) {
		return nil, nil, &TamperedError{r.id, []Fault{{Run: r.id, Seq: seq, What: what}}}
	}
	locks, err := locksOf(ctx, q, r.num)
	if err != nil {
		return nil, nil, err
	}
	if !r.authentic(d.key, locks) {
		return tampered(0, recordChanged(locks))
	}
	rows, err := q.QueryContext(ctx, eventsAfter, r.num, old.head.seq-1)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	var (
		events []effect.Event
		stored row
		hash   []byte
		head   = old.head
		first  = true
	)
	for rows.Next() {
		if err := rows.Scan(append(stored.fields(), &hash)...); err != nil {
			return nil, nil, err
		}
		if first { // the one that is known
			first = false
			if stored.seq != head.seq || !bytes.Equal(hash, head.hash[:]) {
				return tampered(head.seq, "events: the row was changed or removed")
			}
			continue
		}
		head = head.next(r.id, &stored)
		if stored.seq != old.head.seq+int64(len(events))+1 || !bytes.Equal(hash, head.hash[:]) {
			return tampered(stored.seq, rowChanged)
		}
		var e effect.Event
		if err := d.toEvent(r.id, &stored, &e); err != nil {
			return nil, nil, err
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	switch {
	case first:
		return tampered(head.seq, "events: the row was removed")
	case head.seq < r.headSeq:
		return tampered(head.seq+1, "events: "+span(head.seq+1, r.headSeq)+" missing at the end")
	case head.seq > r.headSeq && !r.lagging():
		return tampered(r.headSeq+1, foreign(r.headSeq+1, head.seq))
	case head.seq == r.headSeq && !bytes.Equal(head.hash[:], r.headHash):
		return tampered(head.seq, otherHead)
	}
	return &state{r, locks, head}, events, nil
}
