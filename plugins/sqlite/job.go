package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// job is one call under way.
type job struct {
	*shared.Call
	*database
}

func (b *Backend) job(call *shared.Call) (*job, *effect.Error) {
	if b.settings == nil {
		return nil, errNotConfigured()
	}
	picked, e := b.settings.Pick("sqlite", call.Text("db"))
	if e != nil {
		return nil, e
	}
	db := *picked
	if real, err := filepath.EvalSymlinks(db.file); err == nil {
		db.file = real // what is renamed is the file, not a link to it
	}
	return &job{call, &db}, nil
}

// access says how a file is opened.
type access string

const (
	// readOnly may roll back what a crashed writer left half done, as every
	// reader of SQLite does.
	readOnly  access = "mode=rw&_query_only=1"
	readWrite access = "mode=rw&_synchronous=FULL&_foreign_keys=1"
	// still is for copies and backups, which nobody writes: no lock is taken
	// and nothing is written beside them.
	still access = "mode=ro&immutable=1&_query_only=1"
	fresh access = "mode=rwc&_synchronous=FULL"
)

// conn is the only connection of a handle of its own.
type conn struct {
	*sql.Conn
	db *sql.DB
	// strict is set while a statement of a script is compiled: it may then
	// neither end the transaction nor attach other files; nor, where the
	// connection is to read, set anything.
	strict, reads bool
}

func (c *conn) close() {
	_ = c.Conn.Close()
	_ = c.db.Close()
}

// raw gives access to what database/sql hides.
func (c *conn) raw(do func(*sqlite3.SQLiteConn) error) error {
	return c.Raw(func(driver any) error { return do(driver.(*sqlite3.SQLiteConn)) })
}

func (j *job) open(file string, as access) (*conn, *effect.Error) {
	// SQLite says of a file that is not there only that it cannot be opened.
	if info, err := os.Stat(file); as != fresh && (err != nil || !info.Mode().IsRegular()) {
		if err == nil {
			err = errors.New("it is no regular file")
		}
		return nil, effect.Errorf(effect.CodeUnavailable, "%s cannot be opened: %v", file, errors.Unwrap(wrapped(err))).WithHint("check file in the configuration of sqlite, and the rights")
	}
	where := url.URL{Scheme: "file", Path: file}
	db, err := sql.Open("sqlite3", where.String()+"?"+string(as)+"&_busy_timeout="+strconv.FormatInt(j.busy.Milliseconds(), 10))
	if err != nil {
		return nil, j.failed(file, "be opened", err)
	}
	db.SetMaxOpenConns(1)
	one, err := db.Conn(j.Ctx)
	if err != nil {
		_ = db.Close()
		return nil, j.failed(file, "be opened", err)
	}
	c := &conn{Conn: one, db: db, reads: as == readOnly || as == still}
	err = c.raw(func(d *sqlite3.SQLiteConn) error {
		d.RegisterAuthorizer(c.authorize)
		return nil
	})
	if err != nil {
		c.close()
		return nil, j.failed(file, "be opened", err)
	}
	return c, nil
}

// looks matches the pragmas that only look, although they take an argument;
// acts those that act without one.
var (
	looks = lazyregexp.New(`_(info|xinfo|list|check)$`)
	acts  = lazyregexp.New(`^(wal_checkpoint|optimize|incremental_vacuum|shrink_memory)$`)
)

func (c *conn) authorize(what int, name, arg, _ string) int {
	if !c.strict {
		return sqlite3.SQLITE_OK
	}
	switch what {
	case sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH:
		return sqlite3.SQLITE_DENY
	case sqlite3.SQLITE_PRAGMA:
		if name = strings.ToLower(name); c.reads && (arg != "" && !looks.MatchString(name) || acts.MatchString(name)) {
			return sqlite3.SQLITE_DENY
		}
	}
	return sqlite3.SQLITE_OK
}

func wrapped(err error) error {
	if errors.Unwrap(err) == nil {
		return fmt.Errorf("%w", err)
	}
	return err
}

// failed returns the error for something that SQLite did not do.
func (j *job) failed(file, what string, err error) *effect.Error {
	if j.Ctx.Err() != nil {
		return j.Ended(file)
	}
	var s sqlite3.Error
	if !errors.As(err, &s) {
		return effect.Errorf(effect.CodeFailed, "%s could not %s: %v", file, what, err)
	}
	switch s.Code {
	case sqlite3.ErrBusy, sqlite3.ErrLocked:
		e := effect.Errorf(effect.CodeUnavailable, "%s could not %s: others held its lock for longer than %s; nothing changed", file, what, effect.FormatDuration(j.busy))
		return e.WithHint("find the long transaction, or wait longer: timeout in the configuration of sqlite")
	case sqlite3.ErrCorrupt, sqlite3.ErrNotADB:
		return effect.Errorf(effect.CodeUnhealthy, "%s is damaged: %v", file, err).WithHint("restore a backup beside it, validate that, and swap")
	case sqlite3.ErrReadonly:
		return effect.Errorf(effect.CodeRefused, "%s could not %s: %v; nothing changed", file, what, err).WithHint("db.query only reads; changes are made with db.exec")
	case sqlite3.ErrAuth:
		return effect.Errorf(effect.CodeRefused, "%s: the statement controls transactions, attaches files or sets a pragma, which is not its to do; nothing changed", file).
			WithHint("each db.exec is a transaction of its own")
	case sqlite3.ErrCantOpen, sqlite3.ErrPerm:
		return effect.Errorf(effect.CodeUnavailable, "%s could not %s: %v", file, what, err).WithHint("check the rights of the file and of its directory")
	case sqlite3.ErrFull:
		return effect.Errorf(effect.CodeRefused, "%s could not %s: %v; nothing changed", file, what, err).WithHint("free space on its disk")
	}
	return effect.Errorf(effect.CodeFailed, "%s: %v; nothing changed", file, err)
}
