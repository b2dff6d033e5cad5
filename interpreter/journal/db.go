package journal

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// DB is an open journal. Its methods may be called from several goroutines.
type DB struct {
	path  string
	now   func() time.Time
	kinds map[string]effect.Kind
	key   key

	read  *sql.DB // several connections, query only
	reads readStatements

	// commits serializes everything on the one writing connection: what is
	// inserted outside a transaction must not fall into somebody else's.
	commits *committer
	write   *sql.DB   // nil when read-only
	conn    *sql.Conn // the only connection of write
	writes  writeStatements

	files   files  // that are written to
	rescued string // a copy of a journal that is gone

	watchMu sync.Mutex
	watch   *sql.Conn // from read; data_version counts as one connection sees it
}

// readStatements are prepared on the pool of readers.
type readStatements struct {
	events  *sql.Stmt
	newest  *sql.Stmt // the number of a run's newest event
	digest  *sql.Stmt // of a run's row
	version *sql.Stmt // on watch
}

// writeStatements are prepared on the writing connection.
type writeStatements struct {
	begin, commit, rollback *sql.Stmt
	advance                 *sql.Stmt // a run's newest event, if its row is the one last seen
	extend                  *sql.Stmt // one event, inside a transaction that holds its run
}

// Path returns the database's file.
func (d *DB) Path() string { return d.path }

// Close closes the journal. Writers should be closed before, so that their
// runs are free at once.
func (d *DB) Close() error {
	var errs []error
	closeAll := func(stmts ...*sql.Stmt) {
		// database/sql leaves the statements of a *sql.Conn open, and SQLite
		// does not close a connection that has any.
		for _, s := range stmts {
			if s != nil {
				errs = append(errs, s.Close())
			}
		}
	}
	d.watchMu.Lock()
	closeAll(d.reads.events, d.reads.newest, d.reads.digest, d.reads.version)
	if d.watch != nil {
		errs = append(errs, d.watch.Close())
		d.watch = nil
	}
	d.watchMu.Unlock()
	if d.read != nil {
		errs = append(errs, d.read.Close())
	}
	d.commits.lock()
	defer d.commits.unlock()
	w := &d.writes
	closeAll(w.begin, w.commit, w.rollback, w.advance, w.extend)
	// The writer goes last: with the last connection the -wal is merged.
	if d.conn != nil {
		errs = append(errs, d.conn.Close())
	}
	if d.write != nil {
		errs = append(errs, d.write.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return d.wrap("close", err)
	}
	return nil
}

// Changed returns a number that differs from the one before when anybody, this
// process included, has written in between. It costs microseconds and is meant
// to be polled.
func (d *DB) Changed(ctx context.Context) (int64, error) {
	d.watchMu.Lock()
	defer d.watchMu.Unlock()
	var version int64
	err := d.reads.version.QueryRowContext(ctx).Scan(&version)
	return version, d.wrap("look for changes in", err)
}

// update runs fn in one write transaction. What fn returns an error for is
// rolled back.
func (d *DB) update(ctx context.Context, op string, fn func(ctx context.Context, c *sql.Conn) error) error {
	if err := d.writable(op); err != nil {
		return err
	}
	return d.transact(&transaction{ctx: ctx, op: op, fn: fn})
}

// writable returns why the journal cannot be written, as far as is known
// without trying.
func (d *DB) writable(op string) error {
	if d.conn == nil {
		return &Error{Op: op, Path: d.path, Reason: ErrReadOnly, Hint: "it was opened for reading only"}
	}
	return d.key.check()
}

// snapshot runs fn on a reader that sees one state of the database throughout.
func (d *DB) snapshot(ctx context.Context, op string, fn func(tx *sql.Tx) error) error {
	tx, err := d.read.BeginTx(ctx, nil)
	if err != nil {
		return d.wrap(op, err)
	}
	defer func() { _ = tx.Rollback() }()
	return d.wrap(op, fn(tx))
}

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func nanos(t time.Time) int64 { return t.UnixNano() }

func fromNanos(n int64) time.Time { return time.Unix(0, n).UTC() }
