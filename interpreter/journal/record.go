package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// record is a row of the table runs.
type record struct {
	num        int64
	epoch      int64
	leaseUntil int64
	leaseSince int64
	status     string
	headSeq    int64
	headHash   []byte
	seal       string
	id         string
	name       string
	script     string
	created    int64
	env        string
	by         string
	parent     string
	successor  string
	holder     string
	params     string
}

const recordColumns = `num, epoch, lease_until, lease_since, status, head_seq, head_hash, seal, id, name, script,
	created, env, started_by, parent, successor, holder, params`

// fields returns where the columns are scanned to, in their order.
func (r *record) fields() []any {
	return []any{&r.num, &r.epoch, &r.leaseUntil, &r.leaseSince, &r.status, &r.headSeq, &r.headHash, &r.seal, &r.id,
		&r.name, &r.script, &r.created, &r.env, &r.by, &r.parent, &r.successor, &r.holder, &r.params}
}

// sealed returns the row's seal, which covers the names of its locks too: a
// lock that is taken away behind the program's back shows.
func (r *record) sealed(k key, locks []string) string {
	return k.seal("run", r.num, r.epoch, r.leaseUntil, r.leaseSince, r.status, r.headSeq, r.headHash, r.id, r.name,
		r.script, r.created, r.env, r.by, r.parent, r.successor, r.holder, r.params, strings.Join(locks, "\x00"))
}

// loadRecord finds a run by its whole id. The error may be a *NotFoundError.
func loadRecord(ctx context.Context, q querier, id string) (*record, error) {
	r := &record{}
	err := q.QueryRowContext(ctx, "SELECT "+recordColumns+" FROM runs WHERE id = ?", id).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(ctx, q, id)
	}
	return r, err
}

// missing tells a deleted run from one that never was.
func missing(ctx context.Context, q querier, id string) error {
	var at int64
	err := q.QueryRowContext(ctx, "SELECT coalesce(max(at), 0) FROM deleted WHERE id = ?", id).Scan(&at)
	if err != nil {
		return err
	}
	e := &NotFoundError{Run: id}
	if at != 0 {
		e.Deleted = fromNanos(at)
	}
	return e
}

// store writes the row back: it records the newest event as the head and seals
// the row. Called inside a transaction. A head behind the one recorded means
// that events are gone, which is not papered over.
func (d *DB) store(ctx context.Context, c *sql.Conn, r *record) error {
	head, err := headOf(ctx, c, r.num)
	if err != nil {
		return err
	}
	if head.seq < r.headSeq {
		return &Error{Op: "update run " + r.id + " in", Path: d.path, Reason: ErrCorrupt,
			Err: fmt.Errorf("events %d to %d of the run are missing", head.seq+1, r.headSeq), Hint: corruptHint}
	}
	r.headSeq, r.headHash = head.seq, head.hash[:]
	locks, err := locksOf(ctx, c, r.num)
	if err != nil {
		return err
	}
	r.seal = r.sealed(d.key, locks)
	_, err = c.ExecContext(ctx, `UPDATE runs SET epoch = ?, lease_until = ?, lease_since = ?, status = ?, head_seq = ?,
		head_hash = ?, seal = ?, successor = ?, holder = ? WHERE num = ?`,
		r.epoch, r.leaseUntil, r.leaseSince, r.status, r.headSeq, r.headHash, r.seal, r.successor, r.holder, r.num)
	return err
}

// headOf returns the newest link of a run's chain.
func headOf(ctx context.Context, q querier, num int64) (link, error) {
	var l link
	var hash []byte
	err := q.QueryRowContext(ctx, "SELECT seq, hash FROM events WHERE run = ? ORDER BY seq DESC LIMIT 1", num).Scan(&l.seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return link{}, nil
	}
	copy(l.hash[:], hash)
	return l, err
}

// locksOf returns the names of the locks that a run holds, in order.
func locksOf(ctx context.Context, q querier, num int64) ([]string, error) {
	rows, err := q.QueryContext(ctx, "SELECT name FROM locks WHERE run = ? ORDER BY name", num)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// heldBy returns who holds the run, or nil.
func (r *record) heldBy() *Holder {
	if r.holder == "" || r.leaseUntil == 0 {
		return nil
	}
	h := &Holder{Since: fromNanos(r.leaseSince), Until: fromNanos(r.leaseUntil)}
	_ = json.Unmarshal([]byte(r.holder), &h.Owner) // an unreadable owner is still one
	return h
}

// take gives the run to owner, in a new epoch.
func (r *record) take(owner Owner, now time.Time) error {
	text, err := json.Marshal(owner)
	if err != nil {
		return err
	}
	r.holder, r.epoch = string(text), r.epoch+1
	r.leaseSince, r.leaseUntil = nanos(now), nanos(now.Add(LeaseTTL))
	return nil
}

// free ends the lease.
func (r *record) free() { r.holder, r.leaseSince, r.leaseUntil = "", 0, 0 }

// run returns what callers see.
func (r *record) run() Run {
	return Run{ID: r.id, Name: r.name, Status: effect.Status(r.status), Script: r.script, Created: fromNanos(r.created),
		Env: r.env, By: r.by, Parent: r.parent, Successor: r.successor, Epoch: r.epoch, Holder: r.heldBy(),
		Params: json.RawMessage(r.params), Seq: r.headSeq}
}
