package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mattn/go-sqlite3"
)

// Reasons for which a journal cannot be used. They are found with errors.Is;
// the *Error around them says what to do.
var (
	ErrNewer    = errors.New("the journal was written by a newer version of the program")
	ErrOlder    = errors.New("the journal was written by an older version of the program")
	ErrForeign  = errors.New("the file is another program's database")
	ErrCorrupt  = errors.New("the journal is damaged")
	ErrReadOnly = errors.New("the journal cannot be written")
	ErrFull     = errors.New("the disk is full")
	ErrBusy     = errors.New("the journal is busy")
	ErrKey      = errors.New("the journal's key is missing or wrong")
	ErrExposed  = errors.New("others may read or write it")
	ErrNoFile   = errors.New("no regular file")
	ErrEmpty    = errors.New("it is empty: nothing was ever recorded in it")
	// ErrReplaceable says that everybody on the machine can remove the journal,
	// or put one of their own there.
	ErrReplaceable = errors.New("everybody may put another file in its place")
	ErrGone        = errors.New("the journal was taken away under this process")
	// ErrFenced is the reason inside a *FencedError.
	ErrFenced = errors.New("this process no longer holds the run")
	// ErrUnread says that somebody has sent to the run what [Writer.Inbox]
	// has not returned yet.
	ErrUnread = errors.New("something was sent to the run that its runner has not read")
)

// Error says what was tried on which file, why it failed, and what to do.
type Error struct {
	Op     string // "append to the journal"
	Path   string
	Reason error  // one of the Err values above, or nil
	Err    error  // what the system said; may be nil
	Hint   string // what to do now
}

// Error returns "op path: reason: what the system said; hint".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " " + e.Path)
	if e.Reason != nil {
		b.WriteString(": " + e.Reason.Error())
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns the reason and the cause.
func (e *Error) Unwrap() []error {
	var list []error
	for _, err := range []error{e.Reason, e.Err} {
		if err != nil {
			list = append(list, err)
		}
	}
	return list
}

// wrap gives what SQLite or the file system said a reason and a hint. Errors
// of this package pass through.
func (d *DB) wrap(op string, err error) error { return wrapAt(op, d.path, err) }

func wrapAt(op, path string, err error) error {
	if err == nil || own(err) {
		return err
	}
	e := &Error{Op: op, Path: path, Err: err}
	var s sqlite3.Error
	isSQLite := errors.As(err, &s)
	errno := s.SystemErrno
	if !isSQLite {
		errors.As(err, &errno)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.Hint = "nothing has been run with this journal yet, or it is another one: see --db and RUNBOOK_DB"
	case isSQLite && s.Code == sqlite3.ErrFull, errno == syscall.ENOSPC, errno == syscall.EDQUOT:
		e.Reason = ErrFull
		e.Hint = "make room on its file system and resume the run; what was recorded before is intact"
	case isSQLite && (s.Code == sqlite3.ErrCorrupt || s.Code == sqlite3.ErrFormat):
		e.Reason, e.Hint = ErrCorrupt, corruptHint
	case isSQLite && s.Code == sqlite3.ErrNotADB:
		e.Reason = ErrCorrupt
		e.Hint = "if it never was a journal, name another file; if it was, " + corruptHint
	case isSQLite && (s.Code == sqlite3.ErrBusy || s.Code == sqlite3.ErrLocked || s.Code == sqlite3.ErrProtocol):
		e.Reason = ErrBusy
		e.Hint = lockedBy(path) + " has been writing for longer than " + busyTimeout.String() +
			"; look for a stuck backup or an open sqlite3 shell, and try again"
	case isSQLite && (s.Code == sqlite3.ErrReadonly || s.Code == sqlite3.ErrPerm),
		errors.Is(err, fs.ErrPermission), errno == syscall.EROFS, errno == syscall.EACCES,
		isSQLite && s.Code == sqlite3.ErrCantOpen && !writable(filepath.Dir(path)):
		e.Reason = ErrReadOnly
		e.Hint = "the file, its -wal and -shm if there are any, and its directory must be writable by this user; " +
			"mend the permissions, or name another file"
		if name := otherOwner(path); name != "" {
			e.Hint = "it belongs to the account " + name + ": call this as it, with sudo -u " + name
		}
	}
	return e
}

const corruptHint = "copy the file and its -wal away before anything else, then restore a backup; " +
	"`sqlite3 FILE .recover` may save the rest"

// own reports whether err was already made readable by this package.
func own(err error) bool {
	var (
		e         *Error
		held      *HeldError
		fenced    *FencedError
		locked    *LockedError
		missing   *NotFoundError
		exists    *ExistsError
		ambiguous *AmbiguousError
		unknown   *UnknownKindError
		active    *ActiveError
		tampered  *TamperedError
	)
	return errors.As(err, &e) || errors.As(err, &held) || errors.As(err, &fenced) ||
		errors.As(err, &locked) || errors.As(err, &missing) || errors.As(err, &exists) ||
		errors.As(err, &ambiguous) || errors.As(err, &unknown) || errors.As(err, &active) || errors.As(err, &tampered)
}

// writable reports whether files can be created in dir. It finds out by trying
// and is called on the way to an error only.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return false
	}
	_ = f.Close()
	_ = os.Remove(f.Name())
	return true
}

// conflict reports whether err says that a row with this key is there already.
func conflict(err error) bool {
	var s sqlite3.Error
	return errors.As(err, &s) &&
		(s.ExtendedCode == sqlite3.ErrConstraintPrimaryKey || s.ExtendedCode == sqlite3.ErrConstraintUnique)
}
