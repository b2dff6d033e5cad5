package postgres

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// baseBackups is a directory of backups that pg_basebackup made, each with its
// WAL, its manifest and a description.
type baseBackups string

// The files of a backup.
const (
	dataDir     = "data"
	description = "backup.json"
)

// instant is the form of a moment in a name.
const instant = "20060102T150405.000Z"

func (dir baseBackups) data(s *stored) string { return filepath.Join(string(dir), s.Name, dataDir) }

func (dir baseBackups) list(*job) ([]stored, *effect.Error) {
	entries, err := os.ReadDir(string(dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, effect.Errorf(effect.CodeUnavailable, "the backups cannot be listed: %v", err).WithHint("check the rights of the directory")
	}
	var list []stored
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		var s stored
		data, err := os.ReadFile(filepath.Join(string(dir), entry.Name(), description))
		if err == nil && json.Unmarshal(data, &s) == nil && s.Name == entry.Name() {
			list = append(list, s)
		}
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].Ended.Before(list[b].Ended) })
	return list, nil
}

func (dir baseBackups) make(j *job) (*stored, *effect.Error) {
	if kind := j.Text("type"); kind != "full" && kind != "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "this backend makes no backups of the type %q; nothing was started", kind).WithHint(`type = "full"; the backend pgbackrest makes others`)
	}
	c, s, e := j.onPrimary()
	if e != nil {
		return nil, e
	}
	defer c.close()
	size, e := j.backupSize(c)
	if e != nil {
		return nil, e
	}
	if e := j.mkdir(string(dir)); e != nil {
		return nil, e
	}
	if e := shared.Room(string(dir), size, "the cluster"); e != nil {
		return nil, e
	}
	hidden := filepath.Join(string(dir), ".part-"+j.ID())
	_ = os.RemoveAll(hidden) // of an attempt that was killed
	defer os.RemoveAll(hidden)
	if e := j.mkdir(hidden); e != nil {
		return nil, e
	}
	out := &stored{Key: j.Key}
	if e := j.serverNow(c, &out.Began, nil); e != nil {
		return nil, e
	}
	data := filepath.Join(hidden, dataDir)
	if e := j.copyBase(s.node, data, size); e != nil {
		return nil, e
	}
	if e := j.verifyBase(data); e != nil {
		return nil, e
	}
	if e := j.serverNow(c, &out.Ended, out); e != nil {
		return nil, e
	}
	out.Size = sizeOf(data)
	out.Name = "full-" + out.Began.Format(instant) + "-" + j.ID()
	text, err := json.Marshal(out)
	if err == nil {
		err = shared.WriteFile(filepath.Join(hidden, description), append(text, '\n'))
	}
	if err == nil {
		err = shared.Place(hidden, filepath.Join(string(dir), out.Name))
	}
	if err == nil {
		err = shared.SyncDir(string(dir))
	}
	if err != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the backup %s is made, and whether it is kept is not known: %v", out.Name, err).WithHint("look at %s", string(dir))
	}
	return out, nil
}

func (dir baseBackups) verify(j *job, s *stored) (int64, *effect.Error) {
	data := dir.data(s)
	if e := j.verifyBase(data); e != nil {
		return 0, e
	}
	return sizeOf(data), nil
}

// fill shares blocks with the backup where the file system can.
func (dir baseBackups) fill(j *job, s *stored, to string, size int64) *effect.Error {
	u, e := j.as()
	if e != nil {
		return e
	}
	defer j.watch("restored", to, size)()
	c := &shared.Command{Argv: []string{"cp", "-a", dir.data(s), to}, Env: shared.Environment(), Dir: "/", User: u}
	if said, err := c.Run(j.Ctx); err != nil {
		return j.FailedTool("copying the backup", j.hide(said), err)
	}
	return nil
}

// backupSize returns how much a cluster holds, and refuses what a plain base
// backup would put over the live data.
func (j *job) backupSize(c *conn) (int64, *effect.Error) {
	r, err := c.row(j.Ctx, `SELECT (SELECT sum(pg_database_size(oid)) FROM pg_database), (SELECT string_agg(spcname, ', ') FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global'))`)
	if err != nil {
		return 0, j.failed(c, "the size of its databases", err)
	}
	if len(r) == 2 && r[1] != nil {
		return 0, effect.Errorf(effect.CodeUnsupported, "the cluster has tablespaces of its own (%s), which a base backup puts where they are now; nothing was started", is(r[1])).
			WithHint("a copy of them beside the live data has to be made by hand")
	}
	size, _ := strconv.ParseInt(is(r[0]), 10, 64)
	return size, nil
}

// serverNow reads the time by the primary's clock, which is that of commits,
// and, for a backup that is complete, where the WAL is.
func (j *job) serverNow(c *conn, now *time.Time, of *stored) *effect.Error {
	r, err := c.row(j.Ctx, "SELECT extract(epoch from clock_timestamp()), ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int, pg_current_wal_lsn()")
	if err != nil || len(r) != 3 {
		return j.failed(c, "the time", err)
	}
	if *now = epoch(is(r[0])).Truncate(time.Millisecond); of != nil {
		of.Timeline, of.End = atoi(is(r[1])), lsn(is(r[2]))
	}
	return nil
}

// copyBase runs pg_basebackup.
func (j *job) copyBase(n *node, data string, size int64) *effect.Error {
	tool, e := j.tool("pg_basebackup", "--pgdata", data, "--format", "plain", "--wal-method", "stream", "--checkpoint", "fast", "--no-password",
		"--manifest-checksums", "SHA256", "--label", "runbook "+j.ID())
	if e != nil {
		return e
	}
	tool.Env = append(tool.Env, j.environment(n)...)
	defer j.watch("copied", data, size)()
	if said, err := tool.Run(j.Ctx); err != nil {
		return j.FailedTool("pg_basebackup of "+n.title(), j.hide(said), err)
	}
	return nil
}

// verifyBase holds a backup against its manifest, WAL included.
func (j *job) verifyBase(data string) *effect.Error {
	tool, e := j.tool("pg_verifybackup", "--quiet", "--exit-on-error", data)
	if e != nil {
		return e
	}
	// It finds pg_waldump beside itself, and runs it.
	said, err := tool.Run(j.Ctx)
	switch {
	case err == nil:
		return nil
	case j.Ctx.Err() != nil:
		return j.Ended("verifying the backup")
	case !shared.Ended(err):
		return j.FailedTool("pg_verifybackup", j.hide(said), err)
	}
	return effect.Errorf(effect.CodeUnhealthy, "the backup %s is damaged: %s", filepath.Base(filepath.Dir(data)), said).WithHint("restore another backup, and make a new one")
}
