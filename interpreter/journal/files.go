package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
)

// parts are what a journal consists of, by what their names end in.
var parts = [...]string{"", "-wal", "-shm", ".key"}

// checkTypes refuses a journal of which a part is no file. A missing one is
// fine. A link is none: SQLite keeps its own files where the link leads, and the
// key would be another's.
func checkTypes(path string) error {
	for _, part := range parts {
		info, err := os.Lstat(path + part)
		if err == nil && !info.Mode().IsRegular() {
			return &Error{Op: "open", Path: path + part, Err: fmt.Errorf("it is %s and %w", fileType(info.Mode()), ErrNoFile),
				Hint: elsewhere(path+part, info.Mode())}
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// elsewhere says which file to name instead.
func elsewhere(path string, m fs.FileMode) string {
	if m&fs.ModeSymlink != 0 {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			return "name the file itself: " + target
		}
	}
	return "name another file with --db"
}

// checkFolder refuses a place where everybody can put another journal.
func checkFolder(path string) error {
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) { // yet
			return nil
		}
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return &Error{Op: "open", Path: path, Reason: ErrReplaceable, Err: fmt.Errorf("the mode of %s is %04o", dir, info.Mode().Perm()),
			Hint: fmt.Sprintf("run chmod o-w '%s', or keep the journal elsewhere", dir)}
	}
	return nil
}

// idOffset is where SQLite keeps the application's id in a file.
const idOffset = 68

// isJournal reports whether a file says that it is one, without SQLite, which
// makes files beside it.
func isJournal(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var id [4]byte
	_, err = f.ReadAt(id[:], idOffset)
	return err == nil && binary.BigEndian.Uint32(id[:]) == applicationID
}

// checkModes refuses a journal of which others may read or write a part.
func checkModes(path string) error {
	var first *Error
	chmod := "chmod 600"
	for _, part := range parts {
		info, err := os.Stat(path + part)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err != nil || info.Mode().Perm()&0o077 == 0 {
			continue
		}
		if first == nil {
			first = &Error{Op: "open", Path: path + part, Reason: ErrExposed, Err: fmt.Errorf("its mode is %04o", info.Mode().Perm())}
		}
		chmod += fmt.Sprintf(" '%s'", path+part)
	}
	if first == nil {
		return nil
	}
	first.Hint = "make it yours alone: " + chmod
	return first
}

// otherOwner returns the account that a file belongs to, or else what can be seen of
// the way to it; "" if that is root, or the one of this process.
func otherOwner(path string) string {
	info, err := os.Lstat(path)
	for err != nil && path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err = os.Lstat(path)
	}
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 || int(stat.Uid) == os.Geteuid() {
		return ""
	}
	id := strconv.Itoa(int(stat.Uid))
	if account, err := user.LookupId(id); err == nil {
		return account.Username
	}
	return "#" + id // as sudo takes it
}

func fileType(m fs.FileMode) string {
	switch {
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}

// files are what an open journal consists of. SQLite goes on with files that
// were deleted or replaced as if nothing had happened, and all that is written
// then is lost.
type files struct {
	paths  []string
	opened []identity
	log    atomic.Int64 // the largest size of the -wal that was seen
	cut    atomic.Bool  // it has been shorter than what it holds
}

// remember notes which files the journal is open with.
func (f *files) remember(path string) error {
	for _, suffix := range parts[:3] {
		file, err := identify(path + suffix)
		if err != nil {
			return err
		}
		f.paths, f.opened = append(f.paths, path+suffix), append(f.opened, file)
	}
	return nil
}

// gone returns an error with ErrGone when a file is not the one that was
// opened, the journal holds nothing any more, or what was committed is not in
// its log.
func (d *DB) gone(ctx context.Context) error {
	f := &d.files
	for i, path := range f.paths {
		file, err := identify(path)
		what := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what = "it was deleted"
		case err != nil:
			return err
		case !file.same(f.opened[i]):
			what = "another file stands in its place"
		case i == 0 && file.size < f.opened[0].size, i == 1 && d.logCut(ctx, file.size):
			what = fmt.Sprintf("it was cut to %d bytes", file.size)
		}
		if what != "" {
			return &Error{Op: "write to", Path: path, Reason: ErrGone, Err: errors.New(what)}
		}
	}
	return nil
}

// logCut reports whether the -wal is shorter than what it holds. It shrinks
// where somebody has brought all of it into the database, too, as the sqlite3
// program can be told to.
func (d *DB) logCut(ctx context.Context, size int64) bool {
	const header, frameHeader = 32, 24 // see walformat.html
	if d.files.cut.Load() {            // whatever was written behind that
		return true
	}
	seen := d.files.log.Load()
	if size >= seen {
		d.files.log.CompareAndSwap(seen, size)
		return false
	}
	d.commits.lock()
	defer d.commits.unlock()
	var busy, frames, moved, page int64
	ctx = context.WithoutCancel(ctx)
	err := d.conn.QueryRowContext(ctx, "PRAGMA page_size").Scan(&page)
	if err == nil { // it reads every frame that is not in the database yet
		err = d.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)").Scan(&busy, &frames, &moved)
	}
	if err != nil || moved < frames && size < header+frames*(page+frameHeader) {
		d.files.cut.Store(true)
		return true
	}
	d.files.log.Store(size)
	return false
}
