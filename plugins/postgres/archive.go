package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
)

// archive is where WAL is kept.
type archive interface {
	// flush waits until all that the primary has written is there; false if it may
	// not ask for that.
	flush(*job, *conn) (bool, *effect.Error)
	// fetch is a command that brings one file, as restore_command has it, to a
	// data directory.
	fetch(data string) string
	// history returns the history file of a timeline; nil if it is not there.
	history(j *job, name string) []byte
	// newest returns the newest timeline that is known to be there.
	newest() (int, *effect.Error)
	// until returns when the newest file came; zero if nobody knows.
	until() time.Time
}

// walDirectory is an archive that archive_command copies WAL into.
type walDirectory string

// segment matches the names of WAL files in an archive, which begin with a
// timeline.
var segment = lazyregexp.New(`^([0-9A-F]{8})[0-9A-F]{16}$`)

func (dir walDirectory) newest() (newest int, e *effect.Error) {
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		return 0, effect.Errorf(effect.CodeUnavailable, "the archive of WAL cannot be listed: %v; nothing was started", err).WithHint("check wal in the configuration of postgres, and the rights of the directory")
	}
	for _, e := range entries {
		if m := segment.FindStringSubmatch(e.Name()); m != nil {
			v, _ := strconv.ParseInt(m[1], 16, 32)
			newest = max(newest, int(v))
		}
	}
	return newest, nil
}

func (dir walDirectory) until() (newest time.Time) {
	entries, _ := os.ReadDir(string(dir))
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime().UTC()
		}
	}
	return newest
}

func (dir walDirectory) history(_ *job, name string) []byte {
	text, _ := os.ReadFile(filepath.Join(string(dir), name))
	return text
}

func (dir walDirectory) fetch(string) string {
	return fmt.Sprintf("cp '%s/%%f' '%%p' 2>/dev/null", string(dir))
}

func (dir walDirectory) has(file string) bool {
	info, err := os.Stat(filepath.Join(string(dir), file))
	return err == nil && info.Size() > 0
}

func (dir walDirectory) flush(j *job, c *conn) (bool, *effect.Error) {
	r, err := c.row(j.Ctx, "SELECT pg_walfile_name(pg_switch_wal())")
	if state(err) == noRights { // then only what is archived can be restored
		j.Progress.Show(c.title + ": the user " + j.user + " may not call pg_switch_wal: what is not archived yet is left out")
		return false, nil
	}
	if err != nil || len(r) != 1 {
		return false, j.failed(c, "pg_switch_wal", err)
	}
	file := is(r[0])
	for began := time.Now(); !dir.has(file); {
		if _, works := j.archives(c); !works && time.Since(began) > j.timeout || j.Ctx.Err() != nil {
			return false, effect.Errorf(effect.CodeUnavailable, "%s does not archive: %s has not come to %s; nothing was started", c.title, file, dir).
				WithHint("check archive_mode, archive_command, pg_stat_archiver and the server's log")
		}
		j.Progress.Say("waiting until %s is archived", file)
		j.Pause()
	}
	return true, nil
}
