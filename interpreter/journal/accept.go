package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// Accept records a person's word that a run goes on although its record is not
// as it was written, and returns what is wrong with it. From then on these
// faults, and no others, keep nobody from writing to the run; Verify reports
// them for ever. Where nothing is wrong it writes nothing. The error may be a
// *HeldError.
func (d *DB) Accept(ctx context.Context, run string, self Owner, by, reason string) ([]Fault, error) {
	var faults []Fault
	err := d.update(ctx, "accept the record of run "+run+" in", func(ctx context.Context, c *sql.Conn) error {
		faults = nil
		r, err := loadRecord(ctx, c, run)
		if err != nil {
			return err
		}
		if h := r.heldBy(); h != nil && !h.Gone(self, d.now()) {
			return &HeldError{Run: run, Holder: h.Owner, Since: h.Since, Until: h.Until}
		}
		v := verifier{db: d, q: c, key: true}
		p, err := v.checkRun(ctx, r, false)
		if err != nil {
			return err
		}
		if faults = v.standing(); len(faults) == 0 {
			return nil
		}
		said := make([]string, len(faults))
		for i, f := range faults {
			said[i] = f.String()
		}
		list, err := json.Marshal(said)
		if err != nil {
			return err
		}
		head, err := headOf(ctx, c, r.num)
		if err != nil {
			return err
		}
		word := []effect.Event{{At: d.now(), Kind: effect.RecordAccepted,
			Body: effect.Body{By: by, User: self.User, Reason: reason, Value: list}}}
		if head, err = d.extend(ctx, r, head, word); err != nil {
			return err
		}
		if err := d.digestLocks(ctx, c, r.num); err != nil {
			return err
		}
		return d.store(ctx, c, r, head, p.locks)
	})
	return faults, err
}

// acceptance is what an event of kind record.accepted says.
type acceptance struct {
	seq    int64
	at     time.Time
	by     string
	faults []string
}

func (a *acceptance) String() string {
	return fmt.Sprintf("events: %s went on from here at %s although %s", a.by, clock(a.at), list(a.faults))
}

// digestLocks makes the digests of a run's locks anew.
func (d *DB) digestLocks(ctx context.Context, c *sql.Conn, num int64) error {
	rows, err := c.QueryContext(ctx, "SELECT "+lockColumns+" FROM locks WHERE run = ?", num)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var all []lockRow
	for rows.Next() {
		var l lockRow
		if err := rows.Scan(l.fields()...); err != nil {
			return err
		}
		all = append(all, l)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, l := range all {
		if _, err := c.ExecContext(ctx, "UPDATE locks SET seal = ?, env = (SELECT env FROM runs WHERE num = locks.run) WHERE env = ? AND name = ?",
			l.digestOf(d.key), l.env, l.name); err != nil {
			return err
		}
	}
	return nil
}
