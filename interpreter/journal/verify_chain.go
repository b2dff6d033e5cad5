package journal

import (
	"bytes"
	"context"
	"database/sql"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// storedRow is a row with the hash beside it.
type storedRow struct {
	row
	hash string
}

// checkChain recomputes every hash. A row is at fault when its hash does not
// follow from its content and the hash before it; the row behind a changed
// hash is judged by the hash that should have stood there. Reading and checking
// take about as long as each other, and go side by side.
func (v *verifier) checkChain(ctx context.Context, r *record, keep bool) (*past, error) {
	c := chainCheck{v: v, r: r, p: &past{status: effect.StatusRunning, sources: map[int64]effect.Body{}}, keep: keep}
	if keep {
		c.p.events = make([]effect.Event, 0, room(r.headSeq))
	}
	err := sideBySide(r.headSeq, func(send func(*storedRow)) error {
		var one storedRow
		var hash sql.RawBytes
		fields := append(one.fields(), &hash)
		return v.rows(ctx, eventsAfter, func(scan scanFunc) error {
			if err := scan(fields...); err != nil {
				return err
			}
			one.hash = string(hash)
			send(&one)
			return nil
		}, r.num, 0)
	}, c.row)
	if err != nil {
		return nil, err
	}
	c.end()
	return c.p, nil
}

// chainCheck goes along a chain row by row.
type chainCheck struct {
	v    *verifier
	r    *record
	p    *past
	keep bool // the events

	stored, computed link
	buf              []byte
}

// row checks the next row and takes in what it says.
func (c *chainCheck) row(row *storedRow) {
	v, r, p := c.v, c.r, c.p
	v.report.Events++
	gap := row.seq != c.stored.seq+1
	if gap {
		v.fault(r.id, c.stored.seq+1, "events: %s missing", span(c.stored.seq+1, row.seq-1))
	}
	want := c.stored.follow(&c.buf, r.id, &row.row)
	if !gap && row.hash != string(want.hash[:]) {
		want = c.computed.follow(&c.buf, r.id, &row.row)
	}
	switch intact := row.hash == string(want.hash[:]); {
	case !intact && !gap:
		v.fault(r.id, row.seq, "%s (that gives %x)", rowChanged, want.hash[:8])
	case row.epoch < p.epoch || row.epoch > r.epoch:
		v.fault(r.id, row.seq, "events: epoch %d does not fit between %d, of the rows before, and %d, of the run",
			row.epoch, p.epoch, r.epoch)
	case intact:
		p.epoch = row.epoch
		v.accept(r, &row.row)
	}
	c.computed = want
	c.stored = link{seq: row.seq}
	copy(c.stored.hash[:], row.hash)
	if row.seq == r.headSeq {
		p.headHash = []byte(row.hash)
	}
	p.follow(&row.row)
	if !c.keep {
		return
	}
	p.events = append(p.events, effect.Event{})
	if err := v.db.toEvent(r.id, &row.row, &p.events[len(p.events)-1]); err != nil && p.unread == nil {
		p.unread = err
	}
}

// end holds the newest row against the one that the run's row names.
func (c *chainCheck) end() {
	v, r, p := c.v, c.r, c.p
	p.head = c.stored
	switch {
	case c.stored.seq < r.headSeq:
		v.fault(r.id, c.stored.seq+1, "events: %s missing at the end", span(c.stored.seq+1, r.headSeq))
	case r.headSeq < 1:
		v.fault(r.id, 0, "runs: the row names no newest event")
	case !bytes.Equal(p.headHash, r.headHash):
		v.fault(r.id, r.headSeq, otherHead)
	case c.stored.seq > r.headSeq && !r.lagging():
		v.fault(r.id, r.headSeq+1, "%s", foreign(r.headSeq+1, c.stored.seq))
	}
}
