package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) keep() string { return shared.Keep(j.Text("copy"), j.Text("keep")) }

func (j *job) seeSwap() (effect.Observed, map[string]any, *effect.Error) {
	// Exchanged and not yet named counts as not applied: the repetition, which
	// has the same key, goes on there.
	_, _, done, e := j.copies.Swap(j.Text("copy"), j.keep(), j.Key, j.file)
	if e != nil || !done {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, j.swapValue(), nil
}

func (j *job) swapValue() map[string]any {
	return map[string]any{"live": j.Text("copy"), "kept": j.keep()}
}

func (j *job) swap() (map[string]any, *effect.Error) {
	name, keep := j.Text("copy"), j.keep()
	r, exchanged, done, e := j.copies.Swap(j.Text("copy"), j.keep(), j.Key, j.file)
	if e != nil || done {
		if e == nil {
			return j.swapValue(), nil
		}
		return nil, e
	}
	if !exchanged {
		if e := j.copies.Swappable(name, keep); e != nil {
			return nil, e
		}
		if r, e = j.exchange(name); e != nil {
			return nil, e
		}
	}
	return j.finish(r, name, keep)
}

// exchange makes the copy live. What was live is in its directory then.
func (j *job) exchange(name string) (*shared.Record, *effect.Error) {
	id, device, err := shared.Inode(j.copies.DataOf(name))
	if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the copy %s cannot be read: %v; nothing was swapped", name, err)
	}
	_, liveDevice, err := shared.Inode(j.file)
	if err != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "%s cannot be opened: %v; nothing was swapped", j.file, errors.Unwrap(wrapped(err))).
			WithHint("there is nothing to keep: copy %s there yourself", j.copies.DataOf(name))
	}
	if device != liveDevice {
		return nil, effect.Errorf(effect.CodeRefused, "%s is on another file system than %s; nothing was swapped", j.copies.Dir, j.file).
			WithHint("configure copies on the same file system: only there files change places in one step")
	}
	if e := j.whole(j.copies.DataOf(name)); e != nil {
		return nil, e
	}
	held, e := j.hold()
	if e != nil {
		return nil, e
	}
	defer held.release()
	r, e := j.copies.Read(name)
	if e != nil {
		return nil, e
	}
	r.Swap = &shared.Swapped{Key: j.Key, Live: id, WAL: held.wal}
	err = r.Write(j.copies.Of(name))
	if err == nil {
		err = held.aside(j.copies.DataOf(name))
	}
	if err == nil {
		err = shared.Exchange(j.copies.DataOf(name), j.file)
	}
	if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "%s and the copy %s cannot change places: %v; nothing was swapped", j.file, name, err)
	}
	held.moved = true
	return r, nil
}

// finish gives what was live its name.
func (j *job) finish(r *shared.Record, name, keep string) (map[string]any, *effect.Error) {
	half := func(err error) *effect.Error {
		return effect.Errorf(effect.CodeUnknown, "the copy %s is live, and what was live before is not yet called %s: %v", name, keep, err).
			WithHint("resume the run, which finishes it; the data is in %s", j.copies.Of(name))
	}
	err := errors.Join(shared.SyncDir(filepath.Dir(j.file)), shared.SyncDir(j.copies.Of(name)))
	if err == nil && r.Swap.WAL {
		// It comes back with the log that it had.
		if c, e := j.open(j.copies.DataOf(name), readWrite); e == nil {
			_, err = c.ExecContext(context.WithoutCancel(j.Ctx), "PRAGMA journal_mode=WAL")
			c.close()
		}
	}
	r.Restore, r.Swap.Kept = nil, true // what stands here now is not what was restored
	if err == nil {
		err = r.Write(j.copies.Of(name))
	}
	if err == nil && keep != name {
		err = shared.Place(j.copies.Of(name), j.copies.Of(keep))
	}
	if err == nil {
		err = shared.SyncDir(j.copies.Dir)
	}
	if err != nil {
		return nil, half(err)
	}
	return j.swapValue(), nil
}

// held is the live file, locked against everybody.
type held struct {
	j     *job
	conn  *conn // nil where the file is damaged
	wal   bool
	moved bool
}

// hold locks the live file, with its log written back into it, so that nothing
// beside it belongs to it.
func (j *job) hold() (*held, *effect.Error) {
	refused := func(who string) *effect.Error {
		return effect.Errorf(effect.CodeRefused, "%s is in use%s; nothing was swapped", j.file, who).
			WithHint("stop the service that has it open, swap, and start it again: what it writes would go into the data that was live before")
	}
	if who := holders(j.file); len(who) > 0 {
		return nil, refused(" by " + strings.Join(who, ", "))
	}
	c, e := j.open(j.file, readWrite)
	if e != nil && e.Code == effect.CodeUnhealthy {
		return &held{j: j}, nil
	}
	if e != nil {
		return nil, e
	}
	h := &held{j: j, conn: c}
	var mode string
	err := c.QueryRowContext(j.Ctx, "PRAGMA journal_mode").Scan(&mode)
	if h.wal = mode == "wal"; err == nil && h.wal {
		// It succeeds only while nobody else has the file open.
		err = c.QueryRowContext(j.Ctx, "PRAGMA journal_mode=DELETE").Scan(&mode)
		if err == nil && mode != "delete" {
			err = sqlite3.Error{Code: sqlite3.ErrBusy}
		}
	}
	if err == nil {
		_, err = c.ExecContext(j.Ctx, "BEGIN EXCLUSIVE")
	}
	if err == nil {
		return h, nil
	}
	e = j.failed(j.file, "be locked", err)
	if e.Code == effect.CodeUnhealthy { // nobody can use it, and it is to be replaced
		c.close()
		h.conn, h.wal = nil, false
		return h, nil
	}
	h.release()
	if e.Code == effect.CodeUnavailable {
		e = refused("")
	}
	return nil, e
}

// aside moves what stands beside damaged live data, and would be taken for the
// log of the copy, to where that data goes.
func (h *held) aside(data string) error {
	if h.conn != nil {
		return nil
	}
	for _, end := range []string{"-wal", "-journal", "-shm"} {
		if err := os.Rename(h.j.file+end, data+end); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("move its log: %w", err)
		}
	}
	return nil
}

func (h *held) release() {
	if h.conn == nil {
		return
	}
	ctx := context.WithoutCancel(h.j.Ctx)
	_, _ = h.conn.ExecContext(ctx, "ROLLBACK")
	if h.wal && !h.moved {
		_, _ = h.conn.ExecContext(ctx, "PRAGMA journal_mode=WAL")
	}
	h.conn.close()
}
