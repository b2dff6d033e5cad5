package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/q-ecosystem/runbook/interpreter/effect"
	"github.com/q-ecosystem/runbook/interpreter/lazyregexp"
	shared "github.com/q-ecosystem/runbook/plugins/internal/database"
)

// targetNotReached is what PostgreSQL logs where the log ends before the moment
// to recover to. There is no code for it.
const targetNotReached = "recovery ended before configured recovery target was reached"

// lastTransaction finds in a server's log the moment of the last transaction that
// a recovery came to. It is logged before it is said that the target was not
// reached.
var lastTransaction = lazyregexp.New(`last completed transaction was at log time (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?)\+00`)

// server is a PostgreSQL on a copy, over a socket that only its user and root
// can reach. It dies with this process.
type server struct {
	shared.Server
	j    *job
	conn *conn
	dir  string // of its socket and configuration
}

// faults returns the lines that say why a server ended.
func (s *server) faults() string {
	var found []string
	lines := s.Said()
	for _, line := range lines {
		for _, level := range []string{"FATAL:  ", "PANIC:  ", "ERROR:  "} {
			if _, text, ok := strings.Cut(line, level); ok && !strings.Contains(text, "the database system is") {
				found = append(found, text)
			}
		}
	}
	if len(found) == 0 {
		found = lines[max(0, len(lines)-3):]
	}
	return strings.Join(found[max(0, len(found)-3):], "; ")
}

// recoveredTo returns the moment of the last transaction that a recovery logged;
// zero if it came to none. The server has to log in UTC.
func (s *server) recoveredTo() (at time.Time) {
	if m := lastTransaction.FindAllStringSubmatch(strings.Join(s.Said(), "\n"), -1); len(m) > 0 {
		at, _ = time.Parse("2006-01-02 15:04:05", m[len(m)-1][1])
	}
	return at
}

// serve starts a server on a data directory, waits until it takes writes, and
// connects to it. With an error comes what ended, where it had been started: its
// log can still be read.
func (j *job) serve(data string, settings ...string) (*server, *effect.Error) {
	path, e := j.where("postgres")
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
	s := &server{j: j, Server: shared.Server{Quit: syscall.SIGQUIT}}
	fail := func(format string, args ...any) (*server, *effect.Error) {
		_ = os.RemoveAll(s.dir)
		release()
		return nil, effect.Errorf(effect.CodeFailed, format, args...).WithHint("see what it said; nothing was changed beside the copy")
	}
	dir, err := shared.SocketDir(socketDir)
	if err != nil {
		return fail("a directory for the server's socket cannot be made: %v", err)
	}
	s.dir = dir
	for name, text := range map[string]string{"postgresql.conf": "", "hba": "local all all trust\n", "ident": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return fail("the server of the copy cannot be configured: %v", err)
		}
		if e := j.own(filepath.Join(dir, name)); e != nil {
			return fail("%s", e.Message)
		}
	}
	if e := j.own(dir); e != nil {
		return fail("%s", e.Message)
	}
	const port = "5432"
	all := append([]string{"config_file=" + dir + "/postgresql.conf", "hba_file=" + dir + "/hba", "ident_file=" + dir + "/ident", "data_directory=" + data,
		"listen_addresses=", "port=" + port, "unix_socket_directories=" + dir, "unix_socket_permissions=0700",
		// Nothing of it may come into the archive or to replicas of the live data.
		"archive_mode=off", "archive_command=", "primary_conninfo=", "max_wal_senders=0", "hot_standby=off", "max_logical_replication_workers=0",
		"shared_preload_libraries=", "shared_buffers=64MB", "huge_pages=off", "max_connections=20", "max_prepared_transactions=64", "ssl=off",
		"autovacuum=off", "logging_collector=off", "log_destination=stderr", "log_line_prefix=", "lc_messages=C", "restart_after_crash=off"}, settings...)
	for name, v := range j.options {
		all = append(all, name+"="+v)
	}
	args := []string{path, "-D", data}
	for _, setting := range all {
		args = append(args, "-c", setting)
	}
	if err := s.Start(args, u, release); err != nil {
		_ = os.RemoveAll(dir)
		return nil, effect.Errorf(effect.CodeUnavailable, "%s was not started: %v", path, err)
	}
	if e := s.await(port); e != nil {
		s.end()
		return s, e
	}
	return s, nil
}

// socketDir begins the names of directories with sockets, before the number of
// the process.
const socketDir = "rb-pg-"

// await connects once the server has recovered.
func (s *server) await(port string) *effect.Error {
	for {
		c, err := s.j.dial("host="+s.dir+" port="+port+" user="+s.j.user+" dbname="+or(s.j.name, s.j.user)+" sslmode=disable", "")
		if err == nil {
			s.conn = &conn{PgConn: c, title: "the server of the copy"}
			return nil
		}
		switch code := state(err); {
		case s.Ended():
			return effect.Errorf(effect.CodeFailed, "the server of the copy ended: %s", s.faults()).WithHint("see what it said; the live data was not touched")
		case s.j.Ctx.Err() != nil:
			return s.j.Ended("recovering the copy")
		case code == "3D000":
			return effect.Errorf(effect.CodeNotFound, "the copy has no database %s", or(s.j.name, s.j.user)).WithHint("check database in the configuration of %s", s.j.backend)
		case code != "" && code != startingUp:
			return effect.Errorf(effect.CodeFailed, "the server of the copy does not let us in: %s", s.j.why(err))
		}
		s.j.Progress.Say("recovering for %s", effect.FormatDuration(time.Since(s.j.Began).Round(time.Second)))
		s.j.Pause()
	}
}

// stop shuts the server down so that the copy is whole on disk.
func (s *server) stop(ctx context.Context) *effect.Error {
	s.leave()
	switch err := s.Stop(ctx, syscall.SIGINT); {
	case errors.Is(err, shared.ErrKilled):
		return effect.Errorf(effect.CodeTimeout, "the server of the copy %v", err).WithHint("give it longer: timeout")
	case err != nil:
		return effect.Errorf(effect.CodeFailed, "the server of the copy %v: %s", err, s.faults()).WithHint("see what it said; the live server was not touched")
	}
	return nil
}

func (s *server) leave() {
	if s.conn != nil {
		s.conn.close()
		s.conn = nil
	}
}

// end leaves nothing of the server behind.
func (s *server) end() {
	s.leave()
	s.End()
	_ = os.RemoveAll(s.dir)
}

// onCopy starts a server on a copy and connects to it.
func (j *job) onCopy(name string) (*conn, func(), *effect.Error) {
	if j.copies.Dir == "" || !j.copies.Has(name) {
		return nil, nil, shared.Names("copy", name, j.copies.Known())
	}
	s, e := j.serve(j.copies.DataOf(name))
	if e != nil {
		return nil, nil, e
	}
	s.conn.title = "the copy " + name
	return s.conn, func() {
		j.Leave(s.stop)
		s.end()
	}, nil
}
