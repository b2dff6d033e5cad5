package journal

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	digest     string // column seal
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
	return []any{&r.num, &r.epoch, &r.leaseUntil, &r.leaseSince, &r.status, &r.headSeq, &r.headHash, &r.digest, &r.id,
		&r.name, &r.script, &r.created, &r.env, &r.by, &r.parent, &r.successor, &r.holder, &r.params}
}

// digestOf returns the row's digest, which covers the names of its locks too: a
// lock that is taken away behind the program's back shows.
func (r *record) digestOf(k key, locks []string) string {
	return "v2:" + hex.EncodeToString(k.mac("run.2", r.columns(locks)...))
}

func (r *record) columns(locks []string) []any {
	return []any{r.num, r.epoch, r.leaseUntil, r.leaseSince, r.status, r.headSeq, r.headHash, r.id, r.name,
		r.script, r.created, r.env, r.by, r.parent, r.successor, r.holder, r.params, strings.Join(locks, "\x00")}
}

// authentic reports whether the row is as it was written.
func (r *record) authentic(k key, locks []string) bool {
	if r.lagging() {
		return r.digest == k.digest("run", r.columns(locks)...)
	}
	return r.digest == r.digestOf(k, locks)
}

// lagging reports whether the row was written by a program that did not name
// the newest event with every append.
func (r *record) lagging() bool { return strings.HasPrefix(r.digest, "v1:") }

// loadRecord finds a run by its whole id. The error may be a *NotFoundError.
func loadRecord(ctx context.Context, q querier, id string) (*record, error) {
	r := &record{}
	err := q.QueryRowContext(ctx, "SELECT "+recordColumns+" FROM runs WHERE id = ?", id).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, missing(ctx, q, id)
	}
	return r, err
}

// missing tells a deleted run from one that never was, and from one that may
// have been removed by somebody else: numbers are given once, in order.
func missing(ctx context.Context, q querier, id string) error {
	var at int64
	e := &NotFoundError{Run: id}
	err := q.QueryRowContext(ctx, `SELECT coalesce((SELECT max(at) FROM deleted WHERE id = ?), 0),
		coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'runs'), 0) > (SELECT count(*) FROM runs) + (SELECT count(*) FROM deleted)`,
		id).Scan(&at, &e.Removed)
	if err != nil {
		return err
	}
	if at != 0 {
		e.Deleted = fromNanos(at)
	}
	return e
}

// store writes the row back with head as the newest event. Called inside a
// transaction, after the row and the chain were verified.
func (d *DB) store(ctx context.Context, c *sql.Conn, r *record, head link, locks []string) error {
	r.headSeq, r.headHash = head.seq, head.hash[:]
	r.digest = r.digestOf(d.key, locks)
	_, err := c.ExecContext(ctx, `UPDATE runs SET epoch = ?, lease_until = ?, lease_since = ?, status = ?, head_seq = ?,
		head_hash = ?, seal = ?, successor = ?, holder = ? WHERE num = ?`,
		r.epoch, r.leaseUntil, r.leaseSince, r.status, r.headSeq, r.headHash, r.digest, r.successor, r.holder, r.num)
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
