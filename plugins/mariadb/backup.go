package mariadb

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// stored is a complete backup, as its description holds it.
type stored struct {
	Name     string    `json:"name"`
	Key      string    `json:"key"` // of the effect that made it
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Size     int64     `json:"size"`
	Log      string    `json:"log,omitempty"` // the file of the binary log that it is of, and the place there
	Position int64     `json:"position,omitempty"`
}

// The files of a backup.
const (
	dumpFile    = "dump.sql"
	description = "backup.json"
)

// instant is the form of a moment in a name.
const instant = "20060102T150405.000Z"

func (s *stored) value(name string) map[string]any {
	return map[string]any{name: s.Name, "type": "full", "began": shared.Seconds(s.Began), "ended": shared.Seconds(s.Ended), "size": float64(s.Size)}
}

func (j *job) dump(s *stored) string { return filepath.Join(j.backups, s.Name, dumpFile) }

// stored returns the backups, oldest first.
func (j *job) stored() ([]stored, *effect.Error) {
	if j.backups == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of mariadb names no directory for backups").WithHint("give it one: backups: /var/backups/mariadb")
	}
	entries, err := os.ReadDir(j.backups)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, effect.Errorf(effect.CodeUnavailable, "the backups cannot be listed: %v", err).WithHint("check the rights of the directory")
	}
	var list []stored
	for _, entry := range entries {
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
	list, e := j.stored()
	if e != nil {
		return nil, e
	}
	backups, out := []any{}, map[string]any{}
	for i := range list {
		backups = append(backups, list[i].value("name"))
	}
	out["backups"] = backups
	if n := len(list); n > 0 {
		out["earliest"], out["latest"] = shared.Seconds(list[0].Ended), shared.Seconds(list[n-1].Ended)
		if at := j.logged(); at.After(list[n-1].Ended) {
			out["latest"] = shared.Seconds(at)
		}
	}
	return out, nil
}

// logged returns when the binary log was written last.
func (j *job) logged() (newest time.Time) {
	if j.binlogs == "" {
		return newest
	}
	entries, _ := os.ReadDir(j.binlogs)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && logFile.MatchString(e.Name()) && info.ModTime().After(newest) {
			newest = info.ModTime().UTC()
		}
	}
	return newest
}

// mine returns the backup that this effect made; nil if it is not there.
func (j *job) mine() (map[string]any, *effect.Error) {
	list, e := j.stored()
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
		return nil, effect.Errorf(effect.CodeUnsupported, "this backend makes no backups of the type %q; nothing was started", kind).WithHint(`type = "full"`)
	}
	if value, e := j.mine(); e != nil || value != nil {
		return value, e
	}
	logs, size, e := j.survey()
	if e != nil {
		return nil, e
	}
	if err := os.MkdirAll(j.backups, 0o700); err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "%s cannot be made: %v; nothing was started", j.backups, err).WithHint("create it, and let this user write there")
	}
	if e := shared.Room(j.backups, size, "the data"); e != nil {
		return nil, e
	}
	hidden := filepath.Join(j.backups, ".part-"+j.ID())
	_ = os.RemoveAll(hidden) // of an attempt that was killed
	defer os.RemoveAll(hidden)
	if err := os.Mkdir(hidden, 0o700); err != nil {
		return nil, effect.Errorf(effect.CodeRefused, "%s cannot be written: %v; nothing was started", j.backups, err).WithHint("let this user write there")
	}
	out := &stored{Key: j.Key, Began: time.Now().UTC().Truncate(time.Millisecond)}
	file := filepath.Join(hidden, dumpFile)
	args := []string{"--single-transaction", "--quick", "--routines", "--triggers", "--events", "--hex-blob", "--all-databases", "--result-file=" + file}
	if logs {
		args = append(args, "--master-data=2")
	}
	tool, e := j.toServer("mariadb-dump", args...)
	if e != nil {
		return nil, e
	}
	if said, err := tool.Run(j.Ctx); err != nil {
		return nil, j.FailedTool("mariadb-dump of "+j.title(), j.hide(said), err)
	}
	if e := out.read(file); e != nil {
		return nil, e
	}
	out.Ended = time.Now().UTC().Truncate(time.Millisecond)
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

// survey says whether the server keeps a binary log, and about how much data it
// holds.
func (j *job) survey() (logs bool, size int64, e *effect.Error) {
	c, e := j.connect()
	if e != nil {
		return false, 0, e
	}
	defer c.close()
	err := c.QueryRowContext(j.Ctx, "SELECT @@log_bin, (SELECT coalesce(sum(DATA_LENGTH), 0) FROM information_schema.TABLES)").Scan(&logs, &size)
	if err != nil {
		return false, 0, j.failed(c, "its size", err)
	}
	if j.binlogs != "" && !logs {
		return false, 0, effect.Errorf(effect.CodeRefused, "%s keeps no binary log, and binlogs is configured; nothing was started", c.title).WithHint("turn log_bin on, or leave binlogs out")
	}
	return logs, size, nil
}

var position = lazyregexp.New(`(?m)^-- CHANGE MASTER TO MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+);`)

// read takes from a dump which place of the log it is of, and refuses one that
// is cut short. What it holds outlives a loss of power then.
func (s *stored) read(file string) *effect.Error {
	cut := func(err error) *effect.Error {
		return effect.Errorf(effect.CodeUnhealthy, "the dump %s is cut short (%v)", file, err).WithHint("restore another backup, and make a new one")
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return cut(err)
	}
	defer f.Close()
	head, err := bufio.NewReaderSize(f, 16<<10).Peek(16 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return cut(err)
	}
	if m := position.FindSubmatch(head); m != nil {
		s.Log = string(m[1])
		s.Position, _ = strconv.ParseInt(string(m[2]), 10, 64)
	}
	info, err := f.Stat()
	if err != nil {
		return cut(err)
	}
	const end = 200
	s.Size = info.Size()
	tail := make([]byte, min(end, s.Size))
	if _, err := f.ReadAt(tail, s.Size-int64(len(tail))); err != nil {
		return cut(err)
	}
	if !strings.Contains(string(tail), "-- Dump completed") {
		return cut(errors.New("its last line is missing"))
	}
	if err := f.Sync(); err != nil {
		return cut(err)
	}
	return nil
}
