package mariadb

import (
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

func (j *job) seeCopy() (effect.Observed, map[string]any, *effect.Error) {
	value, e := j.copies.Restored(j.Text("copy"), j.Key)
	if value == nil {
		return effect.NotApplied, nil, e
	}
	return effect.Applied, value, nil
}

// goal is what a restore is to reach.
type goal struct {
	from  *stored
	given bool // a moment is
	at    time.Time
	logs  []string // files of the binary log to carry out, from the backup's place on
}

func (j *job) restore() (map[string]any, *effect.Error) {
	name := j.Text("copy")
	if j.copies.Dir == "" {
		return nil, effect.Errorf(effect.CodeUnsupported, "the configuration of mariadb names no directory for copies").WithHint("give it one: copies: /var/lib/mysql-copies")
	}
	if value, e := j.copies.Restored(name, j.Key); e != nil || value != nil {
		return value, e
	}
	live := j.data
	if live == "" {
		live = "/nowhere"
	}
	if e := j.copies.Free(name, live); e != nil {
		return nil, e
	}
	g, e := j.goal()
	if e != nil {
		return nil, e
	}
	was := *g.from
	if e := was.read(j.dump(g.from)); e != nil {
		return nil, e
	}
	if e := j.mkdir(j.copies.Dir); e != nil {
		return nil, e
	}
	if e := shared.Room(j.copies.Dir, 2*g.from.Size, "the backup"); e != nil {
		return nil, e
	}
	hidden := filepath.Join(j.copies.Dir, ".part-"+j.ID())
	_ = os.RemoveAll(hidden) // of an attempt that was killed
	defer os.RemoveAll(hidden)
	data := filepath.Join(hidden, j.copies.Data)
	for _, dir := range []string{hidden, data} {
		if e := j.mkdir(dir); e != nil {
			return nil, e
		}
	}
	if e := j.load(g, hidden, data); e != nil {
		return nil, e
	}
	value := map[string]any{"copy": name, "backup": g.from.Name, "time": shared.Seconds(g.at)}
	if e := j.copies.Place(hidden, name, j.Key, value); e != nil {
		return nil, e
	}
	return value, nil
}

// goal chooses the backup, and what to carry out of the log.
func (j *job) goal() (*goal, *effect.Error) {
	list, e := j.stored()
	if e != nil {
		return nil, e
	}
	g := &goal{}
	target := math.Inf(1)
	t, given, e := j.Moment()
	if e != nil {
		return nil, e
	}
	if given {
		g.given, g.at, target = true, t, shared.Seconds(t.Round(time.Millisecond))
	}
	if len(list) == 0 {
		return nil, effect.Errorf(effect.CodeNotFound, "there is no backup at all").WithHint("make one with db.backup")
	}
	wanted, known := j.Text("backup"), []string{}
	for i := range list {
		known = append(known, list[i].Name)
		if (wanted == "" || list[i].Name == wanted) && shared.Seconds(list[i].Ended) <= target {
			g.from = &list[i]
		}
	}
	if wanted != "" && !slices.Contains(known, wanted) {
		return nil, shared.Names("backup", wanted, known)
	}
	if g.from == nil {
		return nil, effect.Errorf(effect.CodeNotFound, "no backup reaches back to the moment that is asked for").WithHint("db.backups tells the earliest moment that can be restored")
	}
	if j.binlogs == "" || g.from.Log == "" {
		if g.given && shared.Seconds(g.from.Ended) != target {
			return nil, effect.Errorf(effect.CodeRefused, "only the ends of backups can be restored: there is no log").WithHint("name a backup, without a time; or configure binlogs")
		}
		g.at = g.from.Began // a dump is of the moment in which it began
		return g, nil
	}
	if g.logs, e = j.logs(g.from.Log); e != nil {
		return nil, e
	}
	if !g.given {
		g.at = time.Now().UTC().Truncate(time.Millisecond)
	} else {
		g.at = g.at.UTC().Truncate(time.Second) // the log has whole ones
	}
	return g, j.reach(g)
}

// reach sees to it that the log goes on to the moment. A server that answers
// says whether it has written more, which is waited for; of one that does not
// nobody knows, and then the end of the log is the moment.
func (j *job) reach(g *goal) *effect.Error {
	if !j.logged().Before(g.at) {
		return nil
	}
	file, size, known := j.writing()
	for until := time.Now().Add(j.timeout); known; j.Pause() {
		info, err := os.Stat(filepath.Join(j.binlogs, file))
		switch {
		case err == nil && info.Size() >= size:
			return nil
		case j.Ctx.Err() != nil:
			return j.Ended("waiting for the binary log of " + j.title())
		case time.Now().After(until):
			return effect.Errorf(effect.CodeUnavailable, "the log in %s ends at %s, and %s has written more (%s to %d); nothing was started", j.binlogs, j.logged().Format(time.RFC3339), j.title(), file, size).
				WithHint("see that what copies the log there runs (mariadb-binlog --raw --stop-never); or restore to a moment before that")
		}
		j.Progress.Say("waiting for %s of the binary log", file)
	}
	if g.at = j.logged().Truncate(time.Millisecond); g.at.Before(g.from.Began) {
		g.at = g.from.Began
	}
	g.given = false // all of the log
	j.Progress.Show("the log ends at " + g.at.Format(time.RFC3339) + ", and " + j.title() + " does not tell whether it wrote more: the copy is of that moment")
	return nil
}

// writing returns the file of the binary log that the server writes, and how
// far it came; known is false if it does not say.
func (j *job) writing() (file string, size int64, known bool) {
	c, e := j.connect()
	if e != nil {
		return "", 0, false
	}
	defer c.close()
	err := c.QueryRowContext(j.Ctx, "SHOW MASTER STATUS").Scan(&file, &size, new(sql.NullString), new(sql.NullString))
	return file, size, err == nil
}

// logFile matches the names of files of a binary log.
var logFile = lazyregexp.New(`^(.+)\.(\d{6,})$`)

// logs returns the files of the binary log from one on, in order.
func (j *job) logs(first string) ([]string, *effect.Error) {
	entries, err := os.ReadDir(j.binlogs)
	if err != nil {
		return nil, effect.Errorf(effect.CodeUnavailable, "the binary log cannot be listed: %v; nothing was started", err).WithHint("check binlogs in the configuration of mariadb, and the rights of the directory")
	}
	from := logFile.FindStringSubmatch(first)
	var out []string
	for _, e := range entries {
		m := logFile.FindStringSubmatch(e.Name())
		if from == nil || m == nil || m[1] != from[1] || len(m[2]) < len(from[2]) || len(m[2]) == len(from[2]) && m[2] < from[2] {
			continue
		}
		out = append(out, filepath.Join(j.binlogs, e.Name()))
	}
	slices.SortFunc(out, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	if len(out) == 0 || filepath.Base(out[0]) != first {
		return nil, effect.Errorf(effect.CodeRefused, "the backup is of the log %s, which is not in %s any more; nothing was started", first, j.binlogs).
			WithHint("restore a newer backup; keep logs (binlog_expire_logs_seconds) for longer than backups")
	}
	return out, nil
}

// load lets a server that only we can reach take the dump and the log.
func (j *job) load(g *goal, hidden, data string) *effect.Error {
	u, e := j.as()
	if e != nil {
		return e
	}
	// Temporary files go where the user that it runs as can write: ours may be closed.
	install, e := j.tool("mariadb-install-db", "--datadir="+data, "--tmpdir="+hidden, "--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal")
	if e != nil {
		return e
	}
	install.User = u
	if said, err := install.Run(j.Ctx); err != nil {
		return j.FailedTool("mariadb-install-db", j.hide(said), err)
	}
	changes, e := j.changes(g, hidden)
	if e != nil {
		return e
	}
	dump, err := os.Open(j.dump(g.from))
	if err != nil {
		return effect.Errorf(effect.CodeFailed, "the backup cannot be read: %v; nothing was left of it", err)
	}
	defer dump.Close()
	// What is loaded need not outlive a loss of power before the copy has its name:
	// the server writes all of it when it shuts down.
	s, e := j.serve(data, "--innodb-flush-log-at-trx-commit=0", "--innodb-fast-shutdown=0")
	if e != nil {
		return e
	}
	defer s.end()
	// One connection from the beginning to the end: the dump and the log may
	// change the accounts.
	client, e := j.tool("mariadb", "--protocol=socket", "--socket="+s.socket(), "--user=root", "--binary-mode", "--max-allowed-packet=1G")
	if e != nil {
		return e
	}
	read := &counted{from: dump}
	client.Input = io.MultiReader(read, changes)
	if c, ok := changes.(io.Closer); ok {
		defer c.Close()
	}
	read.said = func(n int64) {
		j.Progress.Say("restored %s of %s", shared.Bytes(n), shared.Bytes(g.from.Size))
	}
	if said, err := client.Run(j.Ctx); err != nil {
		return j.FailedTool("loading the copy", j.hide(said), err)
	}
	if e := s.stop(j.Ctx); e != nil {
		e.Message += "; nothing was left of the copy"
		return e
	}
	return nil
}

// changes returns what the log has from the backup's place to the moment, as
// statements.
func (j *job) changes(g *goal, hidden string) (io.Reader, *effect.Error) {
	if len(g.logs) == 0 {
		return &bytes.Reader{}, nil
	}
	file := filepath.Join(hidden, "log.sql")
	args := []string{fmt.Sprintf("--start-position=%d", g.from.Position), "--result-file=" + file}
	if g.given {
		args = append(args, "--stop-datetime="+g.at.Format("2006-01-02 15:04:05"))
	}
	tool, e := j.tool("mariadb-binlog", append(args, g.logs...)...)
	if e != nil {
		return nil, e
	}
	if said, err := tool.Run(j.Ctx); err != nil {
		return nil, j.FailedTool("mariadb-binlog", j.hide(said), err)
	}
	f, err := os.Open(file)
	if err == nil {
		err = os.Remove(file) // it is read to its end, and does not stay in the copy
	}
	if err != nil {
		return nil, effect.Errorf(effect.CodeFailed, "the log cannot be read: %v; nothing was left of it", err)
	}
	return f, nil
}

// counted tells how much was read.
type counted struct {
	from io.Reader
	n    int64
	said func(n int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	c.said(c.n)
	return n, err
}
