package mariadb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// socketDir begins the names of directories with sockets.
const socketDir = "rb-mdb-"

// server is a MariaDB on a copy, over a socket that only its user and root can
// reach.
type server struct {
	shared.Server
	dir string // of its socket
}

// serve starts a server on a data directory and waits until it answers.
func (j *job) serve(data string, settings ...string) (*server, *effect.Error) {
	path, e := j.where("mariadbd")
	if e != nil {
		return nil, e
	}
	u, e := j.as()
	if e != nil {
		return nil, e
	}
	release, e := j.serving.Hold(j.Call, data)
	if e != nil {
		return nil, e
	}
	dir, err := shared.SocketDir(socketDir)
	if err == nil && u != nil {
		err = os.Chown(dir, int(u.UID), int(u.GID))
	}
	if err != nil {
		release()
		return nil, effect.Errorf(effect.CodeFailed, "a directory for the server's socket cannot be made: %v; nothing was started", err)
	}
	s := &server{Server: shared.Server{Quit: syscall.SIGKILL}, dir: dir}
	argv := append([]string{path, "--no-defaults", "--datadir=" + data, "--socket=" + s.socket(), "--pid-file=" + filepath.Join(dir, "pid"), "--skip-networking", "--tmpdir=" + dir,
		// Nothing of it may act on others: no log that is followed, no replication,
		// no events of the application's.
		"--skip-log-bin", "--skip-slave-start", "--event-scheduler=DISABLED", "--skip-name-resolve",
		"--innodb-buffer-pool-size=64M", "--max-allowed-packet=1G", "--log-warnings=1"}, settings...)
	for name, v := range j.options {
		argv = append(argv, "--"+name+"="+v)
	}
	if err := s.Start(argv, u, release); err != nil {
		_ = os.RemoveAll(dir)
		return nil, effect.Errorf(effect.CodeUnavailable, "%s was not started: %v", path, err)
	}
	for {
		c, err := j.onSocket(s, "")
		if err == nil {
			c.close()
			return s, nil
		}
		switch {
		case s.Ended():
			e = effect.Errorf(effect.CodeFailed, "the server of the copy ended: %s", s.faults()).WithHint("see what it said; the live server was not touched")
		case j.Ctx.Err() != nil:
			e = j.Ended("starting the server of the copy")
		case number(err) != 0:
			e = effect.Errorf(effect.CodeFailed, "the server of the copy does not let us in: %s", j.why(err))
		}
		if e != nil {
			s.end()
			return nil, e
		}
		j.Progress.Say("starting the server of the copy for %s", effect.FormatDuration(time.Since(j.Began).Round(time.Second)))
		j.Pause()
	}
}

func (s *server) socket() string { return filepath.Join(s.dir, "s") }

func (j *job) onSocket(s *server, name string) (*conn, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.DBName = "unix", s.socket(), "root", name
	return j.dial(config)
}

// faults returns the lines that say why a server ended.
func (s *server) faults() string {
	var found []string
	lines := s.Said()
	for _, line := range lines {
		if _, text, ok := strings.Cut(line, "[ERROR] "); ok {
			found = append(found, text)
		}
	}
	if len(found) == 0 {
		found = lines[max(0, len(lines)-3):]
	}
	return strings.Join(found[:min(3, len(found))], "; ")
}

// stop shuts it down so that the copy is whole on disk.
func (s *server) stop(ctx context.Context) *effect.Error {
	switch err := s.Stop(ctx, syscall.SIGTERM); {
	case errors.Is(err, shared.ErrKilled):
		return effect.Errorf(effect.CodeTimeout, "the server of the copy %v", err).WithHint("give it longer: timeout")
	case err != nil:
		return effect.Errorf(effect.CodeFailed, "the server of the copy %v: %s", err, s.faults()).WithHint("see what it said; the live server was not touched")
	}
	return nil
}

// end leaves nothing of the server behind.
func (s *server) end() {
	s.End()
	_ = os.RemoveAll(s.dir)
}

// pause waits before the next look at what goes on by itself.

// onCopy starts a server on a copy and connects to it. The accounts are those of
// the server that the copy is of; who reaches the socket needs none.
func (j *job) onCopy(name string) (*conn, func(), *effect.Error) {
	if j.copies.Dir == "" || !j.copies.Has(name) {
		return nil, nil, shared.Names("copy", name, j.copies.Known())
	}
	s, e := j.serve(j.copies.DataOf(name), "--skip-grant-tables")
	if e != nil {
		return nil, nil, e
	}
	done := func() {
		j.Leave(s.stop)
		s.end()
	}
	c, err := j.onSocket(s, j.name)
	if err != nil {
		done()
		if number(err) == unknownDatabase {
			return nil, nil, effect.Errorf(effect.CodeNotFound, "the copy has no database %s", j.name).WithHint("check database in the configuration of mariadb")
		}
		return nil, nil, effect.Errorf(effect.CodeFailed, "the server of the copy does not let us in: %s", j.why(err))
	}
	c.title = "the copy " + name
	return c, func() { c.close(); done() }, nil
}
