package sqlite

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/mattn/go-sqlite3"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// stored is a complete backup.
type stored struct {
	name         string // without .db
	id           string // of the effect that made it
	began, ended time.Time
	size         int64
}

// pages is how many pages one step copies; between steps the call can end.
const pages = 512

// instant is the form of a moment in a name.
const instant = "20060102T150405.000Z"

var backupName = lazyregexp.New(`^full-(\d{8}T\d{6}\.\d{3}Z)-([0-9a-f]{16})\.db$`)

func (s *stored) file(dir string) string { return filepath.Join(dir, s.name+".db") }

func (s *stored) value() map[string]any {
	return map[string]any{"name": s.name, "type": "full", "began": shared.Seconds(s.began), "ended": shared.Seconds(s.ended), "size": float64(s.size)}
}

// backupsHere returns the backups, oldest first.
func (j *job) backupsHere() ([]stored, *effect.Error) {
	if j.backups == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of sqlite names no directory for backups of %s", j.file).WithHint("give it one: backups: /var/lib/backups/app")
	}
	entries, err := os.ReadDir(j.backups)
	if err != nil && !os.IsNotExist(err) {
		return nil, effect.Errorf(effect.CodeUnavailable, "the backups cannot be listed: %v", err).WithHint("check the rights of the directory")
	}
	var list []stored
	for _, entry := range entries {
		m := backupName.FindStringSubmatch(entry.Name())
		if m == nil {
			continue
		}
		began, err := time.Parse(instant, m[1])
		info, infoErr := entry.Info()
		if err != nil || infoErr != nil || !info.Mode().IsRegular() {
			continue
		}
		list = append(list, stored{name: entry.Name()[:len(entry.Name())-3], id: m[2], began: began, ended: info.ModTime().UTC(), size: info.Size()})
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].ended.Before(list[b].ended) })
	return list, nil
}

func (j *job) list() (map[string]any, *effect.Error) {
	list, e := j.backupsHere()
	if e != nil {
		return nil, e
	}
	backups, out := []any{}, map[string]any{}
	for i := range list {
		backups = append(backups, list[i].value())
	}
	if n := len(list); n > 0 {
		out["earliest"], out["latest"] = shared.Seconds(list[0].ended), shared.Seconds(list[n-1].ended)
	}
	out["backups"] = backups
	return out, nil
}

// mine returns the backup that this effect made, if it is there.
func (j *job) mine() (map[string]any, *effect.Error) {
	list, e := j.backupsHere()
	if e != nil {
		return nil, e
	}
	for i := range list {
		if list[i].id == j.ID() {
			value := list[i].value()
			value["backup"] = value["name"]
			delete(value, "name")
			return value, nil
		}
	}
	return nil, nil
}

func (j *job) seeBackup() (effect.Observed, map[string]any, *effect.Error) {
	value, e := j.mine()
	if value == nil {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, value, nil
}

func (j *job) backup() (map[string]any, *effect.Error) {
	if kind := j.Text("type"); kind != "full" && kind != "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "SQLite has no backups of the type %q; nothing was started", kind).WithHint(`type = "full"`)
	}
	if value, e := j.mine(); e != nil || value != nil {
		return value, e
	}
	if err := os.MkdirAll(j.backups, 0o700); err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "the directory of backups cannot be made: %v; nothing was started", err).WithHint("create it, and let this user write there")
	}
	if e := j.room(j.backups, j.file); e != nil {
		return nil, e
	}
	// One effect makes one backup, so a file of this name is of an attempt that
	// was killed.
	hidden := filepath.Join(j.backups, ".part-"+j.ID())
	discard := func() {
		for _, end := range []string{"", "-journal", "-wal", "-shm"} {
			_ = os.Remove(hidden + end)
		}
	}
	discard()
	defer discard()
	began := time.Now().UTC().Truncate(time.Millisecond)
	if e := j.copyOnline(hidden); e != nil {
		return nil, e
	}
	ended := time.Now().UTC().Truncate(time.Millisecond)
	name := "full-" + began.Format(instant) + "-" + j.ID()
	if err := settle(hidden, ended); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the backup cannot be kept: %v; nothing was left of it", err)
	}
	if err := os.Rename(hidden, filepath.Join(j.backups, name+".db")); err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the backup cannot be given its name: %v; nothing was left of it", err)
	}
	if err := shared.SyncDir(j.backups); err != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "%s is made, and whether it outlives a loss of power is not known: %v", name, err)
	}
	value, e := j.mine()
	if e == nil && value == nil {
		e = effect.Errorf(effect.CodeFailed, "%s was made and is gone", name).WithHint("find out who removes files in %s", j.backups)
	}
	return value, e
}

// settle makes a file outlive a loss of power, with the moment at which it was
// complete.
func settle(file string, at time.Time) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := os.Chtimes(file, at, at); err != nil {
		return err
	}
	return f.Sync()
}

// copyOnline copies the live data, as it is at one moment, into a new file.
func (j *job) copyOnline(file string) *effect.Error {
	from, e := j.open(j.file, readOnly)
	if e != nil {
		return e
	}
	defer from.close()
	// One read transaction around all steps: they see one state, and what
	// others write meanwhile does not make them begin again.
	var n int64
	_, err := from.ExecContext(j.Ctx, "BEGIN")
	if err == nil {
		err = from.QueryRowContext(j.Ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	}
	if err != nil {
		return j.failed(j.file, "be read", err)
	}
	to, e := j.open(file, fresh)
	if e != nil {
		return e
	}
	defer to.close()
	err = to.raw(func(dest *sqlite3.SQLiteConn) error {
		return from.raw(func(src *sqlite3.SQLiteConn) error { return j.steps(dest, src) })
	})
	if err != nil {
		return j.failed(j.file, "be backed up", err)
	}
	return nil
}

func (j *job) steps(dest, src *sqlite3.SQLiteConn) error {
	b, err := dest.Backup("main", src, "main")
	if err != nil {
		return err
	}
	stuck := time.Now()
	for left := -1; ; {
		done, err := b.Step(pages)
		if err == nil {
			err = j.Ctx.Err()
		}
		if err != nil || done {
			return errors.Join(err, b.Close())
		}
		if now := b.Remaining(); now != left {
			left, stuck = now, time.Now()
		} else if time.Since(stuck) > j.busy { // Step says nothing of locks
			return errors.Join(sqlite3.Error{Code: sqlite3.ErrBusy}, b.Close())
		}
		if all := b.PageCount(); all > 0 {
			j.Progress.Say("copied %d%% of %d pages", 100*(all-left)/all, all)
		}
	}
}

// room refuses to begin where a copy of a file would not find space.
func (j *job) room(dir, file string) *effect.Error {
	info, err := os.Stat(file)
	if err != nil {
		return nil // opening it will say more
	}
	return shared.Room(dir, info.Size(), file)
}
