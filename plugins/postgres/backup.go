package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// stored is a complete backup, as its description holds it.
type stored struct {
	Name     string    `json:"name"`
	Key      string    `json:"key"` // of the effect that made it
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Size     int64     `json:"size"`
	Timeline int       `json:"timeline"`
	End      uint64    `json:"end"` // a place in the WAL that it reaches at the least
}

// The files of a backup.
const (
	dataDir     = "data"
	description = "backup.json"
)

// instant is the form of a moment in a name.
const instant = "20060102T150405.000Z"

func (s *stored) value(name string) map[string]any {
	return map[string]any{name: s.Name, "type": "full", "began": seconds(s.Began), "ended": seconds(s.Ended), "size": float64(s.Size)}
}

func (j *job) backupData(name string) string { return filepath.Join(j.backups, name, dataDir) }

// backupsHere returns the backups, oldest first.
func (j *job) backupsHere() ([]stored, *effect.Error) {
	if j.backups == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of postgres names no directory for backups").WithHint("give it one: backups: /var/backups/postgres")
	}
	entries, err := os.ReadDir(j.backups)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, effect.Errorf(effect.CodeUnavailable, "the backups cannot be listed: %v", err).WithHint("check the rights of the directory")
	}
	var list []stored
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		var s stored
		data, err := os.ReadFile(filepath.Join(j.backups, entry.Name(), description))
		if err == nil && json.Unmarshal(data, &s) == nil && s.Name == entry.Name() {
			list = append(list, s)
		}
	}
	sort.SliceStable(list, func(a, b int) bool { return list[a].Ended.Before(list[b].Ended) })
	return list, nil
}

func (j *job) list() (map[string]any, *effect.Error) {
	list, e := j.backupsHere()
	if e != nil {
		return nil, e
	}
	backups, out := []any{}, map[string]any{}
	for i := range list {
		backups = append(backups, list[i].value("name"))
	}
	out["backups"] = backups
	c, s, e := j.onPrimary()
	if e == nil {
		defer c.close()
		if s.timeline == 0 {
			s = j.status(s.node)
		}
		if s.err == nil && s.timeline > 0 && !s.recovering {
			out["timeline"] = float64(s.timeline)
		}
	}
	if len(list) == 0 {
		return out, nil
	}
	out["earliest"], out["latest"] = seconds(list[0].Ended), seconds(list[len(list)-1].Ended)
	if j.wal != "" {
		// While the primary archives, everything until now can be restored;
		// otherwise what the archive has.
		latest, known := j.archivedUntil(), false
		if c != nil {
			if now, archives := j.archives(c); archives {
				latest, known = now, true
			}
		}
		if known || latest.After(list[len(list)-1].Ended) {
			out["latest"] = seconds(latest)
		}
	}
	return out, nil
}

// archives returns the server's time, and whether archiving works.
func (j *job) archives(c *conn) (time.Time, bool) {
	r, err := c.row(j.Ctx, `SELECT extract(epoch from clock_timestamp()), current_setting('archive_mode') <> 'off' AND (last_failed_time IS NULL OR last_archived_time > last_failed_time) FROM pg_stat_archiver`)
	if err != nil || len(r) != 2 {
		return time.Time{}, false
	}
	return epoch(is(r[0])), is(r[1]) == "t"
}

// epoch reads seconds since 1970 as PostgreSQL prints them.
func epoch(text string) time.Time {
	s, _ := strconv.ParseFloat(text, 64)
	return time.UnixMicro(int64(s * 1e6)).UTC()
}

// archivedUntil returns when the newest file came into the archive.
func (j *job) archivedUntil() (newest time.Time) {
	entries, _ := os.ReadDir(j.wal)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime().UTC()
		}
	}
	return newest
}

// mine returns the backup that this effect made; nil if it is not there.
func (j *job) mine() (map[string]any, *effect.Error) {
	list, e := j.backupsHere()
	for i := range list {
		if list[i].Key == j.Key {
			return list[i].value("backup"), nil
		}
	}
	return nil, e
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
		return nil, effect.Errorf(effect.CodeUnsupported, "this backend makes no backups of the type %q; nothing was started", kind).WithHint(`type = "full"; pgBackRest makes others`)
	}
	if value, e := j.mine(); e != nil || value != nil {
		return value, e
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
	if e := j.mkdir(j.backups); e != nil {
		return nil, e
	}
	if e := shared.Room(j.backups, size, "the cluster"); e != nil {
		return nil, e
	}
	hidden := filepath.Join(j.backups, ".part-"+j.ID())
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
	if e := j.verify(data); e != nil {
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
		err = shared.Place(hidden, filepath.Join(j.backups, out.Name))
	}
	if err == nil {
		err = shared.SyncDir(j.backups)
	}
	if err != nil {
		return nil, effect.Errorf(effect.CodeUnknown, "the backup %s is made, and whether it is kept is not known: %v", out.Name, err).WithHint("look at %s", j.backups)
	}
	return out.value("backup"), nil
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
			WithHint("back it up with pgBackRest")
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
		return j.failedTool("pg_basebackup of "+n.title(), said, err)
	}
	return nil
}

// watch shows how a directory grows, until the function that it returns has
// returned.
func (j *job) watch(what, dir string, size int64) (end func()) {
	ctx, cancel := context.WithCancel(j.Ctx)
	var over sync.WaitGroup
	over.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				j.Progress.Say("%s %s of about %s", what, shared.Bytes(sizeOf(dir)), shared.Bytes(size))
			}
		}
	})
	return func() { cancel(); over.Wait() }
}

func sizeOf(dir string) (size int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// verify holds a backup against its manifest, WAL included.
func (j *job) verify(data string) *effect.Error {
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
		return j.failedTool("pg_verifybackup", said, err)
	}
	return effect.Errorf(effect.CodeUnhealthy, "the backup %s is damaged: %s", filepath.Base(filepath.Dir(data)), said).WithHint("restore another backup, and make a new one")
}
