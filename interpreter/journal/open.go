package journal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
)

// busyTimeout is how long a write waits for another process's commit.
const busyTimeout = 5 * time.Second

// Pragmas stand in the DSN, so that every connection has them. The driver's
// own default for synchronous loses acknowledged commits with the power.
const (
	writeDSN = "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate&_foreign_keys=on"
	readDSN  = "?mode=ro&_query_only=on&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on"
)

// readers bounds the connections that read.
const readers = 4

//go:embed migrations/*.sql
var migrations embed.FS

// Options say how a journal is opened. The zero value opens it for reading and
// writing.
type Options struct {
	ReadOnly bool
	// Now is the clock that leases go by; time.Now if nil.
	Now func() time.Time
}

// Open opens the journal at path, and unless opts.ReadOnly creates it and
// brings it to this version's format. New directories are 0700, new files
// 0600. The error is an *Error; a read-only open of a missing file satisfies
// fs.ErrNotExist.
func Open(ctx context.Context, path string, opts Options) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, wrapAt("open", path, err)
	}
	d := &DB{path: abs, now: opts.Now, kinds: map[string]effect.Kind{}, commits: newCommitter()}
	if d.now == nil {
		d.now = time.Now
	}
	for _, k := range effect.Kinds() {
		d.kinds[string(k)] = k
	}
	err = d.open(ctx, opts.ReadOnly)
	if err == nil {
		err = checkModes(d.path)
	}
	if err != nil {
		_ = d.Close()
		return nil, wrapAt("open", abs, err)
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, readOnly bool) error {
	if err := checkTypes(d.path); err != nil {
		return err
	}
	if isJournal(d.path) { // before SQLite puts files of the same mode beside it
		if err := checkModes(d.path); err != nil {
			return err
		}
	}
	if err := checkFolder(d.path); err != nil {
		return err
	}
	if readOnly {
		err := d.openRead(ctx, true)
		if !errors.Is(err, ErrOlder) || upgrade(ctx, d.path) != nil {
			return err
		}
		return errors.Join(d.Close(), d.openRead(ctx, true))
	}
	if err := createFile(d.path); err != nil {
		return err
	}
	if err := d.openWrite(ctx); err != nil {
		return err
	}
	return d.openRead(ctx, false)
}

// upgrade brings an older journal to this version's format for a reader that
// may write to it.
func upgrade(ctx context.Context, path string) error {
	pool, err := sql.Open("sqlite3", dsn(path, writeDSN))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	conn, err := connect(ctx, pool)
	if err != nil {
		return errors.Join(err, pool.Close())
	}
	if version, err := formatVersion(ctx, conn, path); err != nil || version == 0 { // an empty file is not a reader's to fill
		return errors.Join(ErrOlder, err, conn.Close(), pool.Close())
	}
	err = errors.Join(migrate(ctx, conn, path, migrations), conn.Close())
	return errors.Join(err, pool.Close())
}

func (d *DB) openWrite(ctx context.Context) error {
	var err error
	if d.write, err = sql.Open("sqlite3", dsn(d.path, writeDSN)); err != nil {
		return err
	}
	d.write.SetMaxOpenConns(1)
	if d.conn, err = connect(ctx, d.write); err != nil {
		return err
	}
	if err := migrate(ctx, d.conn, d.path, migrations); err != nil {
		return err
	}
	for _, s := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&d.writes.begin, "BEGIN IMMEDIATE"},
		{&d.writes.commit, "COMMIT"},
		{&d.writes.rollback, "ROLLBACK"},
		{&d.writes.advance, advanceHead},
		{&d.writes.extend, extendEvents},
	} {
		if *s.stmt, err = d.conn.PrepareContext(ctx, s.query); err != nil {
			return err
		}
	}
	if err := d.openKey(ctx); err != nil {
		return err
	}
	return d.files.remember(d.path)
}

// connect takes the one connection of pool. Two processes that turn a new
// file to WAL at once are refused by SQLite without waiting.
func connect(ctx context.Context, pool *sql.DB) (*sql.Conn, error) {
	const pause = 10 * time.Millisecond
	for deadline := time.Now().Add(busyTimeout); ; {
		conn, err := pool.Conn(ctx)
		if err == nil || time.Now().After(deadline) || !errors.Is(wrapAt("", "", err), ErrBusy) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (d *DB) openRead(ctx context.Context, alone bool) error {
	if alone {
		if _, err := os.Stat(d.path); err != nil {
			return err
		}
	}
	// A reader of a WAL database needs the index beside it. Where there is
	// neither that nor a log, and neither can be made, nobody is writing.
	still := alone && d.atRest()
	err := d.connectRead(ctx, still && !writable(filepath.Dir(d.path)))
	if still && errors.Is(wrapAt("", "", err), ErrFull) { // who mends a full disk wants to see what ran
		if err = d.read.Close(); err == nil {
			err = d.connectRead(ctx, true)
		}
	}
	if err != nil {
		return err
	}
	if alone {
		if err := checkVersion(ctx, d.watch, d.path, migrations); err != nil {
			return err
		}
		if err := d.loadKey(ctx); err != nil {
			return err
		}
	}
	if d.reads.version, err = d.watch.PrepareContext(ctx, "PRAGMA data_version"); err != nil {
		return err
	}
	if d.reads.digest, err = d.read.PrepareContext(ctx, "SELECT seal FROM runs WHERE num = ?"); err != nil {
		return err
	}
	if d.reads.newest, err = d.read.PrepareContext(ctx, "SELECT head_seq FROM runs WHERE id = ?"); err != nil {
		return err
	}
	d.reads.events, err = d.read.PrepareContext(ctx, eventsOfRun)
	return err
}

// indexSize is how large the index of a log is at the least, in bytes.
const indexSize = 32 << 10

// atRest reports whether nobody has written since the file was last put in
// order: there is no log beside it, and no index of one. What a reader began to
// make on a full disk is none.
func (d *DB) atRest() bool {
	less := func(part string, size int64) bool {
		info, err := os.Stat(d.path + part)
		return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < size
	}
	return less("-wal", 1) && less("-shm", indexSize)
}

// connectRead opens the connections that read; immutable says that nobody
// writes meanwhile, so that no index is needed.
func (d *DB) connectRead(ctx context.Context, immutable bool) error {
	query := readDSN
	if immutable {
		query += "&immutable=1"
	}
	var err error
	if d.read, err = sql.Open("sqlite3", dsn(d.path, query)); err != nil {
		return err
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	if d.watch, err = d.read.Conn(ctx); err != nil {
		return err
	}
	_, err = d.watch.ExecContext(ctx, "PRAGMA schema_version") // reads the file
	return err
}

// createFile makes the directories and an empty file, so that SQLite gives
// what it puts beside it the same narrow permissions.
func createFile(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		f, err = os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return f.Close()
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a new directory entry outlive a loss of power.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}

func dsn(path, query string) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + query
}
