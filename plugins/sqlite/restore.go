package sqlite

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// dataFile is what the data of a copy is called in its directory.
const dataFile = "data.db"

func (j *job) seeCopy() (effect.Observed, map[string]any, *effect.Error) {
	value, e := j.copies.Restored(j.Text("copy"), j.Key)
	if value == nil {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, value, nil
}

func (j *job) restore() (map[string]any, *effect.Error) {
	name := j.Text("copy")
	if value, e := j.copies.Restored(name, j.Key); e != nil || value != nil {
		return value, e
	}
	if e := j.copies.Free(name, j.file); e != nil {
		return nil, e
	}
	from, e := j.source()
	if e != nil {
		return nil, e
	}
	file := from.file(j.backups)
	if e := j.whole(file); e != nil {
		return nil, e
	}
	if err := os.MkdirAll(j.copies.Dir, 0o700); err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "the directory of copies cannot be made: %v; nothing was started", err).WithHint("create it, and let this user write there")
	}
	if e := j.room(j.copies.Dir, file); e != nil {
		return nil, e
	}
	hidden := filepath.Join(j.copies.Dir, ".part-"+j.ID())
	_ = os.RemoveAll(hidden) // of an attempt that was killed
	defer os.RemoveAll(hidden)
	kept := func(err error) *effect.Error {
		if j.Ctx.Err() != nil {
			return j.Ended("the restore")
		}
		return effect.Errorf(effect.CodeFailed, "the copy cannot be written: %v; nothing was left of it", err).WithHint("check the rights and the space of %s", j.copies.Dir)
	}
	if err := os.Mkdir(hidden, 0o700); err != nil {
		return nil, kept(err)
	}
	if err := j.copyFile(file, filepath.Join(hidden, dataFile)); err != nil {
		return nil, kept(err)
	}
	value := map[string]any{"copy": name, "backup": from.name, "time": shared.Seconds(from.began)}
	r := &shared.Record{Restore: &shared.Restored{Key: j.Key, Value: value}}
	if err := r.Write(hidden); err != nil {
		return nil, kept(err)
	}
	if err := shared.Place(hidden, j.copies.Of(name)); errors.Is(err, fs.ErrExist) {
		return nil, shared.Taken(name)
	} else if err != nil {
		return nil, kept(err)
	}
	if err := shared.SyncDir(j.copies.Dir); err != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the copy is restored, and whether it outlives a loss of power is not known: %v", err)
	}
	return value, nil
}

// source returns the backup to restore. Without a log only the ends of backups
// can be reached.
func (j *job) source() (*stored, *effect.Error) {
	list, e := j.backupsHere()
	if e != nil {
		return nil, e
	}
	target := math.Inf(1)
	t, given, e := j.Moment()
	if e != nil {
		return nil, e
	}
	if given {
		target = shared.Seconds(t.Round(time.Millisecond))
	}
	if len(list) == 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no backup at all").WithHint("make one with db.backup")
	}
	var k *stored
	named := j.Text("backup")
	var known []string
	for i := range list {
		known = append(known, list[i].name)
		if (named == "" || list[i].name == named) && shared.Seconds(list[i].ended) <= target {
			k = &list[i]
		}
	}
	if k == nil && named != "" && !slices.Contains(known, named) {
		return nil, shared.Names("backup", named, known)
	}
	if k == nil {
		return nil, effect.Errorf(effect.CodeNotFound, "no backup reaches back to the moment that is asked for").WithHint("db.backups tells the earliest moment that can be restored")
	}
	if given && shared.Seconds(k.ended) != target {
		return nil, effect.Errorf(effect.CodeRefused, "only the ends of backups can be restored: there is no log").WithHint("name a backup, without a time; db.backups lists them")
	}
	return k, nil
}

// whole refuses a backup that is no database any more.
func (j *job) whole(file string) *effect.Error {
	c, e := j.open(file, still)
	if e != nil {
		return e.WithHint("restore another backup")
	}
	defer c.close()
	var n, size int64
	err := c.QueryRowContext(j.Ctx, "SELECT count(*) FROM sqlite_schema").Scan(&n)
	if err == nil {
		err = c.QueryRowContext(j.Ctx, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size").Scan(&size)
	}
	if err != nil {
		e := j.failed(file, "be read", err)
		return e.WithHint("restore another backup")
	}
	if info, err := os.Stat(file); err != nil || info.Size() < size {
		return effect.Errorf(effect.CodeUnhealthy, "the backup %s is cut short; nothing was restored", file).WithHint("restore another backup")
	}
	return nil
}

// copyFile copies a file that nobody writes, with the rights of the live one.
func (j *job) copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	for done := int64(0); ; {
		n, err := io.CopyN(out, in, 4<<20)
		done += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = j.Ctx.Err()
		}
		if err != nil {
			return err
		}
		j.Progress.Say("restored %s of %s", shared.Bytes(done), shared.Bytes(info.Size()))
	}
	if live, err := os.Stat(j.file); err == nil {
		if err := shared.Likewise(out, live); err != nil {
			return err
		}
	}
	return out.Sync()
}
